"""The passing of time: from one step boundary to the next, stopping wherever a router has to decide (DESIGN 2.2).

`advance` is re-entrant. It runs until it needs an answer, says in one word what it needs, and goes on from there when
called again. A compiled policy, a policy in Python and an environment all drive this one function. `regimes`, here and
in what it calls, is None where no part of `brgym.cluster.regimes` is on. Numba compiles for types, and None is one:
what stands behind `regimes is not None` is not in the machine code that serves the others.
"""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.admission import admit, admit_from_queues, finishing_bucket, release
from brgym.cluster.boundary import next_event_with, open_boundary
from brgym.cluster.drafts import gain_drafts
from brgym.cluster.faults import nobody_will_be_up
from brgym.cluster.prompts import complete_prompts, prefill_chunks
from brgym.cluster.records import FROM_POOL, JOIN, NOTHING, ROUTE, RUN, Integers
from brgym.cluster.sources import let_followers_come
from brgym.cluster.state import State, View, borrowed, view_of
from brgym.cluster.step_log import log_step
from brgym.cluster.tier import has_tier, use_room
from brgym.cluster.victims import preempt_overfull
from brgym.cluster.vocabulary import (
    anything_fits,
    candidate_context_tokens,
    candidate_fits,
    room_tokens,
    waiting,
    window_size,
)
from brgym.cluster.waiting import enqueue, take_from_pool

DECIDE, DONE, STUCK, LOG_FULL = 0, 1, 2, 3
"""What `advance` stopped for: a decision of the router; the end; requests wait, but none runs and none is due, so that
time cannot pass unless the router admits something; the log of steps has no room for another one."""


@inlined
def advance(state: State, regimes: int | None) -> int:
    """Runs the cluster until something is needed from outside.

    Args:
        state: The cluster.
        regimes: None where no part is on (`regimes_of`).

    Returns:
        One of `DECIDE`, `DONE`, `STUCK`, `LOG_FULL`.
    """
    clock, progress, view = state.clock[0], state.progress[0], view_of(state)
    while True:
        if progress.phase == JOIN:
            clock.boundary += 1
            open_boundary(state, regimes)
            progress.phase = ROUTE
        if progress.phase == ROUTE:
            if _decision_due(view):
                return DECIDE
            if state.constants[0].binding != FROM_POOL:
                admit_from_queues(state, view, regimes)
            progress.phase = RUN
        if regimes is not None and has_tier(state):
            use_room(state)
        if clock.active == 0:
            due_s = next_event_with(state, regimes)
            if waiting(view) > 0 and (math.isinf(due_s) or (regimes is not None and nobody_will_be_up(state))):
                return STUCK
            if math.isinf(due_s):
                return DONE
            clock.now_s = due_s
        else:
            if clock.step == len(state.steps):
                return LOG_FULL
            preempt_overfull(state, view, regimes)
            _run_step(state, view, regimes)
        progress.phase = JOIN


@inlined
def apply(state: State, pairs: Integers, count: int, regimes: int | None) -> int:
    """Carries out a decision of the router; an empty one ends the routing of this boundary.

    Args:
        state: The cluster, stopped at `DECIDE`.
        pairs: (candidate, worker) rows, shape (at least count, 2); candidates are numbered as in the view when the
            decision was asked for, and are admitted in the order of the rows.
        count: Number of rows that count.
        regimes: As in `advance`.

    Returns:
        -1, or the first row that is not allowed (no such candidate or worker, a candidate named twice, one that does
        not fit, a worker that is stopped); the rows before it have been carried out. len(pairs), which is no row, if
        there cannot be so many.
    """
    if not 0 <= count <= len(pairs):
        return len(pairs)
    if count == 0:
        state.progress[0].phase = RUN
        return -1
    view = view_of(state)
    seen = window_size(view)
    for row in range(count):
        candidate, worker = pairs[row, 0], pairs[row, 1]
        if not (0 <= candidate < seen and 0 <= worker < len(state.load_tokens)):
            return row
        index = candidate  # where it stands now that older ones of this decision have left
        for earlier in range(row):
            if pairs[earlier, 0] == candidate:
                return row
            if pairs[earlier, 0] < candidate:
                index -= 1
        if state.constants[0].binding != FROM_POOL:
            if not state.up[worker]:
                return row
            request = take_from_pool(state, index)
            state.requests[request].worker = worker
            enqueue(state, worker, request)
        elif _takes(view, worker, index, regimes):
            admit(state, take_from_pool(state, index), worker, regimes)
        else:
            return row
    return -1


@compiled
def proceed(state: State, pairs: Integers, count: int, regimes: int | None) -> int:
    """Carries out a decision, then runs on: `apply` and `advance` in one call.

    Returns:
        What `advance` stopped for, or -1 - row for the first row that is not allowed.
    """
    own = borrowed(state)
    row = apply(own, pairs, count, regimes)
    return -1 - row if row >= 0 else advance(own, regimes)


@inlined
def _takes(view: View, worker: int, candidate: int, regimes: int | None) -> bool:
    if regimes is not None:
        return candidate_fits(view, worker, candidate)
    return candidate_context_tokens(view, candidate) <= room_tokens(view, worker)


@inlined
def _decision_due(view: View) -> bool:
    if view.constants[0].binding == FROM_POOL:
        return anything_fits(view)
    return view.clock[0].pool_stop > view.clock[0].pool_start and view.clock[0].workers_up > 0


@inlined
def _run_step(state: State, view: View, regimes: int | None) -> None:
    """Parts 5 and 6: the step lasts as long as the slowest worker needs; whatever decodes has one token more."""
    clock, progress = state.clock[0], state.progress[0]
    chunked = regimes is not None and state.constants[0].chunk_tokens > 0
    if chunked:
        prefill_chunks(state)
    clock.now_s += log_step(state, view, regimes)
    if regimes is not None and state.constants[0].draft_tokens > 0:
        gain_drafts(state)
    if chunked:
        complete_prompts(state)
    for place in range(progress.fresh):
        state.requests[state.fresh[place]].first_token_s = clock.now_s
    progress.fresh = 0
    for worker in range(len(state.load_tokens)):
        if regimes is not None:
            state.load_tokens[worker] += state.active[worker] - state.prefilling[worker]
            state.allowed_tokens[worker] -= state.active[worker] - state.prefilling[worker]
        else:
            state.load_tokens[worker] += state.active[worker]
    _finish_due(state, regimes)


@inlined
def _finish_due(state: State, regimes: int | None) -> None:
    clock, progress = state.clock[0], state.progress[0]
    bucket = finishing_bucket(state, clock.step)
    clock.step += 1  # tokens generated are counted from the step number, so it moves before anything is released
    while state.calendar[bucket] != NOTHING:
        request = state.calendar[bucket]
        state.requests[request].finish_s = clock.now_s
        release(state, request, regimes)
        progress.finished += 1
        if regimes is not None:
            progress.arrivals_s -= state.requests[request].arrival_s
            progress.gone_s += clock.now_s - state.requests[request].arrival_s
            let_followers_come(state, request)

"""The passing of time: from one step boundary to the next, stopping wherever a router has to decide (DESIGN 2.2).

`advance` is re-entrant. It runs until it needs an answer, says in one word what it needs, and goes on from there when
called again. A compiled policy, a policy in Python and an environment all drive this one function.
"""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.admission import (
    admit,
    admit_from_queues,
    finishing_bucket,
    preempt_overfull,
    release,
)
from brgym.cluster.figures import step_seconds
from brgym.cluster.memory import fits
from brgym.cluster.records import FROM_POOL, JOIN, NOTHING, ROUTE, RUN, Integers
from brgym.cluster.state import State, View, borrowed, view_of
from brgym.cluster.vocabulary import anything_fits, candidate_context_tokens, waiting, window_size
from brgym.cluster.waiting import enqueue, join, next_event_s, take_from_pool

DECIDE, DONE, STUCK, LOG_FULL = 0, 1, 2, 3
"""What `advance` stopped for: a decision of the router; the end; requests wait, but none runs and none is due, so that
time cannot pass unless the router admits something; the log of steps has no room for another one."""


@inlined
def advance(state: State) -> int:
    """Runs the cluster until something is needed from outside.

    Returns:
        One of `DECIDE`, `DONE`, `STUCK`, `LOG_FULL`.
    """
    clock, progress, view = state.clock[0], state.progress[0], view_of(state)
    while True:
        if progress.phase == JOIN:
            clock.boundary += 1
            join(state)
            progress.phase = ROUTE
        if progress.phase == ROUTE:
            if _decision_due(view):
                return DECIDE
            if state.constants[0].binding != FROM_POOL:
                admit_from_queues(state, view)
            progress.phase = RUN
        if clock.active == 0:
            due_s = next_event_s(state)
            if math.isinf(due_s):
                return STUCK if waiting(view) > 0 else DONE
            clock.now_s = due_s
        else:
            if clock.step == len(state.steps):
                return LOG_FULL
            preempt_overfull(state, view)
            _run_step(state, view)
        progress.phase = JOIN


@inlined
def apply(state: State, pairs: Integers, count: int) -> int:
    """Carries out a decision of the router; an empty one ends the routing of this boundary.

    Args:
        state: The cluster, stopped at `DECIDE`.
        pairs: (candidate, worker) rows, shape (at least count, 2); candidates are numbered as in the view when the
            decision was asked for, and are admitted in the order of the rows.
        count: Number of rows that count.

    Returns:
        -1, or the first row that is not allowed (no such candidate or worker, a candidate named twice, or one that does
        not fit); the rows before it have been carried out. len(pairs), which is no row, if there cannot be so many.
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
            request = take_from_pool(state, index)
            state.requests[request].worker = worker
            enqueue(state, worker, request)
        elif fits(view, worker, candidate_context_tokens(view, index)):
            admit(state, take_from_pool(state, index), worker)
        else:
            return row
    return -1


@compiled
def proceed(state: State, pairs: Integers, count: int) -> int:
    """Carries out a decision, then runs on: `apply` and `advance` in one call.

    Returns:
        What `advance` stopped for, or -1 - row for the first row that is not allowed.
    """
    own = borrowed(state)
    row = apply(own, pairs, count)
    return -1 - row if row >= 0 else advance(own)


@inlined
def _decision_due(view: View) -> bool:
    if view.constants[0].binding == FROM_POOL:
        return anything_fits(view)
    return view.clock[0].pool_stop > view.clock[0].pool_start


@inlined
def _run_step(state: State, view: View) -> None:
    """Parts 5 and 6: the step lasts as long as the slowest worker needs; every active request has one token more."""
    clock, progress = state.clock[0], state.progress[0]
    duration_s = _log_step(state, view)
    clock.now_s += duration_s
    for place in range(progress.fresh):
        state.requests[state.fresh[place]].first_token_s = clock.now_s
    progress.fresh = 0
    for worker in range(len(state.load_tokens)):
        state.load_tokens[worker] += state.active[worker]
    _finish_due(state)


@inlined
def _finish_due(state: State) -> None:
    clock, progress = state.clock[0], state.progress[0]
    bucket = finishing_bucket(state, clock.step)
    clock.step += 1  # tokens generated are counted from the step number, so it moves before anything is released
    while state.calendar[bucket] != NOTHING:
        request = state.calendar[bucket]
        state.requests[request].finish_s = clock.now_s
        release(state, request)
        progress.finished += 1


@inlined
def _log_step(state: State, view: View) -> float:
    """Samples the figures of the coming step, and returns its duration in seconds."""
    clock, progress = state.clock[0], state.progress[0]
    envelope, total, most_active = 0, 0, 0
    for worker in range(len(state.load_tokens)):
        envelope = max(envelope, int(state.load_tokens[worker]))
        most_active = max(most_active, int(state.active[worker]))
        total += int(state.load_tokens[worker])
    lowest = envelope
    for worker in range(len(state.load_tokens)):
        lowest = min(lowest, int(state.load_tokens[worker]))
    duration_s = step_seconds(state.step_time, state.load_tokens, state.active, envelope, most_active, clock.active)
    entry = state.steps[clock.step]
    entry.start_s = clock.now_s
    entry.duration_s = duration_s
    entry.max_load = envelope
    entry.sum_load = total
    entry.min_load = lowest
    entry.active = clock.active
    entry.waiting = waiting(view)
    entry.admitted = progress.admitted
    entry.finished = progress.finished
    entry.barrier_idle = max(0.0, 1.0 - _busy_seconds(state, total) / (len(state.load_tokens) * duration_s))
    entry.energy_j = _power_w(state, envelope) * duration_s
    return duration_s


@inlined
def _busy_seconds(state: State, total_load: int) -> float:
    """Time that all workers together would need for their own loads."""
    workers, active = len(state.load_tokens), state.clock[0].active
    if len(state.step_time) == 1:  # one row is linear in the loads, so their sums will do
        row = state.step_time[0]
        return workers * (row[0] + row[3] * active) + row[1] * total_load + row[2] * active
    busy_s = 0.0
    for worker in range(workers):
        alone = slice(worker, worker + 1)
        load_tokens, count = state.load_tokens[alone], state.active[alone]
        busy_s += step_seconds(state.step_time, load_tokens, count, load_tokens[0], count[0], active)
    return busy_s


@inlined
def _power_w(state: State, envelope: int) -> float:
    """Power that all workers draw; NaN without a power model."""
    constants = state.constants[0]
    if math.isnan(constants.peak_w):
        return math.nan
    shares = 0.0
    for worker in range(len(state.load_tokens)):
        shares += (state.load_tokens[worker] / envelope) ** constants.power_exponent
    return len(state.load_tokens) * constants.idle_w + (constants.peak_w - constants.idle_w) * shares

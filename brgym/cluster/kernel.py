"""The passing of time: from one step boundary to the next, stopping wherever a router has to decide (DESIGN 2.2).

`advance` is re-entrant. It runs until it needs an answer, says in one word what it needs, and goes on from there when
called again. A compiled policy, a policy in Python and an environment all drive this one function.
"""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.admission import (
    admit,
    admit_from_queues,
    anything_fits,
    finishing_bucket,
    fits,
    preempt_overfull,
    release,
)
from brgym.cluster.state import FROM_POOL, JOIN, NOTHING, ROUTE, RUN, Integers, Reals, State, View, view_of
from brgym.cluster.waiting import enqueue, join, next_event_s, take_from_pool, window_size

DECIDE, DONE, STUCK, LOG_FULL = 0, 1, 2, 3
"""What `advance` stopped for: a decision of the router; the end; requests wait, but none runs and none is due, so that
time cannot pass unless the router admits something; the log of steps has no room for another one."""


@inlined
def advance(state: State) -> int:
    """Runs the cluster until something is needed from outside.

    Returns:
        One of `DECIDE`, `DONE`, `STUCK`, `LOG_FULL`.
    """
    clock, view = state.clock[0], view_of(state)
    while True:
        if clock.phase == JOIN:
            clock.boundary += 1
            join(state)
            clock.phase = ROUTE
        if clock.phase == ROUTE:
            if _decision_due(view):
                return DECIDE
            if state.constants[0].binding != FROM_POOL:
                admit_from_queues(state)
            clock.phase = RUN
        if clock.active == 0:
            due_s = next_event_s(state)
            if math.isinf(due_s):
                return STUCK if waiting(view) > 0 else DONE
            clock.now_s = due_s
        else:
            if clock.step == len(state.steps):
                return LOG_FULL
            preempt_overfull(state)
            _run_step(state)
        clock.phase = JOIN


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
        not fit); the rows before it have been carried out.
    """
    if count == 0:
        state.clock[0].phase = RUN
        return -1
    view = view_of(state)
    seen = window_size(view)
    for row in range(count):
        candidate, worker = pairs[row, 0], pairs[row, 1]
        if not (0 <= candidate < seen and 0 <= worker < len(state.load)):
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
        elif fits(view, worker, state.pool[state.clock[0].pool_start + index].context_tokens):
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
    row = apply(state, pairs, count)
    return -1 - row if row >= 0 else advance(state)


@inlined
def waiting(view: View) -> int:
    """Requests that have arrived and are neither active nor recomputing."""
    return view.clock[0].pool_stop - view.clock[0].pool_start + view.clock[0].queued


@inlined
def step_seconds(step_time: Reals, envelope: float, most_active: float, all_active: float) -> float:
    """Duration of a step: the largest row of `StepTime.as_array`."""
    duration_s = 0.0
    for row in range(len(step_time)):
        seconds = (
            step_time[row, 0]
            + step_time[row, 1] * envelope
            + step_time[row, 2] * most_active
            + step_time[row, 3] * all_active
        )
        duration_s = max(duration_s, seconds)
    return duration_s


@inlined
def _decision_due(view: View) -> bool:
    if view.constants[0].binding == FROM_POOL:
        return anything_fits(view)
    return view.clock[0].pool_stop > view.clock[0].pool_start


@inlined
def _run_step(state: State) -> None:
    """Parts 5 and 6: the step lasts as long as the envelope needs, then every active request has one token more."""
    clock = state.clock[0]
    envelope, most_active = 0, 0
    for worker in range(len(state.load)):
        envelope = max(envelope, int(state.load[worker]))
        most_active = max(most_active, int(state.active[worker]))
    duration_s = step_seconds(state.step_time, envelope, most_active, clock.active)
    _log_step(state, envelope, duration_s)
    clock.now_s += duration_s
    for place in range(clock.fresh):
        state.requests[state.fresh[place]].first_token_s = clock.now_s
    clock.fresh = 0
    for worker in range(len(state.load)):
        state.load[worker] += state.active[worker]
    _finish_due(state)


@inlined
def _finish_due(state: State) -> None:
    clock = state.clock[0]
    bucket = finishing_bucket(state, clock.step)
    clock.step += 1  # tokens generated are counted from the step number, so it moves before anything is released
    while state.calendar[bucket] != NOTHING:
        request = state.calendar[bucket]
        state.requests[request].finish_s = clock.now_s
        release(state, request)
        clock.finished += 1


@inlined
def _log_step(state: State, envelope: int, duration_s: float) -> None:
    clock = state.clock[0]
    lowest, total = envelope, 0
    for worker in range(len(state.load)):
        lowest = min(lowest, int(state.load[worker]))
        total += int(state.load[worker])
    entry = state.steps[clock.step]
    entry.start_s = clock.now_s
    entry.duration_s = duration_s
    entry.max_load = envelope
    entry.sum_load = total
    entry.min_load = lowest
    entry.active = clock.active
    entry.waiting = waiting(view_of(state))
    entry.admitted = clock.admitted
    entry.finished = clock.finished
    entry.barrier_idle = max(0.0, 1.0 - _busy_seconds(state, total) / (len(state.load) * duration_s))
    entry.energy_j = _power_w(state, envelope) * duration_s


@inlined
def _busy_seconds(state: State, total_load: int) -> float:
    """Time that all workers together would need for their own loads."""
    workers, active = len(state.load), state.clock[0].active
    if len(state.step_time) == 1:  # one row is linear in the loads, so their sums will do
        row = state.step_time[0]
        return workers * (row[0] + row[3] * active) + row[1] * total_load + row[2] * active
    busy_s = 0.0
    for worker in range(workers):
        busy_s += step_seconds(state.step_time, state.load[worker], state.active[worker], active)
    return busy_s


@inlined
def _power_w(state: State, envelope: int) -> float:
    """Power that all workers draw; NaN without a power model."""
    constants = state.constants[0]
    if math.isnan(constants.peak_w):
        return math.nan
    shares = 0.0
    for worker in range(len(state.load)):
        shares += (state.load[worker] / envelope) ** constants.power_exponent
    return len(state.load) * constants.idle_w + (constants.peak_w - constants.idle_w) * shares

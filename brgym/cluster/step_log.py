"""What is sampled of a decode step as it begins, and how long it lasts (DESIGN 2.4, 2.5)."""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.figures import step_seconds, worker_seconds
from brgym.cluster.state import State, View
from brgym.cluster.vocabulary import waiting


@inlined
def log_step(state: State, view: View, regimes: int | None) -> float:
    """Samples the figures of the coming step, and returns its duration in seconds."""
    clock, progress = state.clock[0], state.progress[0]
    envelope, total, most_active = 0, 0, 0
    for worker in range(len(state.load_tokens)):
        envelope = max(envelope, int(state.load_tokens[worker]))
        most_active = max(most_active, int(state.active[worker]))
        total += int(state.load_tokens[worker])
    lowest = envelope
    for worker in range(len(state.load_tokens)):
        if regimes is None or state.up[worker]:
            lowest = min(lowest, int(state.load_tokens[worker]))
    if regimes is not None:
        duration_s = _slowest_seconds(state)
        busy_s = _busy_seconds_of_each(state)
    else:
        duration_s = step_seconds(state.step_time, state.load_tokens, state.active, envelope, most_active, clock.active)
        busy_s = _busy_seconds(state, total)
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
    idle = 1.0 - busy_s / (clock.workers_up * duration_s) if duration_s > 0.0 else 0.0  # chunks may cost nothing
    entry.barrier_idle = max(0.0, idle)
    entry.energy_j = _power_w(state, envelope) * duration_s
    entry.tokens = clock.active
    entry.prefill_tokens = progress.prefill_tokens
    entry.workers_up = clock.workers_up
    if progress.prefill_tokens > 0:
        progress.prefill_tokens = 0
        state.prefill_tokens[:] = 0
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


@compiled
def _slowest_seconds(state: State) -> float:
    """Duration of a step in which workers may be slow, recompute, or be stopped."""
    slowest_s = 0.0
    for worker in range(len(state.load_tokens)):
        if state.up[worker]:
            slowest_s = max(slowest_s, _alone_seconds(state, worker))
    return slowest_s


@compiled
def _busy_seconds_of_each(state: State) -> float:
    busy_s = 0.0
    for worker in range(len(state.load_tokens)):
        if state.up[worker]:
            busy_s += _alone_seconds(state, worker)
    return busy_s


@inlined
def _alone_seconds(state: State, worker: int) -> float:
    """How long the step would last if a worker waited for no other."""
    alone_s, decoding = 0.0, state.clock[0].active - state.progress[0].prefilling
    for place in range(len(state.step_time)):
        row = state.step_time[place]
        own_s = worker_seconds(
            row,
            state.load_tokens[worker],
            state.active[worker] - state.prefilling[worker],
            state.prefill_tokens[worker],
            state.slowdown[worker],
        )
        alone_s = max(alone_s, own_s + row[3] * decoding)
    return alone_s


@inlined
def _power_w(state: State, envelope: int) -> float:
    """Power that all workers that are up draw; NaN without a power model."""
    constants, workers_up = state.constants[0], state.clock[0].workers_up
    if math.isnan(constants.peak_w):
        return math.nan
    shares = 0.0
    for worker in range(len(state.load_tokens)):
        if state.up[worker]:
            shares += (state.load_tokens[worker] / envelope) ** constants.power_exponent
    return workers_up * constants.idle_w + (constants.peak_w - constants.idle_w) * shares

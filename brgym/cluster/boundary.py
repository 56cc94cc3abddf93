"""Part 1 of a step boundary, and what the clock jumps to where nothing runs (DESIGN 2.2, 2.11)."""

from brgym._compile import compiled, inlined
from brgym.cluster.faults import next_worker_event_s, take_effect
from brgym.cluster.sources import arrive, fill_loop, let_impatient_leave, next_arrival_s, next_deadline_s
from brgym.cluster.state import State, borrowed
from brgym.cluster.tier import hand_over, has_tier, next_completion_s, run_tier, use_room
from brgym.cluster.waiting import join_pool_last, next_return_s, return_ready


@inlined
def open_boundary(state: State, regimes: int | None) -> None:
    """Requests come in, leave and return, workers stop and start; all in the order of the contract."""
    if regimes is not None:
        _open_in_full(state)
    else:
        _join_due(state)
    return_ready(state, regimes)


@compiled
def _open_in_full(state: State) -> None:
    """Parts 1a to 1e."""
    state = borrowed(state)
    arrive(state)
    if has_tier(state):
        run_tier(state, state.clock[0].now_s)
    take_effect(state)
    let_impatient_leave(state)
    fill_loop(state)
    if has_tier(state):
        use_room(state)
        hand_over(state)


@inlined
def next_event_s(state: State) -> float:
    """When something is due next: an arrival, a return, a worker event, an end of patience or prefill; or never."""
    if state.constants[0].regimes != 0:
        return _next_of_all_s(state)
    return next_event_with(state, None)


@inlined
def next_event_with(state: State, regimes: int | None) -> float:
    """As `next_event_s`."""
    if regimes is not None:
        return _next_of_all_s(state)
    progress, due_s = state.progress[0], next_return_s(state)
    if progress.arrived < len(state.requests):
        due_s = min(due_s, state.requests[progress.arrived].arrival_s)
    return due_s


@compiled
def _next_of_all_s(state: State) -> float:
    state = borrowed(state)
    asked_s = min(next_arrival_s(state), next_deadline_s(state))
    return min(asked_s, next_return_s(state), next_worker_event_s(state), next_completion_s(state))


@inlined
def _join_due(state: State) -> None:
    """Part 1a where every request comes by itself."""
    clock, progress = state.clock[0], state.progress[0]
    while progress.arrived < len(state.requests) and state.requests[progress.arrived].arrival_s <= clock.now_s:
        join_pool_last(state, progress.arrived)
        progress.arrived += 1

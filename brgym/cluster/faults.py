"""Workers that slow down, stop and come back, as it takes effect (DESIGN 2.16)."""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.records import NOTHING
from brgym.cluster.regimes import ON
from brgym.cluster.state import State
from brgym.cluster.victims import lose_kv
from brgym.cluster.waiting import dequeue, join_pool
from brgym.cluster.worker_events import SLOW, START, STOP


@inlined
def take_effect(state: State) -> None:
    """Part 1b: worker events that are due, by time, then as listed."""
    clock, progress = state.clock[0], state.progress[0]
    displaced = 0
    while progress.events < len(state.events) and state.events[progress.events].time_s <= clock.now_s:
        event = state.events[progress.events]
        progress.events += 1
        if event.kind == SLOW:
            state.slowdown[event.worker] = event.factor
        elif event.kind == STOP:
            displaced += _stop(state, event.worker, displaced)
        elif not state.up[event.worker]:
            state.up[event.worker] = True
            clock.workers_up += 1


@inlined
def next_worker_event_s(state: State) -> float:
    """When the next event is due; infinity where there is none."""
    place = state.progress[0].events
    return state.events[place].time_s if place < len(state.events) else math.inf


@compiled
def nobody_will_be_up(state: State) -> bool:
    """Whether all workers are stopped, and none is to start again."""
    if state.clock[0].workers_up > 0:
        return False
    for place in range(state.progress[0].events, len(state.events)):  # noqa: SIM110  # compiled code knows no generators
        if state.events[place].kind == START:
            return False
    return True


@inlined
def _stop(state: State, worker: int, displaced: int) -> int:
    """Stops a worker; returns how many requests of its queue are to be bound anew, after `displaced` others."""
    clock = state.clock[0]
    if not state.up[worker]:
        return 0
    state.up[worker] = False
    clock.workers_up -= 1
    request = _oldest(state, worker)
    while request != NOTHING:
        newer = state.requests[request].newer
        lose_kv(state, request, ON)
        state.lives[request].interruptions += 1
        state.lives[request].displaced = 1
        request = newer
    count = state.queued[worker]
    clock.pool_start -= count  # they left the pool to be bound, so there is room in front
    for place in range(clock.pool_start, clock.pool_start + displaced):
        state.pool[place] = state.pool[place + count]
        if len(state.pool_allowed) > 0:
            state.pool_allowed[place] = state.pool_allowed[place + count]
    for place in range(displaced, displaced + count):
        join_pool(state, clock.pool_start + place, dequeue(state, worker))
    return count


@inlined
def _oldest(state: State, worker: int) -> int:
    """The active request that a worker admitted first, or nothing."""
    request = state.links[worker].newest
    while request != NOTHING and state.requests[request].older != NOTHING:
        request = state.requests[request].older
    return request

"""The prefill tier as it runs: a queue, servers, and a buffer that full workers fill (DESIGN 2.14).

It lives between step boundaries too. A boundary runs it through the events that are due, each at its own time; whatever
frees a server or the buffer at a boundary is used at that boundary's time.
"""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.heap import pop, push
from brgym.cluster.records import NOTHING
from brgym.cluster.state import State, borrowed
from brgym.cluster.waiting import context_tokens, join_pool_last

ELSEWHERE, QUEUED, SERVED, PREFILLED = range(4)
"""`LIFE.stage`: where in the tier a request is."""


@inlined
def has_tier(state: State) -> bool:
    """Whether prompts go through a prefill tier."""
    return state.constants[0].tier_servers > 0


@compiled
def join_tier(state: State, request: int, now_s: float) -> None:
    """A request comes to the tier: to the end of its queue, and on to a server where one is free."""
    state = borrowed(state)
    progress, last = state.progress[0], state.progress[0].tier_last
    state.requests[request].queue_next = NOTHING
    if last == NOTHING:
        progress.tier_first = request
    else:
        state.requests[last].queue_next = request
    progress.tier_last = request
    progress.in_tier += 1
    state.lives[request].stage = QUEUED
    _start(state, now_s)


@compiled
def run_tier(state: State, until_s: float) -> None:
    """Lets servers be done that are by then, each at its own time, and others begin."""
    state = borrowed(state)
    progress, ready_s = state.progress[0], state.requests["ready_s"]
    while progress.tier_busy > 0 and ready_s[state.tier[0]] <= until_s:
        request = pop(state.tier, progress.tier_busy, ready_s)
        progress.tier_busy -= 1
        _put_by(state, request)
        _start(state, ready_s[request])


@compiled
def use_room(state: State) -> None:
    """Lets the tier begin what has room now."""
    _start(borrowed(state), state.clock[0].now_s)


@compiled
def hand_over(state: State) -> None:
    """Part 1e: what the tier has done by now joins the router, by (time, row)."""
    state = borrowed(state)
    progress = state.progress[0]
    run_tier(state, state.clock[0].now_s)
    for place in range(progress.tier_done):
        request = state.prefilled[place]
        state.lives[request].stage = ELSEWHERE
        if state.clock[0].pool_stop == len(state.pool):
            _centre_pool(state)
        join_pool_last(state, request)
    progress.in_tier -= progress.tier_done
    progress.tier_done = 0


@inlined
def next_completion_s(state: State) -> float:
    """When a server is done next; infinity where none works."""
    return state.requests[state.tier[0]].ready_s if state.progress[0].tier_busy > 0 else math.inf


@inlined
def leave_buffer(state: State, request: int) -> None:
    """A request is admitted to a worker, or leaves: the buffer holds it no longer."""
    if state.lives[request].held != 0:
        state.lives[request].held = 0
        state.progress[0].held_tokens -= context_tokens(state, request)


@compiled
def leave_tier(state: State, request: int) -> bool:
    """Takes a request out of the tier, wherever it is there; False if it is not."""
    state = borrowed(state)
    progress, stage = state.progress[0], state.lives[request].stage
    if stage == ELSEWHERE:
        return False
    if stage == QUEUED:
        _leave_queue(state, request)
    elif stage == SERVED:
        place = 0
        while state.tier[place] != request:
            place += 1
        state.requests[request].ready_s = -1.0  # before all others, so that it can be taken from the top
        push(state.tier, place, request, state.requests["ready_s"])
        pop(state.tier, progress.tier_busy, state.requests["ready_s"])
        progress.tier_busy -= 1
    else:
        place = 0
        while state.prefilled[place] != request:
            place += 1
        progress.tier_done -= 1
        for later in range(place, progress.tier_done):
            state.prefilled[later] = state.prefilled[later + 1]
    state.lives[request].stage = ELSEWHERE
    progress.in_tier -= 1
    return True


@inlined
def _start(state: State, now_s: float) -> None:
    """Free servers begin with the head of the queue while it fits the buffer."""
    constants, progress = state.constants[0], state.progress[0]
    while progress.tier_busy < constants.tier_servers and progress.tier_first != NOTHING:
        request = progress.tier_first
        tokens = context_tokens(state, request)
        if progress.held_tokens + tokens > constants.buffer_tokens:
            return
        progress.tier_first = state.requests[request].queue_next
        if progress.tier_first == NOTHING:
            progress.tier_last = NOTHING
        progress.held_tokens += tokens
        state.lives[request].held = 1
        state.lives[request].stage = SERVED
        state.requests[request].ready_s = now_s + constants.tier_base_s + constants.tier_per_token_s * tokens
        push(state.tier, progress.tier_busy, request, state.requests["ready_s"])
        progress.tier_busy += 1


@inlined
def _put_by(state: State, request: int) -> None:
    """Keeps a request that has been prefilled for the router, in order of (time, row)."""
    progress, ready_s = state.progress[0], state.requests["ready_s"]
    place = progress.tier_done
    while place > 0:
        before = state.prefilled[place - 1]
        if ready_s[before] < ready_s[request] or (ready_s[before] == ready_s[request] and before < request):
            break
        state.prefilled[place] = before
        place -= 1
    state.prefilled[place] = request
    progress.tier_done += 1
    state.lives[request].stage = PREFILLED


@inlined
def _leave_queue(state: State, request: int) -> None:
    progress, before = state.progress[0], NOTHING
    place = progress.tier_first
    while place != request:
        before, place = place, state.requests[place].queue_next
    after = state.requests[request].queue_next
    if before == NOTHING:
        progress.tier_first = after
    else:
        state.requests[before].queue_next = after
    if after == NOTHING:
        progress.tier_last = before


@inlined
def _centre_pool(state: State) -> None:
    """Moves the pool to the middle of its places: whoever is not in it may come back at either end."""
    clock = state.clock[0]
    size = clock.pool_stop - clock.pool_start
    start = (len(state.pool) - size) // 2
    for place in range(size):  # to the front, so nothing is overwritten that is still to be moved
        state.pool[start + place] = state.pool[clock.pool_start + place]
        if len(state.pool_allowed) > 0:
            state.pool_allowed[start + place] = state.pool_allowed[clock.pool_start + place]
    clock.pool_start, clock.pool_stop = start, start + size

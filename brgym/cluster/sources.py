"""Where requests come from and when they leave: arrivals, turns, closed loops, patience (DESIGN 2.13)."""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.admission import is_active, release
from brgym.cluster.heap import pop, push
from brgym.cluster.identity import row_of
from brgym.cluster.records import NOTHING, UNLIMITED
from brgym.cluster.regimes import ON
from brgym.cluster.state import State, borrowed
from brgym.cluster.tier import has_tier, join_tier, leave_buffer, leave_tier, run_tier, use_room
from brgym.cluster.waiting import join_pool_last, leave_queue, leave_recompute, take_from_pool


@inlined
def arrive(state: State) -> None:
    """Parts 1a: due arrivals by (arrival, row), those that follow others among them."""
    clock, progress = state.clock[0], state.progress[0]
    if state.constants[0].concurrency != UNLIMITED:
        return
    while True:
        _skip_followers(state)
        by_itself = progress.arrived
        arrival_s = state.requests["arrival_s"]
        request = by_itself if by_itself < len(state.requests) else NOTHING
        if progress.due > 0:
            follower = state.follow[0]
            first = request == NOTHING or arrival_s[follower] < arrival_s[request]
            if first or (arrival_s[follower] == arrival_s[request] and follower < request):
                request = follower
        if request == NOTHING or arrival_s[request] > clock.now_s:
            return
        if has_tier(state):
            run_tier(state, arrival_s[request])  # of events at the same time completions come first
        if request == by_itself:
            progress.arrived += 1
        else:
            pop(state.follow, progress.due, arrival_s)
            progress.due -= 1
        _come_in(state, request)


@inlined
def fill_loop(state: State) -> None:
    """Part 1d: in a closed loop the next requests come in, now, while fewer than its concurrency are in the system."""
    progress = state.progress[0]
    if state.constants[0].concurrency == UNLIMITED:
        return
    inside = progress.arrived - progress.finished - progress.cancelled
    while inside < state.constants[0].concurrency and progress.arrived < len(state.requests):
        state.requests[progress.arrived].arrival_s = state.clock[0].now_s
        progress.arrived += 1
        inside += 1
        _come_in(state, progress.arrived - 1)


@inlined
def let_impatient_leave(state: State) -> None:
    """Part 1c: requests whose patience is over leave, wherever they are; the order makes no difference."""
    progress, deadline_s = state.progress[0], state.lives["deadline_s"]
    while progress.expiring > 0 and deadline_s[state.expire[0]] <= state.clock[0].now_s:
        request = pop(state.expire, progress.expiring, deadline_s)
        progress.expiring -= 1
        if _is_inside(state, request):
            _leave(state, request)


@inlined
def next_arrival_s(state: State) -> float:
    """When the next request arrives; infinity where none will, or in a closed loop, where none has a time."""
    progress, due_s = state.progress[0], math.inf
    if state.constants[0].concurrency != UNLIMITED:
        return due_s
    _skip_followers(state)
    if progress.arrived < len(state.requests):
        due_s = state.requests[progress.arrived].arrival_s
    if progress.due > 0:
        due_s = min(due_s, state.requests[state.follow[0]].arrival_s)
    return due_s


@inlined
def next_deadline_s(state: State) -> float:
    """When the patience of the next request ends that is still there."""
    progress, deadline_s = state.progress[0], state.lives["deadline_s"]
    while progress.expiring > 0 and not _is_inside(state, state.expire[0]):
        pop(state.expire, progress.expiring, deadline_s)
        progress.expiring -= 1
    return deadline_s[state.expire[0]] if progress.expiring > 0 else math.inf


@compiled
def let_followers_come(state: State, request: int) -> None:
    """The requests that follow one that has just finished get their times."""
    state = borrowed(state)
    progress, follower = state.progress[0], state.lives[request].first_follower
    while follower != NOTHING:
        state.requests[follower].arrival_s = state.clock[0].now_s + state.lives[follower].delay_s
        push(state.follow, progress.due, follower, state.requests["arrival_s"])
        progress.due += 1
        follower = state.lives[follower].next_follower


@inlined
def _come_in(state: State, request: int) -> None:
    progress, life = state.progress[0], state.lives[request]
    life.deadline_s += state.requests[request].arrival_s
    if life.deadline_s < math.inf:
        push(state.expire, progress.expiring, request, state.lives["deadline_s"])
        progress.expiring += 1
    progress.arrivals_s += state.requests[request].arrival_s
    if has_tier(state):
        join_tier(state, request, state.requests[request].arrival_s)
    else:
        join_pool_last(state, request)


@inlined
def _leave(state: State, request: int) -> None:
    clock, progress, entry = state.clock[0], state.progress[0], state.requests[request]
    leave_buffer(state, request)
    if is_active(state, request):
        release(state, request, ON)
    elif leave_tier(state, request):
        use_room(state)
    elif not leave_recompute(state, request) and not _leave_pool(state, request):
        leave_queue(state, entry.worker, request)
    progress.arrivals_s -= entry.arrival_s
    progress.gone_s += clock.now_s - entry.arrival_s
    _cancel(state, request)


@inlined
def _cancel(state: State, request: int) -> None:
    """Marks a request as cancelled, and all that would have followed it, which have not come in."""
    state.lives[request].cancelled = 1
    state.progress[0].cancelled += 1
    row = state.lives[request].first_follower
    while row != NOTHING:
        life = state.lives[row]
        life.cancelled = 1
        state.progress[0].cancelled += 1
        if life.first_follower != NOTHING:  # those that follow it stand next in the list
            last = life.first_follower
            while state.lives[last].next_follower != NOTHING:
                last = state.lives[last].next_follower
            state.lives[last].next_follower = life.next_follower
            life.next_follower = life.first_follower
        row = life.next_follower


@inlined
def _leave_pool(state: State, request: int) -> bool:
    clock = state.clock[0]
    for index in range(clock.pool_stop - clock.pool_start):
        if row_of(state.progress[0].identity_key, state.pool[clock.pool_start + index].request) == request:
            take_from_pool(state, index)
            return True
    return False


@inlined
def _is_inside(state: State, request: int) -> bool:
    return math.isnan(state.requests[request].finish_s) and state.lives[request].cancelled == 0


@inlined
def _skip_followers(state: State) -> None:
    progress = state.progress[0]
    while progress.arrived < len(state.requests) and state.lives[progress.arrived].follows != NOTHING:
        progress.arrived += 1

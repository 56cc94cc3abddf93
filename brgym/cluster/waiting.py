"""Where requests wait: the pool, the workers' own queues, and the recompute after a loss of KV (DESIGN 2.2, 2.3)."""

from brgym._compile import inlined
from brgym.cluster.config import VICTIM_RETURNS
from brgym.cluster.identity import identity_of, row_of
from brgym.cluster.records import FROM_POOL, NOTHING
from brgym.cluster.state import State

_ROUTER = VICTIM_RETURNS.index("router")


@inlined
def join_pool_last(state: State, request: int) -> None:
    """A request comes in: to the end of the pool."""
    clock = state.clock[0]
    join_pool(state, clock.pool_stop, request)
    clock.pool_stop += 1


@inlined
def next_return_s(state: State) -> float:
    """When the next request that lost its KV is ready again; infinity where none is to come."""
    return state.requests[state.recompute[0]].ready_s if state.progress[0].recomputing > 0 else float("inf")


@inlined
def take_from_pool(state: State, index: int) -> int:
    """Removes the candidate at `index` from the pool and returns its request; those older move up behind the gap."""
    clock = state.clock[0]
    request = row_of(state.progress[0].identity_key, state.pool[clock.pool_start + index].request)
    for place in range(clock.pool_start + index, clock.pool_start, -1):
        state.pool[place] = state.pool[place - 1]
    if len(state.pool_allowed) > 0:
        for place in range(clock.pool_start + index, clock.pool_start, -1):
            state.pool_allowed[place] = state.pool_allowed[place - 1]
    clock.pool_start += 1
    return request


@inlined
def context_tokens(state: State, request: int) -> int:
    """Tokens that a waiting request occupies once it is admitted."""
    return state.requests[request].prompt_tokens + state.requests[request].generated_tokens


@inlined
def allowed_tokens(state: State, request: int) -> int:
    """What its client still allows a request to generate, in tokens, where a share of that is reserved, else 0."""
    if state.constants[0].kv_reserve_share == 0.0:
        return 0
    return state.lives[request].max_tokens - state.requests[request].generated_tokens


@inlined
def enqueue(state: State, worker: int, request: int) -> None:
    """Puts a request at the tail of a worker's queue."""
    queue = state.links[worker]
    state.requests[request].queue_next = NOTHING
    if queue.queue_last == NOTHING:
        queue.queue_first = request
    else:
        state.requests[queue.queue_last].queue_next = request
    queue.queue_last = request
    _count_queued(state, worker, request, 1)


@inlined
def enqueue_first(state: State, worker: int, request: int) -> None:
    """Puts a request at the head of a worker's queue."""
    queue = state.links[worker]
    state.requests[request].queue_next = queue.queue_first
    queue.queue_first = request
    if queue.queue_last == NOTHING:
        queue.queue_last = request
    _count_queued(state, worker, request, 1)


@inlined
def dequeue(state: State, worker: int) -> int:
    """Removes and returns the request at the head of a worker's queue."""
    queue = state.links[worker]
    request = queue.queue_first
    queue.queue_first = state.requests[request].queue_next
    if queue.queue_first == NOTHING:
        queue.queue_last = NOTHING
    _count_queued(state, worker, request, -1)
    return request


@inlined
def await_recompute(state: State, request: int) -> None:
    """Lets a preempted request wait until its context is recomputed; the list stays sorted, the older first on ties."""
    progress = state.progress[0]
    entry = state.requests[request]
    delay_s = state.constants[0].recompute_s_per_token * context_tokens(state, request)
    entry.ready_s = state.clock[0].now_s + delay_s
    place = progress.recomputing
    while place > 0:
        before = state.recompute[place - 1]
        ready_s = state.requests[before].ready_s
        if ready_s < entry.ready_s or (ready_s == entry.ready_s and before < request):
            break
        state.recompute[place] = before
        place -= 1
    state.recompute[place] = request
    progress.recomputing += 1


@inlined
def leave_queue(state: State, worker: int, request: int) -> None:
    """Takes a request out of a worker's queue, wherever it stands there."""
    queue, before = state.links[worker], NOTHING
    place = queue.queue_first
    while place != request:
        before, place = place, state.requests[place].queue_next
    after = state.requests[request].queue_next
    if before == NOTHING:
        queue.queue_first = after
    else:
        state.requests[before].queue_next = after
    if after == NOTHING:
        queue.queue_last = before
    _count_queued(state, worker, request, -1)


@inlined
def leave_recompute(state: State, request: int) -> bool:
    """Takes a request out of those that wait for their context; False if it is not among them."""
    progress, place = state.progress[0], 0
    while place < progress.recomputing and state.recompute[place] != request:
        place += 1
    if place == progress.recomputing:
        return False
    progress.recomputing -= 1
    for later in range(place, progress.recomputing):
        state.recompute[later] = state.recompute[later + 1]
    return True


@inlined
def return_ready(state: State, regimes: int | None) -> None:
    """Part 1f: requests that lost their KV and are ready return to the head of where they wait."""
    clock, progress = state.clock[0], state.progress[0]
    ready = 0
    while ready < progress.recomputing and state.requests[state.recompute[ready]].ready_s <= clock.now_s:
        ready += 1
    if ready == 0:
        return
    for place in range(ready - 1, -1, -1):  # the earliest goes last, and so stands first
        request = state.recompute[place]
        if state.constants[0].binding == FROM_POOL or (regimes is not None and _is_bound_anew(state, request)):
            clock.pool_start -= 1  # it left the pool to be admitted, so there is room in front
            join_pool(state, clock.pool_start, request)
        else:
            enqueue_first(state, state.requests[request].worker, request)
    for place in range(ready, progress.recomputing):
        state.recompute[place - ready] = state.recompute[place]
    progress.recomputing -= ready


@inlined
def _is_bound_anew(state: State, request: int) -> bool:
    life = state.lives[request]
    anew = state.constants[0].victim_returns == _ROUTER or life.displaced != 0
    life.displaced = 0
    return anew or not state.up[state.requests[request].worker]


@inlined
def join_pool(state: State, place: int, request: int) -> None:
    """Puts a request into the pool at a place that is free."""
    candidate = state.pool[place]
    candidate.request = identity_of(state.progress[0].identity_key, request)
    candidate.arrival_s = state.requests[request].arrival_s
    candidate.context_tokens = context_tokens(state, request)
    candidate.prompt_hash = state.requests[request].prompt_hash
    if len(state.pool_allowed) > 0:
        state.pool_allowed[place] = allowed_tokens(state, request)


@inlined
def _count_queued(state: State, worker: int, request: int, change: int) -> None:
    state.clock[0].queued += change
    state.queued[worker] += change
    state.queued_tokens[worker] += change * context_tokens(state, request)

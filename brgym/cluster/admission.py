"""How a request enters and leaves a worker (DESIGN 2.2).

An active request is known by its birth step: the step at which it would have begun had it never been interrupted. Its
weight follows from the step count, so nothing has to be touched while it decodes.
"""

import numpy as np

from brgym._compile import inlined
from brgym.cluster.chunks import await_prefill, stop_prefilling
from brgym.cluster.identity import identity_of, row_of
from brgym.cluster.memory import fits, room_tokens
from brgym.cluster.records import NOTHING
from brgym.cluster.state import State, View
from brgym.cluster.tier import has_tier, leave_buffer
from brgym.cluster.waiting import allowed_tokens, context_tokens, dequeue


@inlined
def admit(state: State, request: int, worker: int, regimes: int | None) -> None:
    """Makes a request active on a worker; the caller has taken it from where it waited."""
    clock, progress = state.clock[0], state.progress[0]
    entry = state.requests[request]
    if regimes is not None:
        state.allowed_tokens[worker] += allowed_tokens(state, request)
        if has_tier(state):
            leave_buffer(state, request)
    state.load_tokens[worker] += context_tokens(state, request)
    state.active[worker] += 1
    entry.worker = worker
    entry.birth_step = clock.step - entry.generated_tokens
    if np.isnan(entry.admit_s):
        entry.admit_s = clock.now_s
        progress.admitted += 1
    elif regimes is None or state.constants[0].recomputes != 0:  # whoever comes again had lost its KV
        progress.prefill_tokens += context_tokens(state, request)
        state.prefill_tokens[worker] += context_tokens(state, request)
    _push_newest(state, request)
    _list_running(state, request)
    if regimes is not None and state.constants[0].chunk_tokens > 0:
        await_prefill(state, request)
    else:
        begin_decoding(state, request)


@inlined
def begin_decoding(state: State, request: int) -> None:
    """From the coming step on an active request generates."""
    progress = state.progress[0]
    if np.isnan(state.requests[request].first_token_s):
        state.fresh[progress.fresh] = request
        progress.fresh += 1
    enter_calendar(state, request)


@inlined
def admit_from_queues(state: State, view: View, regimes: int | None) -> None:
    """Each worker, in index order, admits from its own queue while the head fits."""
    for worker in range(len(state.load_tokens)):
        head = state.links[worker].queue_first
        while head != NOTHING and _fits(state, view, worker, head, regimes):
            admit(state, dequeue(state, worker), worker, regimes)
            head = state.links[worker].queue_first


@inlined
def release(state: State, request: int, regimes: int | None) -> None:
    """Takes an active request off its worker: slot and KV are free at once."""
    entry = state.requests[request]
    generated = state.clock[0].step - entry.birth_step
    state.load_tokens[entry.worker] -= entry.prompt_tokens + generated
    state.active[entry.worker] -= 1
    entry.generated_tokens = generated
    if regimes is not None:
        state.allowed_tokens[entry.worker] -= allowed_tokens(state, request)
    _forget_newest(state, request)
    if regimes is not None and state.lives[request].prefilling != 0:
        stop_prefilling(state, request)
    else:
        leave_calendar(state, request)
    _unlist_running(state, request)


@inlined
def is_active(state: State, request: int) -> bool:
    """Whether a request is active."""
    place = state.requests[request].running_index
    key = state.progress[0].identity_key
    return place < state.clock[0].active and request == row_of(key, state.running[place].request)


@inlined
def finishing_bucket(state: State, step: int) -> int:
    """The place in the calendar of the requests that have all their tokens at the end of a step."""
    return step & (len(state.calendar) - 1)


@inlined
def _fits(state: State, view: View, worker: int, request: int, regimes: int | None) -> bool:
    if regimes is not None:
        return fits(view, worker, context_tokens(state, request), allowed_tokens(state, request))
    return context_tokens(state, request) <= room_tokens(view, worker)


@inlined
def _push_newest(state: State, request: int) -> None:
    entry = state.requests[request]
    previous = state.links[entry.worker].newest
    entry.older = previous
    entry.newer = NOTHING
    if previous != NOTHING:
        state.requests[previous].newer = request
    state.links[entry.worker].newest = request


@inlined
def _forget_newest(state: State, request: int) -> None:
    entry = state.requests[request]
    if entry.older != NOTHING:
        state.requests[entry.older].newer = entry.newer
    if entry.newer != NOTHING:
        state.requests[entry.newer].older = entry.older
    else:
        state.links[entry.worker].newest = entry.older


@inlined
def _last_step(state: State, request: int) -> int:
    return state.requests[request].birth_step + state.requests[request].output_tokens - 1


@inlined
def enter_calendar(state: State, request: int) -> None:
    """Writes down at which step an active request will have all its tokens, one a step."""
    bucket = finishing_bucket(state, _last_step(state, request))
    head = state.calendar[bucket]
    state.requests[request].calendar_next = head
    state.requests[request].calendar_previous = NOTHING
    if head != NOTHING:
        state.requests[head].calendar_previous = request
    state.calendar[bucket] = request


@inlined
def leave_calendar(state: State, request: int) -> None:
    """Strikes that out; its birth step must be the same as when it was written."""
    entry = state.requests[request]
    if entry.calendar_next != NOTHING:
        state.requests[entry.calendar_next].calendar_previous = entry.calendar_previous
    if entry.calendar_previous != NOTHING:
        state.requests[entry.calendar_previous].calendar_next = entry.calendar_next
    else:
        state.calendar[finishing_bucket(state, _last_step(state, request))] = entry.calendar_next


@inlined
def _list_running(state: State, request: int) -> None:
    clock = state.clock[0]
    entry = state.requests[request]
    entry.running_index = clock.active
    seen = state.running[clock.active]
    seen.request = identity_of(state.progress[0].identity_key, request)
    seen.worker = entry.worker
    seen.prompt_tokens = entry.prompt_tokens
    seen.birth_step = entry.birth_step
    seen.arrival_s = entry.arrival_s
    seen.admit_s = entry.admit_s
    seen.prompt_hash = entry.prompt_hash
    clock.active += 1


@inlined
def _unlist_running(state: State, request: int) -> None:
    clock = state.clock[0]
    clock.active -= 1
    index = state.requests[request].running_index
    state.running[index] = state.running[clock.active]
    moved = row_of(state.progress[0].identity_key, state.running[index].request)
    state.requests[moved].running_index = index

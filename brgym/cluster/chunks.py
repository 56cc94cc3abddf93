"""Prompts that a worker is still to prefill in chunks (DESIGN 2.14).

An admitted request holds its slot and its whole context at once. Until it has been prefilled it stands in its worker's
list of prompts, and is born a step later with each step, so that it has generated no more than before (`prompts`).
"""

from brgym._compile import inlined
from brgym.cluster.records import NOTHING
from brgym.cluster.state import State
from brgym.cluster.waiting import context_tokens


@inlined
def await_prefill(state: State, request: int) -> None:
    """An admitted request is to be prefilled: the last of its worker's prompts."""
    entry, life = state.requests[request], state.lives[request]
    links = state.links[entry.worker]
    entry.queue_next = NOTHING
    if links.prompt_last == NOTHING:
        links.prompt_first = request
    else:
        state.requests[links.prompt_last].queue_next = request
    links.prompt_last = request
    life.prefilling = 1
    life.to_prefill_tokens = context_tokens(state, request)
    state.to_prefill_tokens[entry.worker] += life.to_prefill_tokens
    state.prefilling[entry.worker] += 1
    state.progress[0].prefilling += 1


@inlined
def stop_prefilling(state: State, request: int) -> None:
    """A request leaves its worker before it has been prefilled."""
    worker, before = state.requests[request].worker, NOTHING
    place = state.links[worker].prompt_first
    while place != request:
        before, place = place, state.requests[place].queue_next
    take_out(state, worker, before, request)
    leave_prompts(state, request)


@inlined
def leave_prompts(state: State, request: int) -> None:
    """A request that has left the list of prompts, prefilled or not, is counted among them no longer."""
    worker, life = state.requests[request].worker, state.lives[request]
    state.to_prefill_tokens[worker] -= life.to_prefill_tokens
    life.to_prefill_tokens = 0
    life.prefilling = 0
    state.prefilling[worker] -= 1
    state.progress[0].prefilling -= 1


@inlined
def take_out(state: State, worker: int, before: int, request: int) -> None:
    """Takes a request out of the list of prompts; `before` is the one that stands before it, or nothing."""
    links, after = state.links[worker], state.requests[request].queue_next
    if before == NOTHING:
        links.prompt_first = after
    else:
        state.requests[before].queue_next = after
    if after == NOTHING:
        links.prompt_last = before

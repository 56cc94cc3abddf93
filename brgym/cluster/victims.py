"""Which requests lose their KV cache, and what becomes of them (DESIGN 2.3, 2.12)."""

import math

from brgym._compile import compiled, inlined
from brgym.cluster.admission import release
from brgym.cluster.config import VICTIM_RETURNS, VICTIMS
from brgym.cluster.memory import overfull
from brgym.cluster.records import NOTHING, UNLIMITED
from brgym.cluster.state import State, View
from brgym.cluster.tier import join_tier
from brgym.cluster.waiting import await_recompute, context_tokens

_LEAST_GENERATED = VICTIMS.index("least-generated")
_PREFILL = VICTIM_RETURNS.index("prefill")


@inlined
def preempt_overfull(state: State, view: View, regimes: int | None) -> None:
    """Part 4 of a step: a worker that cannot hold the coming tokens preempts one request after the other."""
    if view.constants[0].kv_capacity == UNLIMITED:
        return
    for worker in range(len(state.load_tokens)):
        while overfull(view, worker):
            victim = state.links[worker].newest
            if regimes is not None and view.constants[0].victim == _LEAST_GENERATED:
                victim = _least_generated(state, worker)
            lose_kv(state, victim, regimes)
            state.requests[victim].preemptions += 1


@inlined
def lose_kv(state: State, request: int, regimes: int | None) -> None:
    """Takes an active request off its worker; it keeps its tokens, and waits until its context can be had again."""
    clock, progress, entry = state.clock[0], state.progress[0], state.requests[request]
    at_once = entry.generated_tokens == clock.step - entry.birth_step  # it was admitted at this very boundary
    release(state, request, regimes)
    decoded = regimes is None or state.constants[0].chunk_tokens == 0  # else it has not begun to
    if at_once and decoded and math.isnan(entry.first_token_s):
        _forget_fresh(state, request)
    if at_once and _recomputes(state, request, regimes):
        progress.prefill_tokens -= context_tokens(state, request)
        state.prefill_tokens[entry.worker] -= context_tokens(state, request)
    progress.recomputed_tokens += context_tokens(state, request)
    if regimes is not None and state.constants[0].victim_returns == _PREFILL:
        join_tier(state, request, clock.now_s)
    else:
        await_recompute(state, request)


@inlined
def _recomputes(state: State, request: int, regimes: int | None) -> bool:
    """Whether the coming step was to compute its context anew: it had lost it before."""
    before = state.requests[request].preemptions
    if regimes is not None:
        if state.constants[0].recomputes == 0:
            return False
        before += state.lives[request].interruptions
    return before > 0


@inlined
def _forget_fresh(state: State, request: int) -> None:
    progress = state.progress[0]
    place = 0
    while state.fresh[place] != request:
        place += 1
    progress.fresh -= 1
    state.fresh[place] = state.fresh[progress.fresh]


@compiled
def _least_generated(state: State, worker: int) -> int:
    """Fewest tokens generated, of equals the longest prompt, then the newest."""
    best = request = state.links[worker].newest
    while request != NOTHING:
        entry, least = state.requests[request], state.requests[best]
        # tokens generated are the step less the birth step
        if entry.birth_step > least.birth_step or (
            entry.birth_step == least.birth_step and entry.prompt_tokens > least.prompt_tokens
        ):
            best = request
        request = entry.older
    return best

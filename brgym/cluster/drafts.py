"""Drafts that are accepted: what requests gain in a step beyond one token (DESIGN 2.15)."""

from brgym._compile import compiled, inlined
from brgym.cluster.admission import enter_calendar, leave_calendar
from brgym.cluster.identity import row_of
from brgym.cluster.speculation import draw
from brgym.cluster.state import State, borrowed


@compiled
def gain_drafts(state: State) -> None:
    """Part 6 of a step: those that decode have, beyond one token, what is accepted for them.

    An active request's tokens follow from its birth step, so it is born as many steps earlier.
    """
    state = borrowed(state)
    clock, constants, progress = state.clock[0], state.constants[0], state.progress[0]
    tokens = 0
    for place in range(clock.active):
        request = row_of(progress.identity_key, state.running[place].request)
        if state.lives[request].prefilling != 0:
            continue
        accepted = _accepted(state, request)
        if accepted > 0:
            leave_calendar(state, request)
            state.requests[request].birth_step -= accepted
            state.running[place].birth_step -= accepted
            enter_calendar(state, request)
            worker = state.requests[request].worker
            state.load_tokens[worker] += accepted
            if constants.kv_reserve_share > 0.0:
                state.allowed_tokens[worker] -= accepted
            tokens += accepted
    state.steps[clock.step].tokens += tokens


@inlined
def _accepted(state: State, request: int) -> int:
    """Leading drafts accepted, at most what the request has left beside the token that it gains anyway."""
    entry, constants, stream = state.requests[request], state.constants[0], state.progress[0].draft_stream
    generated = state.clock[0].step - entry.birth_step
    most = min(constants.draft_tokens, entry.output_tokens - generated - 1)
    row, accepted = state.lives[request].row, 0
    while accepted < most and draw(stream, row, generated, accepted) < constants.acceptance:
        accepted += 1
    return accepted

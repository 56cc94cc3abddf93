"""One step of an environment in compiled code: carry out an action, run on, write what the agent gets.

No Python object enters: an environment is a row of bytes (`PackedRun`), and stepping many is calling these functions on
many rows.
"""

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster import Integers, View
from brgym.cluster.engine import (
    DECIDE,
    FROM_POOL,
    LOG_FULL,
    ROUTE,
    STUCK,
    Bytes,
    State,
    advance,
    apply,
    borrowed_view,
    view_of,
)
from brgym.cluster.vocabulary import candidate_context_tokens, room_tokens, window_size, workers
from brgym.envs.memory import Run, borrowed_run, run_in
from brgym.envs.observation import Floats, write_observation
from brgym.envs.reward import pay

Mask = npt.NDArray[np.int8]

TRUNCATED = 4
"""What a step may stop for beside `DECIDE`, `DONE` and `LOG_FULL` of the kernel: a limit of the episode is reached."""

INVALID = -1
"""The action was not allowed, and nothing has happened."""


@compiled
def begin_env(memory: Bytes, places: Integers, log: Bytes, observation: Floats, mask: Mask) -> int:
    """Runs a new episode on to its first decision; steps on the way are rewarded with the first action.

    Args:
        memory: See `PackedRun`, here and below.
        places: See there.
        log: See there.
        observation: Receives the flat observation, shape (columns,), unless it has no columns.
        mask: Receives 1 for each valid action, shape (actions,).

    Returns:
        `DECIDE`, `DONE`, or `LOG_FULL`: then call again with a longer log.
    """
    state = run_in(memory, places, log).state
    stop = advance(state)
    _show(state, observation, mask)
    return stop


@compiled
def step_env(
    memory: Bytes, places: Integers, log: Bytes, action: int, observation: Floats, mask: Mask
) -> tuple[int, float]:
    """Carries out an action and runs on to the next decision.

    Args:
        memory: See `begin_env`, as for the others.
        places: See there.
        log: See there.
        action: candidate x workers + worker, or the last: hold.
        observation: Receives the observation.
        mask: Receives the mask.

    Returns:
        Why it stopped: `DECIDE`, `DONE`, `TRUNCATED`, `INVALID`, or `LOG_FULL`: then go on with `resume_env`; and the
        reward, which is 0 in the last two cases.
    """
    run = run_in(memory, places, log)
    state, rules, pair = run.state, run.episode[0], run.pair
    pair[0, 0], pair[0, 1] = action // len(state.active), action % len(state.active)
    holds = state.constants[0].binding == FROM_POOL and action == len(mask) - 1
    if apply(state, pair, 0 if holds else 1) >= 0:
        if not rules.hold_if_invalid:
            return INVALID, 0.0
        rules.penalty = rules.invalid_penalty
        apply(state, pair, 0)
    rules.decisions += 1
    return _run_on(run, observation, mask)


@compiled
def resume_env(memory: Bytes, places: Integers, log: Bytes, observation: Floats, mask: Mask) -> tuple[int, float]:
    """Goes on where `step_env` stopped for `LOG_FULL`, with a longer log; arguments and result as there."""
    return _run_on(run_in(memory, places, log), observation, mask)


@compiled
def mask_env(memory: Bytes, places: Integers, log: Bytes, mask: Mask) -> None:
    """Writes the mask alone; arguments as for `begin_env`."""
    write_mask(view_of(run_in(memory, places, log).state), mask)


@compiled
def write_mask(view: View, mask: Mask) -> None:
    """Writes 1 for each valid action: the pairs that fit, and hold; every worker where binding is on arrival."""
    view = borrowed_view(view)
    if view.constants[0].binding != FROM_POOL:
        mask[:] = 1
        return
    shown, count = window_size(view), workers(view)
    mask[:-1] = 0
    mask[-1] = 1
    for worker in range(count):
        room = room_tokens(view, worker)
        if room < 0:
            continue
        for candidate in range(shown):
            mask[candidate * count + worker] = candidate_context_tokens(view, candidate) <= room


@compiled
def _run_on(run: Run, observation: Floats, mask: Mask) -> tuple[int, float]:
    run = borrowed_run(run)
    state = run.state
    stop = advance(state)
    if stop == LOG_FULL:
        return LOG_FULL, 0.0
    if stop == STUCK:
        state.progress[0].phase = ROUTE  # holding would stop the time for good, so the agent is asked again
        stop = DECIDE
    limit = run.episode[0]
    if stop == DECIDE and (limit.decisions >= limit.max_decisions or state.clock[0].now_s >= limit.max_time_s):
        stop = TRUNCATED
    _show(state, observation, mask)
    return stop, pay(state, run.episode)


@compiled
def _show(state: State, observation: Floats, mask: Mask) -> None:
    view = borrowed_view(view_of(state))
    if len(observation) > 0:
        write_observation(view, observation)
    write_mask(view, mask)

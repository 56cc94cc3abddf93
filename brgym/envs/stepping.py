"""One step of an environment in compiled code: carry out an action, run on, write what the agent gets.

No Python object enters: an environment is a row of bytes (`PackedRun`), and stepping many is calling these functions on
many rows.
"""

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled, inlined
from brgym.cluster import Integers
from brgym.cluster.engine import (
    DECIDE,
    FROM_POOL,
    LOG_FULL,
    ROUTE,
    STUCK,
    Bytes,
    advance,
    apply,
    borrowed_view,
    view_of,
)
from brgym.cluster.vocabulary import candidate_context_tokens, candidate_fits, is_up, room_tokens, window_size, workers
from brgym.envs.memory import Run, borrowed_run, run_in
from brgym.envs.observation import Floats, write_observation
from brgym.envs.reward import pay
from brgym.envs.stalling import hold_cost, rest_cost, time_would_pass

Mask = npt.NDArray[np.int8]

TRUNCATED = 4
"""What a step may stop for beside `DECIDE`, `DONE` and `LOG_FULL` of the kernel: a limit of the episode is reached."""

INVALID = -1
"""The action was not allowed, and nothing has happened."""


@compiled
def begin_env(memory: Bytes, places: Integers, log: Bytes, regimes: int | None, observation: Floats, mask: Mask) -> int:
    """Runs a new episode on to its first decision; steps on the way are rewarded with the first action.

    Args:
        memory: See `PackedRun`, here and below.
        places: See there.
        log: See there.
        regimes: See there.
        observation: Receives the flat observation, shape (columns,), unless it has no columns.
        mask: Receives 1 for each valid action, shape (actions,).

    Returns:
        `DECIDE`, `DONE`, or `LOG_FULL`: then call again with a longer log.
    """
    run = run_in(memory, places, log)
    stop = advance(run.state, regimes)
    _show(run, observation, mask)
    return stop


@compiled
def step_env(
    memory: Bytes,
    places: Integers,
    log: Bytes,
    regimes: int | None,
    action: int,
    observation: Floats,
    mask: Mask,
) -> tuple[int, float]:
    """Carries out an action and runs on to the next decision.

    Args:
        memory: See `begin_env`, as for the others.
        places: See there.
        log: See there.
        regimes: See there.
        action: candidate x workers + worker, or the last: hold.
        observation: Receives the observation.
        mask: Receives the mask.

    Returns:
        Why it stopped: `DECIDE`, `DONE`, `TRUNCATED`, `INVALID`, or `LOG_FULL`: then go on with `resume_env`; and the
        reward, which is 0 in the last two cases. An episode that has ended stays as it is, whatever the action, and
        stops for the same again.
    """
    run = run_in(memory, places, log)
    state, rules, pair = run.state, run.episode[0], run.pair
    if rules.ended != 0:
        _show(run, observation, mask)
        return rules.ended, 0.0
    valid = _valid(run, action, len(mask))
    if not (valid or rules.hold_if_invalid):
        return INVALID, 0.0
    if valid and (action < len(mask) - 1 or state.constants[0].binding != FROM_POOL):
        pair[0, 0], pair[0, 1] = action // len(state.active), action % len(state.active)
        apply(state, pair, 1, regimes)
    else:
        rules.penalty = 0.0 if valid else rules.invalid_penalty
        rules.stalled += hold_cost(state, rules.reward)
        rules.holds += 1
        apply(state, pair, 0, regimes)
    rules.decisions += 1
    return _run_on(run, regimes, observation, mask)


@compiled
def resume_env(
    memory: Bytes, places: Integers, log: Bytes, regimes: int | None, observation: Floats, mask: Mask
) -> tuple[int, float]:
    """Goes on where `step_env` stopped for `LOG_FULL`, with a longer log; arguments and result as there."""
    return _run_on(run_in(memory, places, log), regimes, observation, mask)


@compiled
def mask_env(memory: Bytes, places: Integers, log: Bytes, regimes: int | None, mask: Mask) -> None:
    """Writes the mask alone; arguments as for `begin_env`."""
    write_mask(run_in(memory, places, log), mask)


@compiled
def write_mask(run: Run, mask: Mask) -> None:
    """Writes 1 for each valid action: the pairs that fit, and hold; on arrival, every worker that is up."""
    run = borrowed_run(run)
    view = borrowed_view(view_of(run.state))
    if view.constants[0].binding != FROM_POOL:
        for worker in range(workers(view)):
            mask[worker] = is_up(view, worker)
        return
    shares = view.constants[0].kv_reserve_share > 0.0
    shown, count = window_size(view), workers(view)
    mask[:-1] = 0
    anything = False
    for worker in range(count):
        room = room_tokens(view, worker)
        if room < 0:
            continue
        for candidate in range(shown):
            valid = candidate_context_tokens(view, candidate) <= room
            if shares and valid:
                valid = candidate_fits(view, worker, candidate)
            mask[candidate * count + worker] = valid
            anything |= valid
    mask[-1] = not anything or _may_hold(run)


@inlined
def _valid(run: Run, action: int, actions: int) -> bool:
    """Whether the mask has a 1 for an action, where something can be decided."""
    view = view_of(run.state)
    if view.constants[0].binding != FROM_POOL:
        return is_up(view, action)
    if action == actions - 1:
        return _may_hold(run)
    candidate, worker = action // workers(view), action % workers(view)
    return candidate < window_size(view) and candidate_fits(view, worker, candidate)


@inlined
def _may_hold(run: Run) -> bool:
    """Whether holding is valid where something fits."""
    return run.episode[0].hold_when_running != 0 and time_would_pass(run.state)


@compiled
def _run_on(run: Run, regimes: int | None, observation: Floats, mask: Mask) -> tuple[int, float]:
    run = borrowed_run(run)
    state = run.state
    stop = advance(state, regimes)
    if stop == LOG_FULL:
        return LOG_FULL, 0.0
    if stop == STUCK and state.clock[0].workers_up == 0:
        stop = TRUNCATED  # no worker will ever be up again, so nobody can be served
    elif stop == STUCK:
        state.progress[0].phase = ROUTE  # an invalid action held where no time passes, so the agent is asked again
        stop = DECIDE
    rules = run.episode[0]
    if stop == DECIDE and (rules.decisions >= rules.max_decisions or state.clock[0].now_s >= rules.max_time_s):
        stop = TRUNCATED
        if rules.holds > 0:
            rules.stalled += rest_cost(run, rules.reward)
    if stop != DECIDE:
        rules.ended = stop
    _show(run, observation, mask)
    return stop, pay(state, run.episode)


@compiled
def _show(run: Run, observation: Floats, mask: Mask) -> None:
    run = borrowed_run(run)
    view = borrowed_view(view_of(run.state))
    if len(observation) > 0:
        write_observation(view, observation)
    write_mask(run, mask)

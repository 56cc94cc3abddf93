"""The conformance suite for environments: ours, and what others make of them by wrapping."""

import dataclasses
import warnings
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.utils import env_checker

from brgym.cluster import Integers
from brgym.cluster.engine import State, next_event_s, row_of
from brgym.envs import EnvState, RoutingEnv, StickyRoutingEnv
from brgym.envs.memory import unpacked
from brgym.testing.failure import require, rule

_SEED = 7

_MASK = (
    "2.9 (info['action_mask'] of reset and step: int8, one entry of 0 or 1 an action, never all 0; "
    "hold 1 where something runs or is due, or with hold='forced' where nothing fits)"
)
_GYMNASIUM = "2.9 (Gymnasium's own check_env passes)"
_VALID = "2.9 (what the mask allows is carried out)"
_RESET = "2.9 (deterministic: the same seed and actions give the same observations, rewards, masks and ends)"
_RESTORE = "2.9 (from a state put back it goes on alike; wrappers that learn are frozen)"
_BOUNDARY = "2.8 (hidden output lengths of requests not yet finished change nothing that the agent sees)"

Step = tuple[Any, float, bool, bool, npt.NDArray[np.int8]]
"""Observation, reward, terminated, truncated, mask."""


def check_env(env: gymnasium.Env[Any, Any], *, steps: int = 200) -> None:
    """Checks that an environment, wrapped or not, keeps the contract.

    The masks are as they should be; what they allow is carried out; seeds decide everything; Gymnasium's own
    `check_env` passes (with random actions that are valid). Of a `RoutingEnv`, wrapped or not, also: saved states go
    on alike, and hidden output lengths do not reach the agent. Running normalisation must be frozen before.

    Args:
        env: The environment; its actions are `Discrete`.
        steps: Steps that are played.

    Raises:
        ConformanceError: If it breaks a rule.
    """
    played = _play(env, steps)
    with rule(env, _RESET):
        for number, (told, again) in enumerate(zip(played, _play(env, steps), strict=True)):
            require(_same(told, again), f"step {number} differs")
    with rule(env, _GYMNASIUM), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version")
        env_checker.check_env(_ValidActions(env), skip_render_check=True, skip_close_check=True)
    if isinstance(env.unwrapped, RoutingEnv):
        _check_secrets(env, env.unwrapped, steps)


class _ValidActions(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Carries out the last valid action in place of an invalid one."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's own."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._mask = info["action_mask"]
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's own."""
        allowed = action if self._mask[action] else np.flatnonzero(self._mask)[-1]
        observation, reward, terminated, truncated, info = self.env.step(allowed)
        self._mask = info["action_mask"]
        return observation, reward, terminated, truncated, info


def _play(env: gymnasium.Env[Any, Any], steps: int) -> list[Step]:
    """Random valid actions, through the ends of episodes."""
    rng = np.random.default_rng(_SEED)
    played = [_reset(env, _SEED)]
    for _ in range(steps):
        over = played[-1][2] or played[-1][3]
        played.append(_reset(env, None) if over else _step(env, rng.choice(np.flatnonzero(played[-1][4]))))
    return played


def _reset(env: gymnasium.Env[Any, Any], seed: int | None) -> Step:
    observation, info = env.reset(seed=seed)
    return observation, 0.0, False, False, _checked_mask(env, info)


def _step(env: gymnasium.Env[Any, Any], action: Any) -> Step:
    with rule(env, _VALID, where=f"action {action}"):
        observation, reward, terminated, truncated, info = env.step(action)
    return observation, float(reward), terminated, truncated, _checked_mask(env, info)


def _checked_mask(env: gymnasium.Env[Any, Any], info: dict[str, Any]) -> npt.NDArray[np.int8]:
    with rule(env, _MASK):
        require("action_mask" in info, f"info has {sorted(info)}")
        mask = info["action_mask"]
        require(isinstance(env.action_space, gymnasium.spaces.Discrete), f"the actions are {env.action_space}")
        actions = int(env.action_space.n)  # type: ignore[attr-defined]
        require(isinstance(mask, np.ndarray) and mask.dtype == np.int8, f"the mask is {mask!r}")
        require(mask.shape == (actions,), f"the mask has shape {mask.shape}, and there are {actions} actions")
        require(np.isin(mask, (0, 1)).all(), f"the mask is {mask}")
        require(mask.any(), "nothing is allowed")
        if isinstance(env.unwrapped, StickyRoutingEnv) and mask[:-1].any():
            may_hold = _may_hold(env.unwrapped)
            require(mask[-1] == may_hold, f"holding is {'not ' if may_hold else ''}allowed")
        if env.has_wrapper_attr("action_masks"):
            asked = env.get_wrapper_attr("action_masks")()
            require(np.array_equal(asked, mask.astype(np.bool_)), "action_masks() says something else")
    return mask.copy()


def _may_hold(env: StickyRoutingEnv) -> bool:
    """Whether holding is valid while something fits."""
    state = _state(env.get_state())
    passes = env.view.active_requests > 0 or bool(np.isfinite(next_event_s(state)))
    return passes and env.task.rules.hold == "when-running"


def _check_secrets(env: gymnasium.Env[Any, Any], unwrapped: RoutingEnv, steps: int) -> None:
    """Plays every step three times: as it is, from the saved state, and with other lengths of what waits throughout."""
    rng = np.random.default_rng(_SEED)
    mask = _reset(env, _SEED)[4]
    for number in range(steps):
        action = rng.choice(np.flatnonzero(mask))
        before = unwrapped.get_state()
        first = _step(env, action)
        after = unwrapped.get_state()
        with rule(env, _RESTORE, where=f"step {number}"):
            unwrapped.set_state(before)
            require(_same(_step(env, action), first), "it remembers something of its own")
        with rule(env, _BOUNDARY, where=f"step {number}"):
            waits = np.intersect1d(_waiting(_state(before)), _waiting(_state(after)))
            unwrapped.set_state(_with_other_lengths(before, waits))
            require(_same(_step(env, action), first), "what it shows depends on the output lengths of waiting requests")
        unwrapped.set_state(after)
        mask = _reset(env, None)[4] if first[2] or first[3] else first[4]


def _state(saved: EnvState) -> State:
    return unpacked(saved.run()).state


def _waiting(state: State) -> Integers:
    """Rows of the requests that have not arrived or wait in the pool."""
    clock = state.clock[0]
    pool = state.pool["request"][clock["pool_start"] : clock["pool_stop"]]
    progress = state.progress[0]
    return np.concatenate([row_of(progress["identity_key"], pool), np.arange(progress["arrived"], len(state.requests))])


def _with_other_lengths(saved: EnvState, rows: Integers) -> EnvState:
    """The same state but for the output lengths of some requests that wait."""
    run = saved.run()
    requests = unpacked(run).state.requests
    output = requests["output_tokens"]
    other = output.max() + 1 - output[rows]  # no longer than the longest, for which the calendar has room
    output[rows] = np.maximum(other, requests["generated_tokens"][rows] + 1)
    return dataclasses.replace(saved, memory=run.memory.tobytes())


def _same(one: Step, other: Step) -> bool:
    try:
        np.testing.assert_equal(one, other)
    except AssertionError:
        return False
    return True

"""Our environments conform, plain and wrapped; broken ones fail, and the message names the rule."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import NormalizeObservation

from brgym import ClusterConfig
from brgym.cluster.engine import row_of
from brgym.envs.wrappers import MaskInObservation, RecordEpisodeMetrics, RequestOnly, WorkerOnly
from brgym.testing import ConformanceError, check_env
from tests.envs.scenarios import ARRIVAL, IDS, STICKY, some_requests

CLUSTER = ClusterConfig(workers=3, slots=4, candidates=5, kv_capacity=900, recompute_s_per_token=0.001)


def make(env_id: str = STICKY, **options: Any) -> gymnasium.Env:
    return gymnasium.make(env_id, cluster=CLUSTER, workload=some_requests(), **options)


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("observation", ["flat", "dict"])
@pytest.mark.parametrize("start", ["cold", "stationary"])
def test_our_environments_conform(env_id: str, observation: str, start: str) -> None:
    options = {"episode_requests": 30, "episode_start": "random", "observation": observation, "start": start}
    check_env(make(env_id, **options))


def _frozen(env: gymnasium.Env) -> gymnasium.Env:
    wrapped = NormalizeObservation(env)
    wrapped.update_running_mean = False
    return wrapped


@pytest.mark.parametrize(
    "wrap",
    [
        MaskInObservation,
        RequestOnly,
        WorkerOnly,
        RecordEpisodeMetrics,
        _frozen,
        lambda env: RequestOnly(env, rule="most-free-slots"),
        lambda env: MaskInObservation(RecordEpisodeMetrics(WorkerOnly(env, rule="best-f")), mask_key="mask"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*Box observation space")  # normalised observations have no bounds
def test_wrapped_environments_conform(wrap: Callable[[gymnasium.Env], gymnasium.Env]) -> None:
    check_env(wrap(make()))


class Changed(gymnasium.Wrapper):
    """Changes what the environment says."""

    def reset(self, **options: Any) -> Any:
        observation, info = self.env.reset(**options)
        return self.observed(observation), info | self.told(info)

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self.observed(observation), reward, terminated, truncated, info | self.told(info)

    def observed(self, observation: Any) -> Any:
        return observation

    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {}


class BooleanMask(Changed):
    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {"action_mask": info["action_mask"].astype(bool)}


class ShortMask(Changed):
    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {"action_mask": info["action_mask"][1:]}


class EmptyMask(Changed):
    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {"action_mask": np.zeros_like(info["action_mask"])}


class NoHold(Changed):
    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        mask = info["action_mask"].copy()
        mask[-1], mask[0] = 0, 1
        return {"action_mask": mask}


class ForgottenMethod(Changed):
    """Allows less than it says when asked."""

    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        mask = np.zeros_like(info["action_mask"])
        mask[-1] = 1
        return {"action_mask": mask}


class AllAllowed(Changed):
    def told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {"action_mask": np.ones_like(info["action_mask"])}

    def action_masks(self) -> np.ndarray:
        return np.ones(16, bool)


class Noise(Changed):
    def observed(self, observation: Any) -> Any:
        return np.clip(observation + np.random.default_rng().normal(0, 0.1, observation.shape), 0, 1).astype(np.float32)


class WrongType(Changed):
    def observed(self, observation: Any) -> Any:
        return observation.astype(np.float64) * 3.0


class Peeks(Changed):
    def observed(self, observation: Any) -> Any:
        core: Any = self.unwrapped
        state = core._state()
        start, stop = state.clock["pool_start"][0], state.clock["pool_stop"][0]
        rows = row_of(state.progress["identity_key"][0], state.pool["request"][start:stop])
        output = state.requests["output_tokens"][rows]
        observation = observation.copy()
        observation[-1] = min(1.0, output.sum() / 10_000)
        return observation


class Counts(Changed):
    def reset(self, **options: Any) -> Any:
        self.steps = 0
        return super().reset(**options)

    def observed(self, observation: Any) -> Any:
        observation = observation.copy()
        observation[-1] = self.steps / (1 + self.steps)
        self.steps += 1
        return observation


class NoMask(gymnasium.Wrapper):
    def reset(self, **options: Any) -> Any:
        return self.env.reset(**options)[0], {}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (NoMask, r"NoMask breaks DESIGN 2\.9 \(info\['action_mask'\].*info has \[\]"),
        (BooleanMask, r"BooleanMask breaks DESIGN 2\.9 \(info\['action_mask'\].*the mask is array\(\[ True"),
        (ShortMask, r"ShortMask breaks DESIGN 2\.9 .*has shape \(15,\), and there are 16 actions"),
        (EmptyMask, r"EmptyMask breaks DESIGN 2\.9 .*nothing is allowed"),
        (NoHold, r"NoHold breaks DESIGN 2\.9 .*holding is not allowed"),
        (ForgottenMethod, r"ForgottenMethod breaks DESIGN 2\.9 .*action_masks\(\) says something else"),
        (AllAllowed, r"AllAllowed breaks DESIGN 2\.9 \(what the mask allows.*action \d+.*is not valid now"),
        (Noise, r"Noise breaks DESIGN 2\.9 \(deterministic.*step 0 differs"),
        (NormalizeObservation, r"NormalizeObservation breaks DESIGN 2\.9 \(deterministic"),
        (WrongType, r"WrongType breaks DESIGN 2\.9 \(Gymnasium's own"),
        (Peeks, r"Peeks breaks DESIGN 2\.8 \(hidden output lengths.*waiting requests"),
        (Counts, r"Counts breaks DESIGN 2\.9 \(from a state put back.*something of its own"),
    ],
)
def test_a_broken_environment_is_told_the_rule(broken: Callable[[gymnasium.Env], gymnasium.Env], message: str) -> None:
    with pytest.raises(ConformanceError, match=f"(?s){message}"):
        check_env(broken(make()))


def test_peeking_is_found_where_requests_are_bound_on_arrival() -> None:
    class Future(Changed):
        def observed(self, observation: Any) -> Any:
            core: Any = self.unwrapped
            state = core._state()
            observation = observation.copy()
            observation[-1] = min(1.0, state.requests["output_tokens"][-1] / 1000)
            return observation

    with pytest.raises(ConformanceError, match=r"DESIGN 2\.8"):
        check_env(Future(make(ARRIVAL)))


def test_another_peoples_environment_is_held_to_the_masks() -> None:
    with pytest.raises(ConformanceError, match=r"DESIGN 2\.9 \(info\['action_mask'\]"):
        check_env(gymnasium.make("CartPole-v1"))

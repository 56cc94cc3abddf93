"""Environment steps per second, as Gymnasium measures them: random actions, episodes begun anew, made by `gym.make`.

Beside each stands a null environment with the same spaces that does nothing: the ceiling of Gymnasium itself.
"""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.performance import benchmark_step

import brgym

SECONDS = 2
OPTIONS: dict[str, dict[str, Any]] = {
    "brgym/StickyRouting-v0": {"invalid_action": "hold"},
    "brgym/ArrivalRouting-v0": {},
}


class NullEnv(gymnasium.Env):
    """Has the spaces of another environment and does nothing."""

    def __init__(self, like: gymnasium.Env) -> None:
        self.observation_space = like.observation_space
        self.action_space = like.action_space
        self._observation = np.zeros_like(like.observation_space.sample())

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observation.copy(), {}

    def step(self, action):
        return self._observation.copy(), 0.0, False, False, {}


gymnasium.register(id="brgym/Null-v0", entry_point="benchmarks.test_envs:NullEnv")


@pytest.mark.parametrize("name", OPTIONS)
def test_env(benchmark, name):
    env = gymnasium.make(name, cluster=brgym.ClusterConfig(workers=8, slots=72), **OPTIONS[name])
    null = gymnasium.make("brgym/Null-v0", like=env)
    benchmark_step(env, target_duration=1, seed=0)
    speeds = []
    benchmark.pedantic(lambda: speeds.append(benchmark_step(env, target_duration=SECONDS, seed=0)), rounds=3)
    ceiling = benchmark_step(null, target_duration=SECONDS, seed=0)
    benchmark.group = "environments"
    benchmark.extra_info |= {
        "env_steps_per_s": max(speeds),
        "null_env_steps_per_s": ceiling,
        "share_of_null": max(speeds) / ceiling,
    }

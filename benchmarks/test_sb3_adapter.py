"""Steps per second through stable-baselines3's interface: our adapter over native environments, and its DummyVecEnv."""

import time
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import brgym

vec_env = pytest.importorskip("stable_baselines3.common.vec_env", reason="stable-baselines3 is not installed")

SECONDS = 2
ENV = "brgym/StickyRouting-v0"


def steps_per_s(envs) -> float:
    """Holds wherever that lets time pass, and asks for the masks as sb3-contrib does."""
    envs.reset()
    _step(envs)
    steps, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < SECONDS:
        _step(envs)
        steps += envs.num_envs
    return steps / (time.perf_counter() - began_s)


def _step(envs) -> None:
    """Takes the last valid action, which is to hold where that is valid."""
    masks = np.stack(envs.env_method("action_masks"))
    envs.step(masks.shape[1] - 1 - masks[:, ::-1].argmax(axis=1))


@pytest.mark.parametrize("num_envs", [16, 256])
def test_sb3_adapter(benchmark, num_envs):
    from brgym.envs.wrappers import SB3VecEnv

    options: dict[str, Any] = {
        "cluster": brgym.ClusterConfig(workers=8, slots=72, candidates=16),
        "episode_requests": 200,
        "start": "stationary",
    }
    native = gymnasium.make_vec(ENV, num_envs=num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **options)
    speeds = []
    benchmark.pedantic(lambda: speeds.append(steps_per_s(SB3VecEnv(native))), rounds=2)
    dummy = steps_per_s(vec_env.DummyVecEnv([lambda: gymnasium.make(ENV, **options)] * num_envs))
    benchmark.group = "stable-baselines3"
    benchmark.extra_info |= {
        "env_steps_per_s": max(speeds),
        "dummy_vec_env_steps_per_s": dummy,
        "ratio": max(speeds) / dummy,
    }

"""What it costs to save and restore an environment in the middle of an episode, beside a step of it."""

import timeit
from typing import Any

import gymnasium
import numpy as np
import pytest

import brgym

REPEATS = 200


@pytest.mark.parametrize("requests", [200, 2_000, 8_000])
def test_saved_state(benchmark, requests):
    env: Any = gymnasium.make(
        "brgym/StickyRouting-v0",
        cluster=brgym.ClusterConfig(workers=8, slots=72, candidates=16),
        episode_requests=requests,
    ).unwrapped
    env.reset(seed=0)
    for _ in range(requests // 2):
        env.step(int(np.argmax(env.action_masks())))
    state = env.get_state()

    def seconds(call) -> float:
        return min(timeit.repeat(call, number=REPEATS, repeat=5)) / REPEATS

    def save_and_restore() -> None:
        env.set_state(env.get_state())

    benchmark.pedantic(save_and_restore, rounds=REPEATS, warmup_rounds=10)
    benchmark.group = "saved states"
    benchmark.extra_info |= {
        "save_us": 1e6 * seconds(env.get_state),
        "restore_us": 1e6 * seconds(lambda: env.set_state(state)),
        "kilobytes": (len(state.memory) + len(state.log)) / 1e3,
    }

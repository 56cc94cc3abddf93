"""Steps per second of the native vector environments, 8 workers of 72 slots, 16 candidates, masks and observations in.

`gymnasium` is Gymnasium's own measure: actions drawn from the whole space, of which those that are not valid hold.
`valid` draws from the valid ones: every step admits a request, and runs on to the next that can be. Beside them, in the
same run, stand Gymnasium's SyncVectorEnv over the same environments and its native vector environment of CartPole.
"""

import time
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.performance import benchmark_vector_step

import brgym

SECONDS = 3
STEPS = 100
IDS: dict[str, dict[str, Any]] = {
    "brgym/StickyRouting-v0": {"candidates": 16, "invalid_action": "hold"},
    "brgym/ArrivalRouting-v0": {},
}


def make(name, count, mode):
    cluster = brgym.ClusterConfig(workers=8, slots=72)
    return gymnasium.make_vec(name, count, vectorization_mode=mode, cluster=cluster, start="stationary", **IDS[name])


@pytest.mark.parametrize("count", [64, 1024])
@pytest.mark.parametrize("name", IDS)
def test_gymnasium(benchmark, name, count):
    native, singly = make(name, count, "vector_entry_point"), make(name, count, "sync")
    cartpole = gymnasium.make_vec("CartPole-v1", count, vectorization_mode="vector_entry_point")
    speeds = []
    benchmark.pedantic(lambda: speeds.append(benchmark_vector_step(native, SECONDS, seed=0)), rounds=3)
    beside = benchmark_vector_step(singly, SECONDS, seed=0)
    benchmark.group = "vector environments"
    benchmark.extra_info |= {
        "env_steps_per_s": max(speeds),
        "sync_env_steps_per_s": beside,
        "times_sync": max(speeds) / beside,
        "cartpole_native_env_steps_per_s": benchmark_vector_step(cartpole, SECONDS, seed=0),
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_valid(benchmark, threads):
    env = brgym.envs.StickyRoutingVectorEnv(
        1024, cluster=brgym.ClusterConfig(workers=8, slots=72), candidates=16, start="stationary", threads=threads
    )
    _, info = env.reset(seed=0)
    rng = np.random.default_rng(0)
    spent_s = []

    def play():
        nonlocal info
        begun_s = 0.0
        for _ in range(STEPS):
            order = rng.random(info["action_mask"].shape, np.float32)
            order[:, -1] = 0.0  # holds only where there is nothing else to do
            actions = (order * info["action_mask"]).argmax(axis=1)
            asked_s = time.perf_counter()
            *_, info = env.step(actions)
            begun_s += time.perf_counter() - asked_s
        spent_s.append(begun_s)

    benchmark.pedantic(play, rounds=5, warmup_rounds=1)
    benchmark.group = "vector environments"
    benchmark.extra_info |= {"env_steps_per_s": 1024 * STEPS / min(spent_s)}

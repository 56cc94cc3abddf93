"""Stalling does not pay: who holds back scores below random admission, under every reward and however it ends."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode

from brgym import ClusterConfig, StepTime, Workload
from brgym.envs.reward import REWARDS, Reward, default_scale
from brgym.envs.wrappers import RequestOnly, WorkerOnly
from tests.envs.scenarios import STICKY, Played, play, some_requests

Choose = Callable[[Any], Callable[[np.ndarray], int]]
"""A player, given the environment."""

CLUSTERS = {
    "two workers": ClusterConfig(workers=2, slots=1, candidates=4),
    "small": ClusterConfig(workers=3, slots=4, candidates=5),
    "capacity": ClusterConfig(workers=4, slots=6, candidates=8, kv_capacity=700, recompute_s_per_token=0.001),
    "one slow worker": ClusterConfig(workers=1, slots=8, candidates=3),
    "by the token": ClusterConfig(
        workers=4, slots=2, candidates=4, step_time=StepTime.barrier(base_s=0.0, per_token_s=1e-4)
    ),
    "wide": ClusterConfig(workers=16, slots=16, candidates=16),
}
WORKLOADS = {
    "backlog": some_requests(100).backlog(),
    "burst": some_requests(100, pace_s=0.01),
    "stream": some_requests(60, pace_s=0.05, seed=1),
}
LIMITS: dict[str, dict[str, Any]] = {
    "whole": {},
    "decisions": {"max_decisions": 40},
    "few decisions": {"max_decisions": 3},
    "time": {"max_time_s": 2.0},
    "stationary": {"start": "stationary", "occupancy": 0.5, "max_decisions": 50},
}


def admit_at_random(env: Any) -> Callable[[np.ndarray], int]:
    rng = np.random.default_rng(3)
    return lambda mask: rng.choice(np.flatnonzero(mask[:-1]))


def always_hold(env: Any) -> Callable[[np.ndarray], int]:
    return lambda mask: len(mask) - 1 if mask[-1] else int(np.argmax(mask))


def one_at_a_time(env: Any) -> Callable[[np.ndarray], int]:
    def choose(mask: np.ndarray) -> int:
        return len(mask) - 1 if env.unwrapped.view.active_requests else int(np.argmax(mask))

    return choose


def _played(reward: Reward, choose: Choose, **options: Any) -> tuple[float, int, Played]:
    """The return, the holds, and the episode."""
    env = gymnasium.make(STICKY, reward=reward, **options)
    played = play(env, choose(env))
    holds = sum(action == len(played.masks[0]) - 1 for action in played.actions)
    return sum(played.rewards), holds, played


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("requests", WORKLOADS)
@pytest.mark.parametrize("size", CLUSTERS)
@pytest.mark.parametrize("reward", REWARDS)
def test_who_holds_back_scores_below_random_admission(reward: Reward, size: str, requests: str, limits: str) -> None:
    options = {"cluster": CLUSTERS[size], "workload": WORKLOADS[requests], **LIMITS[limits]}
    admitting, none, _ = _played(reward, admit_at_random, **options)
    assert none == 0
    for choose in (always_hold, one_at_a_time):
        earned, holds, played = _played(reward, choose, **options)
        if holds == 0:  # where the requests are far between, they run one at a time whoever admits them
            assert (choose, requests) == (one_at_a_time, "stream")
        else:
            assert earned < admitting
        assert "requests" in played.info["metrics"]


@pytest.mark.parametrize("reward", REWARDS)
def test_ever_refused_holding_scores_below_random_admission(reward: Reward) -> None:
    options: dict[str, Any] = {"cluster": CLUSTERS["small"], "workload": WORKLOADS["backlog"]}
    admitting, _, _ = _played(reward, admit_at_random, **options)
    for hold in ("when-running", "forced"):
        lenient = {"hold": hold, "invalid_action": "hold", "invalid_penalty": 0.0}
        earned, _, _ = _played(reward, lambda env: lambda mask: len(mask) - 1, **options, **lenient)
        assert earned < admitting


@pytest.mark.parametrize("reward", ["imbalance", "step-time", "latency"])
def test_a_truncated_episode_with_a_hold_pays_for_its_rest_as_if_served_one_at_a_time(reward: Reward) -> None:
    """What is charged at the limit is what the rest costs an agent that serves it so, holds not counted."""
    cluster = ClusterConfig(workers=3, slots=4, candidates=4)
    workload = Workload(np.zeros(4), [50, 20, 70, 30], [4, 3, 5, 2])
    whole: Any = gymnasium.make(STICKY, cluster=cluster, workload=workload, reward=reward, hold="when-running")
    cut: Any = gymnasium.make(STICKY, cluster=cluster, workload=workload, reward=reward, max_decisions=2)
    begun = [0, whole.unwrapped.hold]
    parted = sum(play(cut, lambda mask: begun.pop(0)).rewards)
    steps = [(0.0, 0)] + [
        (prompt + done, request)
        for request, (prompt, output) in enumerate(
            zip(workload.prompt_tokens.tolist(), workload.output_tokens.tolist(), strict=True)
        )
        for done in range(output)
    ]
    base_s, per_token_s, per_worker_active_s, per_active_s = cluster.step_time.as_array()[0, :4]
    alone_s = [base_s + per_token_s * load + per_worker_active_s + per_active_s for load, _ in steps[1:]]
    hold = {"imbalance": 3 * 20, "step-time": base_s + per_token_s * 20 + per_worker_active_s + per_active_s}
    hold["latency"] = 3 * hold["step-time"]
    ends_s = np.cumsum(alone_s)[np.cumsum(workload.output_tokens) - 1]
    figure = {
        "imbalance": 2 * sum(load for load, _ in steps),
        "step-time": sum(alone_s),
        "latency": ends_s.sum(),
    }
    scale = default_scale(reward, cluster)
    assert parted == pytest.approx(-(figure[reward] + hold[reward]) / scale, rel=1e-12)


@pytest.mark.parametrize("reward", REWARDS)
def test_without_a_hold_a_truncated_episode_is_paid_for_what_it_ran(reward: Reward) -> None:
    options: dict[str, Any] = {"cluster": CLUSTERS["small"], "workload": WORKLOADS["backlog"]}
    whole = _played(reward, admit_at_random, **options)[2]
    cut = _played(reward, admit_at_random, max_decisions=40, **options)[2]
    assert cut.rewards == whole.rewards[:40]


@pytest.mark.parametrize("wrap", [lambda env: env, RequestOnly, WorkerOnly])
def test_forced_holding_is_never_needed(wrap: Any) -> None:
    env = wrap(gymnasium.make(STICKY, cluster=CLUSTERS["small"], workload=WORKLOADS["stream"], hold="forced"))
    played = play(env, lambda mask: int(np.argmax(mask)))
    assert played.terminated
    assert not any(mask[-1] for mask in played.masks[:-1])
    env.reset()
    with pytest.raises(ValueError, match="to hold, is not valid now: something fits"):
        env.step(len(played.masks[0]) - 1)


def test_valid_holds_let_time_pass() -> None:
    env: Any = gymnasium.make(STICKY, cluster=CLUSTERS["small"], workload=WORKLOADS["burst"])
    rng = np.random.default_rng(0)

    def choose(mask: np.ndarray) -> int:
        view, state = env.unwrapped.view, env.unwrapped._state()
        due = state.progress["arrived"][0] < len(state.requests)
        assert mask[-1] == (view.active_requests > 0 or due)
        return rng.choice(np.flatnonzero(mask))

    env.reset()
    assert play(env, choose).terminated


@pytest.mark.parametrize("hold", ["when-running", "forced"])
@pytest.mark.parametrize("reward", REWARDS)
def test_the_vector_environment_charges_the_same(reward: Reward, hold: str) -> None:
    options: dict[str, Any] = {"cluster": CLUSTERS["small"], "workload": WORKLOADS["burst"], "reward": reward}
    options |= {"hold": hold, "invalid_action": "hold", "max_decisions": 30}
    mode = AutoresetMode.SAME_STEP
    native = gymnasium.make_vec(STICKY, 3, vectorization_mode="vector_entry_point", autoreset_mode=mode, **options)
    single = gymnasium.make(STICKY, **options)
    assert isinstance(native.single_action_space, Discrete)
    actions = int(native.single_action_space.n)
    rng = np.random.default_rng(1)
    native.reset(seed=0)
    single.reset(seed=0)
    for step in range(30):
        action = int(rng.integers(actions)) if step % 3 else actions - 1
        rewards = native.step(np.full(3, action))[1]
        assert rewards.tolist() == [single.step(action)[1]] * 3

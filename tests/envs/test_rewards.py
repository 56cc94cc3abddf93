"""The rewards of an episode add up to a figure of its run."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import ClusterConfig, Result, Workload
from brgym.cluster import RouterView, imbalance
from brgym.envs.reward import REWARDS, Reward, default_scale
from tests.envs.scenarios import IDS, STICKY, at_random, play, scenarios, some_requests


def _figure(reward: Reward, result: Result, workload: Workload, workers: int) -> float:
    if reward == "imbalance":
        return -float(imbalance(workers, result.steps["max_load"], result.steps["sum_load"]).sum())
    if reward == "step-time":
        return -float(result.steps["duration_s"].sum())
    if reward == "throughput":
        return float(workload.output_tokens.sum())
    return -float((result.requests["finish_s"] - workload.arrival_s).sum())


def hold_charge(reward: Reward, cluster: ClusterConfig, view: RouterView) -> float:
    """What a hold costs by the rule of docs/environments.md."""
    context = int(view.candidate_context_tokens[0])
    if reward == "imbalance":
        return cluster.workers * context
    if reward == "throughput":
        return cluster.workers * cluster.slots
    base_s, per_token_s, per_worker_active_s, per_active_s = cluster.step_time.as_array()[0, :4]
    alone_s = base_s + per_token_s * context + per_worker_active_s + per_active_s
    return float(alone_s if reward == "step-time" else view.waiting * alone_s)


@settings(max_examples=60)
@given(scenario=scenarios(), reward=st.sampled_from(REWARDS), env_id=st.sampled_from(IDS), seed=st.integers(0, 9))
def test_the_sum_is_the_figure(
    scenario: tuple[ClusterConfig, Workload], reward: Reward, env_id: str, seed: int
) -> None:
    cluster, workload = scenario
    env: Any = gymnasium.make(env_id, cluster=cluster, workload=workload, reward=reward)
    owed = 0.0
    choose = at_random(seed)

    def noted(mask: np.ndarray) -> int:
        nonlocal owed
        action = int(choose(mask))
        if env_id == STICKY and action == len(mask) - 1:
            owed += hold_charge(reward, cluster, env.unwrapped.view)
        return action

    played = play(env, noted)
    assert played.terminated
    figure = _figure(reward, env.unwrapped.result(), workload, cluster.workers) - owed
    assert sum(played.rewards) * default_scale(reward, cluster) == pytest.approx(figure, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("reward", REWARDS)
def test_the_scale_divides(env_id: str, reward: Reward) -> None:
    options: dict[str, Any] = {"workload": some_requests(), "cluster": ClusterConfig(workers=3, slots=2)}
    one = play(gymnasium.make(env_id, reward=reward, reward_scale=1.0, **options), at_random(1))
    ten = play(gymnasium.make(env_id, reward=reward, reward_scale=10.0, **options), at_random(1))
    np.testing.assert_allclose(one.rewards, 10.0 * np.array(ten.rewards), rtol=1e-12)


def test_latency_counts_the_running_requests_of_a_stationary_start_from_time_0() -> None:
    env: Any = gymnasium.make(
        STICKY,
        cluster=ClusterConfig(workers=3, slots=4),
        workload=some_requests(),
        reward="latency",
        start="stationary",
        hold="forced",
    )
    played = play(env, at_random(0))
    requests = env.unwrapped._state().requests
    figure = -float((requests["finish_s"] - requests["arrival_s"]).sum())
    assert sum(played.rewards) * default_scale("latency", env.unwrapped.cluster) == pytest.approx(figure, rel=1e-9)


def test_throughput_until_a_limit_of_time_is_the_tokens_generated_by_then() -> None:
    env: Any = gymnasium.make(
        STICKY,
        cluster=ClusterConfig(workers=3, slots=4),
        workload=some_requests(200),
        reward="throughput",
        reward_scale=1.0,
        max_time_s=4.0,
        hold="forced",
    )
    played = play(env, at_random(0))
    assert played.truncated
    assert sum(played.rewards) == env.unwrapped._state().steps["active"].sum()


def test_an_invalid_action_costs_the_penalty_and_holds() -> None:
    options: dict[str, Any] = {"workload": some_requests().backlog(), "cluster": ClusterConfig(workers=2, slots=2)}
    strict: Any = gymnasium.make(STICKY, candidates=4, **options)
    lenient: Any = gymnasium.make(STICKY, candidates=4, invalid_action="hold", invalid_penalty=2.5, **options)
    for env in (strict, lenient):
        env.reset(seed=0)
        for _ in range(3):
            _, _, _, _, info = env.step(0 if info_allows(env, 0) else 1)
        assert not info["action_mask"].all()
    held = strict.step(strict.unwrapped.hold)
    punished = lenient.step(int(np.argmin(info["action_mask"])))
    np.testing.assert_array_equal(held[0], punished[0])
    assert punished[1] == held[1] - 2.5


def info_allows(env: Any, action: int) -> bool:
    return bool(env.unwrapped.action_masks()[action])

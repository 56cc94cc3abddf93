"""Episode statistics with the figures of the run."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from brgym import ClusterConfig
from brgym.envs.wrappers import RecordEpisodeMetrics
from tests.envs.scenarios import IDS, STICKY, at_random, play, some_requests

SMALL: dict[str, Any] = {"cluster": ClusterConfig(workers=3, slots=4, candidates=5), "workload": some_requests()}


@pytest.mark.parametrize("env_id", IDS)
def test_the_statistics_hold_return_length_time_and_the_figures(env_id: str) -> None:
    env = RecordEpisodeMetrics(gymnasium.make(env_id, **SMALL))
    played = play(env, at_random(0))
    episode = played.info["episode"]
    assert episode["r"] == pytest.approx(sum(played.rewards))
    assert episode["l"] == len(played.actions)
    assert episode["t"] > 0
    assert {name: episode[name] for name in played.info["metrics"]} == pytest.approx(
        played.info["metrics"], nan_ok=True
    )
    assert len(episode) == 3 + len(played.info["metrics"])


def test_the_queues_keep_the_last_episodes() -> None:
    env = RecordEpisodeMetrics(gymnasium.make(STICKY, **SMALL), buffer_length=2, stats_key="stats")
    assert env.mean_metrics() == {}
    figures = [play(env, at_random(seed)).info["stats"]["imbalance_mean"] for seed in range(3)]
    assert [episode["imbalance_mean"] for episode in env.metrics_queue] == figures[1:]
    assert env.mean_metrics()["imbalance_mean"] == pytest.approx(np.mean(figures[1:]))
    assert len(env.return_queue) == 2


def test_an_episode_that_served_nothing_has_figures_too_and_spoils_no_mean() -> None:
    env = RecordEpisodeMetrics(gymnasium.make(STICKY, max_decisions=1, **SMALL))
    played = play(env, at_random(0))
    assert played.info["episode"]["requests"] == 0
    assert np.isnan(played.info["episode"]["e2e_s_mean"])
    env.metrics_queue.append(env.metrics_queue[0] | {"e2e_s_mean": 2.0})
    assert env.mean_metrics()["e2e_s_mean"] == 2.0


def test_gymnasiums_vector_environments_gather_them() -> None:
    envs = gymnasium.make_vec(
        STICKY,
        num_envs=2,
        vectorization_mode="sync",
        wrappers=[RecordEpisodeMetrics],
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        episode_requests=10,
        **SMALL,
    )
    _, info = envs.reset(seed=0)
    choose = at_random(0)
    while "final_info" not in info:
        _, _, _, _, info = envs.step(np.array([choose(mask) for mask in info["action_mask"]]))
    ended = info["_final_info"]
    assert (info["final_info"]["episode"]["requests"][ended] == 10).all()

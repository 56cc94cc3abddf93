"""Gymnasium's own vector wrappers do their work on the native vector environments."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers.vector import NormalizeObservation, NormalizeReward, RecordEpisodeStatistics

from brgym import ClusterConfig
from tests.envs.scenarios import IDS, some_requests

SMALL: dict[str, Any] = {
    "cluster": ClusterConfig(workers=3, slots=4, candidates=5),
    "workload": some_requests(),
    "episode_requests": 10,
    "episode_start": "random",
}


@pytest.mark.parametrize("env_id", IDS)
def test_statistics_and_normalisation_equal_those_over_single_ones(env_id: str) -> None:
    native, sync = (
        NormalizeReward(NormalizeObservation(RecordEpisodeStatistics(gymnasium.make_vec(env_id, num_envs=3, **kwargs))))
        for kwargs in (SMALL, SMALL | {"vectorization_mode": "sync"})
    )
    rng = np.random.default_rng(0)
    (mine, info), (theirs, _) = native.reset(seed=0), sync.reset(seed=0)
    np.testing.assert_array_equal(mine, theirs)
    episodes = 0
    for _ in range(80):
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in info["action_mask"]])
        (*one_step, info), (*other_step, other) = native.step(actions), sync.step(actions)
        for one, two in zip(one_step, other_step, strict=True):
            np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(info["action_mask"], other["action_mask"])
        if "episode" in info:
            episodes += info["_episode"].sum()
            np.testing.assert_array_equal(info["episode"]["r"], other["episode"]["r"])
            np.testing.assert_array_equal(info["episode"]["l"], other["episode"]["l"])
    assert episodes > 3

"""The public checkers of the ecosystem have nothing to say."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.utils.env_checker import check_env

from brgym import ClusterConfig
from tests.envs.scenarios import IDS, some_requests

CASES = pytest.mark.parametrize(("env_id", "observation"), [(i, o) for i in IDS for o in ("flat", "dict")])


@CASES
def test_gymnasium_check_env_passes_without_a_warning(env_id: str, observation: str) -> None:
    env = gymnasium.make(env_id, observation=observation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


@CASES
def test_gymnasium_check_env_passes_on_random_slices_with_a_stationary_start(env_id: str, observation: str) -> None:
    invalid_action: dict[str, Any] = {"invalid_action": "hold"}
    env = gymnasium.make(
        env_id,
        observation=observation,
        cluster=ClusterConfig(workers=3, slots=4, candidates=5),
        workload=some_requests(),
        episode_requests=40,
        episode_start="random",
        start="stationary",
        occupancy=0.5,
        **(invalid_action if env_id == IDS[0] else {}),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


@CASES
def test_stable_baselines3_check_env_passes(env_id: str, observation: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker", reason="stable-baselines3 is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if observation == "dict":
            warnings.filterwarnings("ignore", message=".*unconventional shape")  # workers x columns, as intended
        checker.check_env(gymnasium.make(env_id, observation=observation).unwrapped)


@pytest.mark.parametrize("env_id", IDS)
def test_maskable_ppo_finds_the_mask(env_id: str) -> None:
    masking = pytest.importorskip("sb3_contrib.common.maskable.utils", reason="sb3-contrib is not installed")
    vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
    env = vec_env.DummyVecEnv([lambda: gymnasium.make(env_id)])
    assert masking.is_masking_supported(env)
    env.reset()
    np.testing.assert_array_equal(masking.get_action_masks(env), [env.reset_infos[0]["action_mask"].astype(bool)])


@pytest.mark.parametrize("env_id", IDS)
def test_gymnasium_vectorises_it(env_id: str) -> None:
    envs = gymnasium.make_vec(env_id, num_envs=2, vectorization_mode="sync", workload=some_requests())
    observation, info = envs.reset(seed=1)
    assert observation in envs.observation_space
    assert isinstance(envs.single_action_space, Discrete)
    assert info["action_mask"].shape == (2, envs.single_action_space.n)

"""The adapter for stable-baselines3 equals its own DummyVecEnv of single environments, bit for bit."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import ClusterConfig, Workload
from tests.envs.scenarios import IDS, STICKY, scenarios, some_requests

vec_env = pytest.importorskip("stable_baselines3.common.vec_env", reason="stable-baselines3 is not installed")
masking = pytest.importorskip("sb3_contrib.common.maskable.utils", reason="sb3-contrib is not installed")

SMALL: dict[str, Any] = {"cluster": ClusterConfig(workers=3, slots=4, candidates=5), "workload": some_requests()}
MODES = ("sync", "vector_entry_point")


def adapted(env_id: str, envs: int, mode: str, **options: Any) -> Any:
    from brgym.envs.wrappers import SB3VecEnv

    same_step: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}
    options |= same_step if mode == "vector_entry_point" else {"vector_kwargs": same_step}
    return SB3VecEnv(gymnasium.make_vec(env_id, num_envs=envs, vectorization_mode=mode, **options))


def assert_same(mine: Any, theirs: Any) -> None:
    np.testing.assert_equal(mine, theirs)
    if isinstance(theirs, np.ndarray):
        assert mine.dtype == theirs.dtype


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=20)
@given(
    scenario=scenarios(),
    env_id=st.sampled_from(IDS),
    observation=st.sampled_from(["flat", "dict"]),
    seed=st.integers(0, 99),
    max_decisions=st.sampled_from([None, 1, 7]),
)
def test_equals_dummy_vec_env(
    scenario: tuple[ClusterConfig, Workload],
    mode: str,
    env_id: str,
    observation: str,
    seed: int,
    max_decisions: int | None,
) -> None:
    options: dict[str, Any] = {
        "cluster": scenario[0],
        "workload": scenario[1],
        "observation": observation,
        "max_decisions": max_decisions,
        "episode_requests": max(1, len(scenario[1]) // 2),
        "episode_start": "random",
    }
    mine = adapted(env_id, 3, mode, **options)
    theirs = vec_env.DummyVecEnv([lambda: gymnasium.make(env_id, **options)] * 3)
    assert mine.observation_space == theirs.observation_space
    assert mine.action_space == theirs.action_space
    mine.seed(seed)
    theirs.seed(seed)
    rng = np.random.default_rng(seed)
    assert_same(mine.reset(), theirs.reset())
    for _ in range(60):
        masks = masking.get_action_masks(theirs)
        assert_same(masking.get_action_masks(mine), masks)
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        for ours, his in zip(mine.step(actions), theirs.step(actions), strict=True):
            assert_same(ours, his)
        assert_same(mine.reset_infos, theirs.reset_infos)


@pytest.mark.parametrize("mode", MODES)
def test_maskable_ppo_learns_on_it(mode: str) -> None:
    from sb3_contrib import MaskablePPO

    envs = adapted(STICKY, 4, mode, episode_requests=20, **SMALL)
    assert masking.is_masking_supported(envs)
    model = MaskablePPO("MlpPolicy", envs, n_steps=16, batch_size=32, n_epochs=1, seed=0)
    model.learn(128)
    assert model.num_timesteps == 128


def test_monitor_reads_the_episodes() -> None:
    envs = vec_env.VecMonitor(
        adapted(STICKY, 2, "vector_entry_point", episode_requests=5, **SMALL), info_keywords=("metrics",)
    )
    envs.reset()
    rng = np.random.default_rng(0)
    while True:
        masks = masking.get_action_masks(envs)
        _, _, ended, infos = envs.step(np.array([rng.choice(np.flatnonzero(mask)) for mask in masks]))
        if ended.any():
            break
    first = int(np.argmax(ended))
    assert infos[first]["episode"]["l"] > 0
    assert infos[first]["episode"]["metrics"]["requests"] == 5


def test_what_it_has_not_is_said() -> None:
    envs = adapted(STICKY, 2, "vector_entry_point", **SMALL)
    assert envs.get_attr("render_mode", indices=[0]) == [None]
    assert envs.env_is_wrapped(gymnasium.Wrapper) == [False, False]
    assert not envs.has_attr("no_such_thing")
    with pytest.raises(AttributeError, match="none has a 'get_state'"):
        envs.env_method("get_state")
    with pytest.raises(AttributeError, match="'reward' cannot be set"):
        envs.set_attr("reward", "latency")
    envs.close()


def test_another_way_of_beginning_anew_is_refused() -> None:
    from brgym.envs.wrappers import SB3VecEnv

    with pytest.raises(ValueError, match=r"autoreset_mode=AutoresetMode\.SAME_STEP, got AutoresetMode\.NEXT_STEP"):
        SB3VecEnv(gymnasium.make_vec(STICKY, num_envs=2, **SMALL))

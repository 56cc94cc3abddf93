"""The examples run, in a short form."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import gymnasium
import numpy as np
import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"examples_{name}", _FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_masked_ppo() -> None:
    module = example("masked_ppo")
    args = module.Args(total_steps=1024, num_envs=16, num_steps=32, episode_requests=10, device="cpu")
    imbalances = module.main(args)
    assert len(imbalances) == 2
    assert all(imbalance > 0 for imbalance in imbalances)


def test_sb3_maskable_ppo() -> None:
    pytest.importorskip("sb3_contrib", reason="sb3-contrib is not installed")
    module = example("sb3_maskable_ppo")
    model = module.main(module.Args(total_steps=256, num_envs=4, n_steps=32, episode_requests=10))
    assert model.num_timesteps == 256
    assert len(model.ep_info_buffer) > 0


def test_torchrl_ppo() -> None:
    pytest.importorskip("torchrl", reason="torchrl is not installed")
    module = example("torchrl_ppo")
    returns = module.main(module.Args(total_steps=512, frames=256, episode_requests=10))
    assert len(returns) == 2
    assert all(math.isfinite(number) for number in returns)


def test_what_rllib_gets() -> None:
    """RLlib itself is not installed here: its convention is two keys, a mask that multiplies, one `Dict` space."""
    env = example("rllib_ppo").make_env({"episode_requests": 10})
    observation, info = env.reset(seed=0)
    assert isinstance(env.observation_space, gymnasium.spaces.Dict)
    assert sorted(observation) == sorted(env.observation_space.spaces) == ["action_mask", "observations"]
    assert env.observation_space["action_mask"].shape == (env.action_space.n,)
    assert observation in env.observation_space
    np.testing.assert_array_equal(observation["action_mask"], info["action_mask"])

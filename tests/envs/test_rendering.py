"""Pictures of an environment, and the examples of its documentation."""

import doctest
import importlib
from typing import Any

import gymnasium
import numpy as np
import pytest

from brgym import ClusterConfig
from brgym.envs import StickyRoutingEnv
from tests.envs.scenarios import IDS, at_random, play, some_requests

SMALL = ClusterConfig(workers=3, slots=4, candidates=5)


@pytest.mark.parametrize("env_id", IDS)
def test_ansi_shows_each_worker_and_the_pool(env_id: str) -> None:
    env: Any = gymnasium.make(env_id, cluster=SMALL, workload=some_requests(), render_mode="ansi")
    play(env, at_random(0), most=20)
    lines = env.render().splitlines()
    loads = env.unwrapped.view.load_tokens
    assert f"envelope {loads.max()} tokens" in lines[0]
    for load, line in zip(loads, lines[1:4], strict=True):
        assert f"{load} tokens" in line
    assert "#" * 50 in lines[1 + int(np.argmax(loads))]
    assert lines[4].startswith("pool: ")


@pytest.mark.parametrize("env_id", IDS)
def test_rgb_array_is_an_image_that_changes_with_the_loads(env_id: str) -> None:
    env: Any = gymnasium.make(env_id, cluster=SMALL, workload=some_requests(), render_mode="rgb_array")
    env.reset(seed=0)
    empty = env.render()
    play(env, at_random(0), most=20)
    image = env.render()
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape == empty.shape
    assert image.shape[2] == 3
    assert not np.array_equal(image, empty)


def test_without_a_render_mode_nothing_is_drawn() -> None:
    env = gymnasium.make(IDS[0], cluster=SMALL, workload=some_requests())
    env.reset()
    assert env.unwrapped.render() is None


def test_an_unknown_render_mode_is_named() -> None:
    with pytest.raises(ValueError, match="unknown render_mode 'humane'"):
        StickyRoutingEnv(render_mode="humane")  # type: ignore[arg-type]


@pytest.mark.parametrize("module", ["agent", "arrival_routing", "sticky_routing", "wrappers.mask"])
def test_the_examples_in_the_docstrings_work(module: str) -> None:
    outcome = doctest.testmod(importlib.import_module(f"brgym.envs.{module}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0

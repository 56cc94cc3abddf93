"""The mask in the observation, under the names that libraries look for."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import NormalizeObservation, NormalizeReward

from brgym import ClusterConfig
from brgym.envs.wrappers import MaskInObservation, RequestOnly
from tests.envs.scenarios import IDS, STICKY, at_random, play, some_requests

SMALL: dict[str, Any] = {"cluster": ClusterConfig(workers=3, slots=4, candidates=5), "workload": some_requests()}


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("keys", [("observation", "action_mask"), ("observations", "action_mask"), ("obs", "mask")])
def test_the_observation_holds_both(env_id: str, keys: tuple[str, str]) -> None:
    plain = play(gymnasium.make(env_id, **SMALL), at_random(0))
    wrapped = MaskInObservation(gymnasium.make(env_id, **SMALL), observation_key=keys[0], mask_key=keys[1])
    played = play(wrapped, at_random(0))
    assert played.rewards == plain.rewards
    for mine, observation, mask in zip(played.observations, plain.observations, plain.masks, strict=True):
        assert mine in wrapped.observation_space
        assert list(mine) == list(keys)
        np.testing.assert_array_equal(mine[keys[0]], observation)
        np.testing.assert_array_equal(mine[keys[1]], mask)


def test_beside_the_parts_of_a_dict() -> None:
    env = MaskInObservation(gymnasium.make(STICKY, observation="dict", **SMALL), observation_key=None)
    observation, info = env.reset(seed=0)
    assert sorted(observation) == ["action_mask", "candidates", "cluster", "workers"]
    assert observation in env.observation_space
    np.testing.assert_array_equal(observation["action_mask"], info["action_mask"])


def test_with_the_smaller_mask_of_smaller_actions() -> None:
    env = MaskInObservation(RequestOnly(gymnasium.make(STICKY, **SMALL)))
    played = play(env, at_random(0))
    assert played.observations[0]["action_mask"].shape == (6,)
    np.testing.assert_array_equal([o["action_mask"] for o in played.observations], played.masks)


def test_gymnasium_makes_it_again_from_its_spec() -> None:
    env = MaskInObservation(RequestOnly(gymnasium.make(STICKY, **SMALL), rule="most-free-slots"), mask_key="mask")
    assert env.spec is not None
    again = gymnasium.make(env.spec)
    assert again.observation_space == env.observation_space
    assert again.action_space == env.action_space


def test_gymnasiums_normalisation_leaves_the_mask_alone() -> None:
    normalised = NormalizeObservation(gymnasium.make(STICKY, **SMALL))
    env = MaskInObservation(NormalizeReward(normalised))
    plain = play(gymnasium.make(STICKY, **SMALL), at_random(0))
    played = play(env, at_random(0))
    np.testing.assert_array_equal([o["action_mask"] for o in played.observations], plain.masks)
    assert env.get_wrapper_attr("action_masks")().shape == (16,)
    seen = np.array(plain.observations)
    np.testing.assert_allclose(normalised.obs_rms.mean, seen.mean(axis=0), rtol=1e-4, atol=1e-4)
    expected = (seen[-1] - normalised.obs_rms.mean) / np.sqrt(normalised.obs_rms.var + normalised.epsilon)
    np.testing.assert_allclose(played.observations[-1]["observation"], expected, rtol=1e-6)


def test_frozen_normalisation_goes_on_alike_from_a_saved_state() -> None:
    env: Any = NormalizeObservation(gymnasium.make(STICKY, **SMALL))
    play(env, at_random(0))
    env.update_running_mean = False
    play(env, at_random(1), most=10)
    saved = env.unwrapped.get_state()
    first = env.step(env.unwrapped.hold)
    env.unwrapped.set_state(saved)
    second = env.step(env.unwrapped.hold)
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1:4] == second[1:4]


@pytest.mark.parametrize(
    ("env", "options", "error", "message"),
    [
        (lambda: gymnasium.make("Pendulum-v1"), {}, TypeError, "Discrete action space"),
        (
            lambda: gymnasium.make(STICKY, **SMALL),
            {"observation_key": None},
            TypeError,
            "observation_key must be given",
        ),
        (lambda: gymnasium.make(STICKY, **SMALL), {"mask_key": "observation"}, ValueError, "is taken"),
    ],
)
def test_bad_arguments_are_named(env: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MaskInObservation(env(), **options)

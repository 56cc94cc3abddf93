"""A saved state, put back, goes on to the same bytes: here, in another environment, after a pickle."""

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from hypothesis import given, settings
from hypothesis import strategies as st

import baselines
from brgym import ClusterConfig, Workload
from brgym.envs import EnvState, PolicyAgent, StickyRoutingEnv
from tests.envs.scenarios import ARRIVAL, IDS, STICKY, at_random, play, scenarios, some_requests

SMALL: dict[str, Any] = {"cluster": ClusterConfig(workers=3, slots=4, candidates=5), "workload": some_requests()}


def _play_on(env: Any, seed: int, most: int) -> list[Any]:
    """Random valid actions, through the ends of episodes."""
    choose, told = at_random(seed), []
    for _ in range(most):
        observation, reward, terminated, truncated, info = env.step(choose(env.unwrapped.action_masks()))
        told += [observation.tobytes(), reward, terminated, truncated, info["action_mask"].tobytes(), str(info)]
        if terminated or truncated:
            observation, info = env.reset()
            told += [observation.tobytes(), info["action_mask"].tobytes()]
    return told


@settings(max_examples=40)
@given(
    scenario=scenarios(),
    env_id=st.sampled_from(IDS),
    start=st.sampled_from(["cold", "stationary"]),
    before=st.integers(0, 40),
    after=st.integers(0, 60),
)
def test_the_same_actions_give_the_same_bytes_again(
    scenario: tuple[ClusterConfig, Workload], env_id: str, start: str, before: int, after: int
) -> None:
    cluster, workload = scenario
    options: dict[str, Any] = {
        "episode_requests": max(1, len(workload) // 2),
        "episode_start": "random",
        "start": start,
    }
    twins: list[Any] = [gymnasium.make(env_id, cluster=cluster, workload=workload, **options) for _ in range(2)]
    env, other = twins
    env.reset(seed=3)
    other.reset(seed=4)
    _play_on(env, 0, before)
    saved = env.unwrapped.get_state()
    told = _play_on(env, 1, after)
    ended = env.unwrapped.get_state()
    env.unwrapped.set_state(saved)
    other.unwrapped.set_state(pickle.loads(pickle.dumps(saved)))
    for again in (env, other):
        assert again.unwrapped.get_state() == saved
        assert _play_on(again, 1, after) == told
        assert again.unwrapped.get_state() == ended
        assert again.unwrapped.np_random_seed == 3


def test_a_state_is_a_value() -> None:
    env: Any = gymnasium.make(STICKY, **SMALL)
    env.reset(seed=0)
    first = env.unwrapped.get_state()
    env.step(0)
    second = env.unwrapped.get_state()
    assert first != second
    assert len({first, second, pickle.loads(pickle.dumps(first))}) == 2
    assert repr(first).startswith("EnvState(of StickyRoutingEnv, ")
    assert isinstance(first, EnvState)


def test_a_state_taken_when_the_log_had_grown() -> None:
    cluster = ClusterConfig(workers=2, slots=3)
    env: Any = gymnasium.make(STICKY, cluster=cluster, workload=some_requests(400, pace_s=1.0))
    play(env, at_random(0), most=390)
    saved = env.unwrapped.get_state()
    played = _play_on(env, 1, 30)
    env.unwrapped.set_state(saved)
    assert _play_on(env, 1, 30) == played


def test_the_figures_of_the_run_come_along() -> None:
    env: Any = gymnasium.make(STICKY, **SMALL)
    play(env, at_random(0))
    result = env.unwrapped.result()
    other: Any = gymnasium.make(STICKY, **SMALL)
    other.unwrapped.set_state(env.unwrapped.get_state())
    again = other.unwrapped.result()
    assert again.requests.tobytes() == result.requests.tobytes()
    assert again.steps.tobytes() == result.steps.tobytes()


def test_a_clairvoyant_policy_is_remembered() -> None:
    env: Any = gymnasium.make(STICKY, **SMALL)
    env.reset()
    policy = baselines.make("least-kv")
    policy.clairvoyant = True  # type: ignore[union-attr]
    before = env.unwrapped.get_state()
    PolicyAgent(policy, env).reset()
    assert env.unwrapped.get_state().clairvoyant
    env.unwrapped.set_state(before)
    assert not env.unwrapped.get_state().clairvoyant


def test_without_an_episode_there_is_no_state() -> None:
    with pytest.raises(ResetNeeded):
        StickyRoutingEnv(**SMALL).get_state()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"cluster": ClusterConfig(workers=3, slots=5, candidates=5)}, "cluster"),
        ({"candidates": 4}, "cluster"),
        ({"workload": some_requests(seed=1)}, "workload"),
        ({"reward": "latency"}, "rules"),
        ({"max_decisions": 5}, "rules"),
        ({"episode_requests": 5}, "episodes"),
        ({"start": "stationary"}, "episodes"),
    ],
)
def test_a_state_of_another_setup_is_refused(options: dict[str, Any], part: str) -> None:
    env: Any = gymnasium.make(STICKY, **SMALL)
    other: Any = gymnasium.make(STICKY, **(SMALL | options))
    env.reset()
    other.reset()
    unchanged = other.unwrapped.get_state()
    with pytest.raises(ValueError, match=f"the state is of another {part}: "):
        other.unwrapped.set_state(env.unwrapped.get_state())
    assert other.unwrapped.get_state() == unchanged


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(TypeError, match=r"state must be an EnvState from get_state\(\), got b'no'"):
        StickyRoutingEnv(**SMALL).set_state(b"no")  # type: ignore[arg-type]


def test_a_state_of_the_other_environment_is_refused() -> None:
    env: Any = gymnasium.make(STICKY, **SMALL)
    other: Any = gymnasium.make(ARRIVAL, **SMALL)
    env.reset()
    with pytest.raises(ValueError, match="another environment: StickyRoutingEnv, and not ArrivalRoutingEnv"):
        other.unwrapped.set_state(env.unwrapped.get_state())


def test_the_layout_of_observations_is_no_part_of_it() -> None:
    env: Any = gymnasium.make(STICKY, **SMALL)
    other: Any = gymnasium.make(STICKY, observation="dict", **SMALL)
    env.reset(seed=0)
    other.reset(seed=1)
    other.unwrapped.set_state(env.unwrapped.get_state())
    np.testing.assert_array_equal(other.step(0)[0]["workers"].ravel(), env.step(0)[0][5:23])

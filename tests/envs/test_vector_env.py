"""The native vector environments are so many single ones, bit for bit."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import ClusterConfig, Workload
from brgym.envs import CompiledObservation, StickyRoutingVectorEnv
from tests.envs.scenarios import IDS, STICKY, scenarios, some_requests

SMALL = ClusterConfig(workers=3, slots=4, candidates=5)
MODES = list(AutoresetMode)


def _native(env_id: str, count: int, mode: AutoresetMode, **options: Any) -> gymnasium.vector.VectorEnv:
    return gymnasium.make_vec(env_id, count, vectorization_mode="vector_entry_point", autoreset_mode=mode, **options)


def _singly(env_id: str, count: int, mode: AutoresetMode, **options: Any) -> gymnasium.vector.VectorEnv:
    return gymnasium.make_vec(
        env_id, count, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **options
    )


def _assert_same(left: Any, right: Any) -> None:
    """Same types, same shapes, same bytes; of nested dictionaries, too."""
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            _assert_same(left[key], right[key])
    elif isinstance(left, tuple) or (isinstance(left, np.ndarray) and left.dtype == object):
        assert len(left) == len(right)
        for mine, other in zip(left, right, strict=True):
            _assert_same(mine, other)
    elif isinstance(left, np.ndarray):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert left.tobytes() == right.tobytes()
    else:
        assert left == right


def _assert_same_play(
    native: gymnasium.vector.VectorEnv,
    singly: gymnasium.vector.VectorEnv,
    mode: AutoresetMode,
    *,
    choose: Callable[[np.ndarray], np.ndarray],
    steps: int,
    seed: Any = 0,
) -> None:
    shown: tuple[Any, ...] = native.reset(seed=seed)
    _assert_same(shown, singly.reset(seed=seed))
    for _ in range(steps):
        actions = choose(shown[-1]["action_mask"])
        shown = native.step(actions)
        _assert_same(shown, singly.step(actions))
        ended = shown[2] | shown[3]
        if mode == AutoresetMode.DISABLED and ended.any():
            begun = native.reset(options={"reset_mask": ended})
            expected = singly.reset(options={"reset_mask": ended.copy()})
            _assert_same(begun[0], expected[0])
            _assert_same(begun[1]["action_mask"][ended], expected[1]["action_mask"][ended])
            shown = begun


def _at_random(seed: int) -> Callable[[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    return lambda mask: np.array([rng.choice(np.flatnonzero(row)) for row in mask])


@settings(max_examples=60)
@given(
    scenario=scenarios(),
    env_id=st.sampled_from(IDS),
    mode=st.sampled_from(MODES),
    count=st.integers(1, 4),
    threads=st.integers(1, 3),
    observation=st.sampled_from(["flat", "dict"]),
    reward=st.sampled_from(["imbalance", "step-time", "throughput", "latency"]),
    random_slices=st.booleans(),
    start=st.sampled_from(["cold", "stationary"]),
    limit=st.sampled_from([None, 7]),
    seed=st.integers(0, 5),
)
def test_equals_single_environments(
    scenario: tuple[ClusterConfig, Workload],
    env_id: str,
    mode: AutoresetMode,
    count: int,
    threads: int,
    observation: str,
    reward: str,
    random_slices: bool,
    start: str,
    limit: int | None,
    seed: int,
) -> None:
    cluster, workload = scenario
    options: dict[str, Any] = {
        "cluster": cluster,
        "workload": workload,
        "observation": observation,
        "reward": reward,
        "start": start,
        "max_decisions": limit,
    }
    if random_slices:
        options |= {"episode_start": "random", "episode_requests": max(1, len(workload) // 2)}
    native = _native(env_id, count, mode, threads=threads, **options)
    singly = _singly(env_id, count, mode, **options)
    assert native.observation_space == singly.observation_space
    assert native.action_space == singly.action_space
    _assert_same_play(native, singly, mode, choose=_at_random(seed), steps=60, seed=seed)
    native.close()


@pytest.mark.parametrize("mode", MODES)
def test_equals_single_environments_where_invalid_actions_hold(mode: AutoresetMode) -> None:
    options = {"cluster": SMALL, "workload": some_requests(), "invalid_action": "hold"}
    rng = np.random.default_rng(0)

    def anything(mask: np.ndarray) -> np.ndarray:
        return rng.integers(mask.shape[1], size=len(mask))

    _assert_same_play(
        _native(STICKY, 3, mode, **options), _singly(STICKY, 3, mode, **options), mode, choose=anything, steps=500
    )


@pytest.mark.parametrize("mode", MODES)
def test_equals_single_environments_where_the_log_of_steps_is_outgrown(mode: AutoresetMode) -> None:
    options = {"cluster": SMALL, "workload": some_requests(150, pace_s=2.0), "threads": 2}
    singly = _singly(STICKY, 3, mode, cluster=SMALL, workload=options["workload"])
    _assert_same_play(_native(STICKY, 3, mode, **options), singly, mode, choose=_at_random(1), steps=700)


def test_an_observation_of_ones_own_equals_single_environments() -> None:
    def loads(view: Any, out: Any) -> None:
        out[:-1] = view.load_tokens
        out[-1] = view.clock[0].now_s

    own = CompiledObservation(loads, columns=lambda workers, candidates: workers + 1)
    options = {"cluster": SMALL, "workload": some_requests(), "episode_requests": 20, "observation": own}
    for mode in MODES:
        native, singly = _native(STICKY, 3, mode, **options), _singly(STICKY, 3, mode, **options)
        _assert_same_play(native, singly, mode, choose=_at_random(2), steps=100)
        assert native.reset(seed=0)[0].shape == (3, 4)


def test_seeds_of_their_own_and_none() -> None:
    options = {"cluster": SMALL, "workload": some_requests(), "episode_requests": 5, "episode_start": "random"}
    mode = AutoresetMode.NEXT_STEP
    native, singly = _native(STICKY, 3, mode, **options), _singly(STICKY, 3, mode, **options)
    _assert_same_play(native, singly, mode, choose=_at_random(3), steps=5, seed=[4, 9, 1])
    _assert_same_play(native, singly, mode, choose=_at_random(4), steps=5, seed=[None, 7, None])
    _assert_same_play(native, singly, mode, choose=_at_random(5), steps=5, seed=None)


@pytest.mark.parametrize("count", [1, 3, 130])
def test_neither_width_nor_threads_change_an_environment(count: int) -> None:
    def first(threads: int | None) -> list[bytes]:
        env = StickyRoutingVectorEnv(
            count, cluster=SMALL, workload=some_requests(), episode_requests=9, episode_start="random", threads=threads
        )
        _, info = env.reset(seed=3)
        seen = []
        for _ in range(40):
            observation, rewards, *_, info = env.step(info["action_mask"].argmax(axis=1))
            assert isinstance(observation, np.ndarray)
            seen.append(observation[0].tobytes() + rewards[0].tobytes())
        return seen

    assert first(1) == first(2) == first(None)
    if count > 1:
        alone = StickyRoutingVectorEnv(
            1, cluster=SMALL, workload=some_requests(), episode_requests=9, episode_start="random"
        )
        _, info = alone.reset(seed=3)
        for expected in first(2):
            observation, rewards, *_, info = alone.step(info["action_mask"].argmax(axis=1))
            assert isinstance(observation, np.ndarray)
            assert observation[0].tobytes() + rewards[0].tobytes() == expected


def test_what_was_returned_is_not_written_to_again() -> None:
    env = StickyRoutingVectorEnv(2, cluster=SMALL, workload=some_requests())
    observation, info = env.reset(seed=0)
    kept = observation.copy(), info["action_mask"].copy()
    env.step(info["action_mask"].argmax(axis=1))
    np.testing.assert_array_equal(observation, kept[0])
    np.testing.assert_array_equal(info["action_mask"], kept[1])


def test_a_refused_action_names_its_environment_and_nothing_has_happened() -> None:
    env = StickyRoutingVectorEnv(3, cluster=SMALL, workload=some_requests(3).backlog())
    env.reset(seed=0)
    before = [env.view(row).now_s for row in range(3)], env.action_masks().tobytes()
    with pytest.raises(ValueError, match="environment 1: action 14 is not valid now: there is no candidate 4"):
        env.step([0, 14, 0])
    with pytest.raises(ValueError, match=r"environment 2: action must be in 0\.\.15, got 16"):
        env.step([0, 0, 16])
    with pytest.raises(TypeError, match="actions must be 3 whole numbers, got float64"):
        env.step([0.0, 1.0, 2.0])
    with pytest.raises(TypeError, match=r"actions must be 3 whole numbers, got int64 of shape \(2,\)"):
        env.step([0, 1])
    assert ([env.view(row).now_s for row in range(3)], env.action_masks().tobytes()) == before


def test_an_ended_environment_wants_to_be_reset_where_it_is_not_by_itself() -> None:
    env = StickyRoutingVectorEnv(
        2, cluster=SMALL, workload=some_requests(1), autoreset_mode="disabled", invalid_action="hold"
    )
    with pytest.raises(ResetNeeded, match="no episode has begun"):
        env.step([0, 0])
    with pytest.raises(ResetNeeded, match="reset all environments first"):
        env.reset(options={"reset_mask": np.array([True, False])})
    env.reset(seed=0)
    assert isinstance(env.single_action_space, Discrete)
    assert env.step([0, env.single_action_space.n - 1])[2].tolist() == [True, False]
    with pytest.raises(ResetNeeded, match="environment 0 has ended"):
        env.step([0, 0])


@pytest.mark.parametrize(
    ("mask", "error"), [([True, False], TypeError), (np.zeros(2, bool), ValueError), (np.ones(3, bool), ValueError)]
)
def test_a_wrong_reset_mask_is_refused(mask: Any, error: type[Exception]) -> None:
    env = StickyRoutingVectorEnv(2, cluster=SMALL, workload=some_requests())
    env.reset()
    with pytest.raises(error, match="reset_mask"):
        env.reset(options={"reset_mask": mask})


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown autoreset_mode 'NEXT'; did you mean 'NEXT_STEP'"):
        StickyRoutingVectorEnv(2, autoreset_mode="next")
    with pytest.raises(ValueError, match="num_envs must be at least 1"):
        StickyRoutingVectorEnv(0)
    with pytest.raises(ValueError, match="seed must be one number, or one for each of 2"):
        StickyRoutingVectorEnv(2).reset(seed=[1, 2, 3])


def test_gymnasium_makes_it_without_being_told_how() -> None:
    envs = gymnasium.make_vec(STICKY, num_envs=2, cluster=SMALL, workload=some_requests())
    assert isinstance(envs.unwrapped, StickyRoutingVectorEnv)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP

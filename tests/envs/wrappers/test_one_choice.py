"""One choice of the agent's, one of a rule's: together they make the runs of the baselines whose rules they are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baselines
from brgym import ClusterConfig, RouterView, Workload, simulate
from brgym.envs.wrappers import RequestOnly, WorkerOnly
from tests.envs.scenarios import ARRIVAL, STICKY, at_random, first_valid, play, scenarios, some_requests

SMALL: dict[str, Any] = {"cluster": ClusterConfig(workers=3, slots=4, candidates=5), "workload": some_requests()}


def _most_free_slots(env: Any) -> Callable[[np.ndarray], int]:
    """BR-0's choice of the worker among those on which something fits."""

    def choose(mask: np.ndarray) -> int:
        view = env.unwrapped.view
        workers = np.flatnonzero(mask[:-1])
        return min(workers.tolist(), key=lambda g: (-view.free_slots[g], view.load_tokens[g], g))

    return choose


@settings(max_examples=40)
@given(scenario=scenarios())
def test_the_oldest_request_by_lowest_load_is_least_kv(scenario: tuple[ClusterConfig, Workload]) -> None:
    cluster, workload = scenario
    env: Any = RequestOnly(gymnasium.make(STICKY, cluster=cluster, workload=workload), rule="lowest-load")
    assert play(env, first_valid).terminated
    expected = simulate(cluster, workload, baselines.make("least-kv"))
    assert env.unwrapped.result().requests.tobytes() == expected.requests.tobytes()


@settings(max_examples=40)
@given(scenario=scenarios())
def test_the_freest_worker_by_best_f_is_br_0_with_single_admissions(scenario: tuple[ClusterConfig, Workload]) -> None:
    # without a KV limit: BR-0 passes over a worker on which nothing fits until the next boundary, even if the window
    # then shows what does
    cluster, workload = replace(scenario[0], kv_capacity=None), scenario[1]
    env: Any = WorkerOnly(gymnasium.make(STICKY, cluster=cluster, workload=workload), rule="best-f")
    assert play(env, _most_free_slots(env)).terminated
    expected = simulate(cluster, workload, baselines.make("br-0", greedy_above=0))
    assert env.unwrapped.result().requests.tobytes() == expected.requests.tobytes()


@settings(max_examples=40)
@given(
    scenario=scenarios(),
    wrapper=st.sampled_from(
        [(RequestOnly, "lowest-load"), (RequestOnly, "most-free-slots"), (WorkerOnly, "oldest"), (WorkerOnly, "best-f")]
    ),
    seed=st.integers(0, 9),
)
def test_a_choice_is_valid_exactly_where_some_pair_of_it_fits(
    scenario: tuple[ClusterConfig, Workload], wrapper: Any, seed: int
) -> None:
    cluster, workload = scenario
    env = wrapper[0](gymnasium.make(STICKY, cluster=cluster, workload=workload), rule=wrapper[1])
    choose = at_random(seed)

    def checked(mask: np.ndarray) -> int:
        fits = env.unwrapped.view.fits()
        expected = np.zeros((cluster.candidates or 0, cluster.workers), np.bool_)
        expected[: len(fits)] = fits
        np.testing.assert_array_equal(mask[:-1], expected.any(axis=1 if wrapper[0] is RequestOnly else 0))
        assert mask[-1] == env.unwrapped.action_masks()[-1]
        assert mask.dtype == np.int8
        np.testing.assert_array_equal(env.action_masks(), mask.astype(bool))
        return choose(mask)

    played = play(env, checked, most=200)
    assert played.truncated or played.terminated or len(played.actions) == 200


def test_the_worker_rules_differ() -> None:
    env: Any = gymnasium.make(
        STICKY, cluster=ClusterConfig(workers=2, slots=4), workload=Workload([0] * 4, [900, 10, 10, 5], [9] * 4)
    )
    env.reset()
    for pair in ((0, 0), (0, 1), (0, 1)):
        env.step(env.unwrapped.action_of(*pair))
    for rule, worker in (("lowest-load", 1), ("most-free-slots", 0)):
        seen = env.unwrapped.get_state()
        wrapped: Any = RequestOnly(env, rule=rule)
        wrapped.step(0)
        assert env.unwrapped._state().requests["worker"][3] == worker
        env.unwrapped.set_state(seen)


def test_a_rule_of_ones_own() -> None:
    asked: list[int] = []

    def last_that_fits(view: RouterView, candidate: int) -> int:
        asked.append(candidate)
        return int(np.flatnonzero(view.fits()[candidate])[-1])

    env = RequestOnly(gymnasium.make(STICKY, **SMALL), rule=last_that_fits)
    played = play(env, first_valid)
    assert len(asked) == len([action for action in played.actions if action != env.hold]) == 60


def test_a_rule_that_chooses_what_does_not_fit_is_named() -> None:
    def always_first(view: RouterView, worker: int) -> int:
        return 3

    env: Any = WorkerOnly(gymnasium.make(STICKY, **SMALL), rule=always_first)
    env.reset()
    with pytest.raises(ValueError, match=r"always_first.* chooses 3 for 0; what fits is \[0"):
        env.step(0)


@pytest.mark.parametrize("wrapper", [RequestOnly, WorkerOnly])
def test_an_invalid_choice_is_the_environments_affair(wrapper: Any) -> None:
    options: dict[str, Any] = {"cluster": ClusterConfig(workers=2, slots=1), "workload": some_requests(2).backlog()}
    for invalid in ("error", "hold"):
        env = wrapper(gymnasium.make(STICKY, candidates=3, invalid_action=invalid, invalid_penalty=5.0, **options))
        env.reset()
        _, _, _, _, info = env.step(0)
        bad = int(np.argmin(info["action_mask"]))
        saved = env.unwrapped.get_state()
        held = env.step(env.hold)
        env.unwrapped.set_state(saved)
        if invalid == "error":
            with pytest.raises(ValueError, match="is not valid now"):
                env.step(bad)
        else:
            assert env.step(bad)[1] == held[1] - 5.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RequestOnly(gymnasium.make(ARRIVAL, **SMALL)), TypeError, "must be a StickyRoutingEnv"),
        (lambda: WorkerOnly(RequestOnly(gymnasium.make(STICKY, **SMALL))), TypeError, "must have the actions of"),
        (lambda: RequestOnly(gymnasium.make(STICKY, **SMALL), rule="lowest"), ValueError, "did you mean 'lowest-load'"),
        (
            lambda: WorkerOnly(gymnasium.make(STICKY, **SMALL), rule=3),  # type: ignore[arg-type]
            TypeError,
            "rule must be one of oldest, best-f",
        ),
    ],
)
def test_bad_arguments_are_named(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("action", [-1, 6, 1.5])
def test_actions_outside_the_space_are_refused(action: Any) -> None:
    env = RequestOnly(gymnasium.make(STICKY, **SMALL))
    env.reset()
    with pytest.raises((TypeError, ValueError), match="action must be"):
        env.step(action)

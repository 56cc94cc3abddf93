"""A policy that drives an environment makes the run that `simulate` makes, bit for bit."""

from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baselines
from brgym import ClusterConfig, Power, Result, RouterView, Workload, simulate
from brgym.envs import PolicyAgent
from tests.envs.scenarios import ARRIVAL, STICKY, scenarios, some_requests
from tests.policies import make_policy


class _Manyfold:
    """Admits several requests at once, the youngest first; some boundaries it lets pass."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def admit(self, view: RouterView) -> list[tuple[int, int]]:
        pairs: list[tuple[int, int]] = []
        if len(view.running) > 0 and self.rng.random() < 0.3:
            return pairs
        free, room = view.free_slots.copy(), view.arrays.constants["kv_capacity"][0] - view.load_tokens - view.active
        for candidate in self.rng.permutation(len(view.candidates)):
            context = view.candidate_context_tokens[candidate]
            for worker in self.rng.permutation(view.workers):
                if free[worker] > 0 and context + 1 <= room[worker]:
                    pairs.append((int(candidate), int(worker)))
                    free[worker] -= 1
                    room[worker] -= context + 1
                    break
        return pairs


class _Clairvoyant(_Manyfold):
    clairvoyant = True

    def admit(self, view: RouterView) -> list[tuple[int, int]]:
        return sorted(super().admit(view), key=lambda pair: int(view.candidate_output_tokens[pair[0]]))  # type: ignore[attr-defined]


class _Answers:
    """Gives the same answer whenever it is asked."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, pairs: list[tuple[int, int]]) -> None:
        self.pairs = pairs

    def reset(self, cluster: ClusterConfig, seed: int) -> None: ...

    def admit(self, view: RouterView) -> list[tuple[int, int]]:
        return self.pairs


def _driven(env: Any, policy: Any, seed: int) -> tuple[Result, dict[str, Any]]:
    env.reset(seed=0)
    agent = PolicyAgent(policy, env)
    agent.reset(seed)
    ended = False
    while not ended:
        _, _, terminated, truncated, info = env.step(agent.act())
        ended = terminated or truncated
    assert terminated
    return env.unwrapped.result(), info


def _make(policy: Any, cluster: ClusterConfig, workload: Workload) -> gymnasium.Env:
    return gymnasium.make(STICKY if policy.binding == "pool" else ARRIVAL, cluster=cluster, workload=workload)


def _assert_same_run(policy: Any, cluster: ClusterConfig, workload: Workload, seed: int) -> None:
    expected = simulate(cluster, workload, policy, seed=seed)
    result, info = _driven(_make(policy, cluster, workload), policy, seed)
    assert result.requests.tobytes() == expected.requests.tobytes()
    assert result.steps.tobytes() == expected.steps.tobytes()
    assert result.clairvoyant == expected.clairvoyant
    np.testing.assert_equal(info["metrics"], expected.metrics.as_dict())
    np.testing.assert_equal(result.metrics.as_dict(), expected.metrics.as_dict())


@pytest.mark.parametrize("name", baselines.names())
@settings(max_examples=15)
@given(scenario=scenarios(), seed=st.integers(0, 5))
def test_a_baseline_makes_the_same_run(name: str, scenario: tuple[ClusterConfig, Workload], seed: int) -> None:
    _assert_same_run(make_policy(name), *scenario, seed)


@settings(max_examples=30)
@given(scenario=scenarios(), seed=st.integers(0, 5), policy=st.sampled_from([_Manyfold(), _Clairvoyant()]))
def test_decisions_of_many_pairs_are_taken_apart(
    scenario: tuple[ClusterConfig, Workload], seed: int, policy: _Manyfold
) -> None:
    _assert_same_run(policy, *scenario, seed)


@pytest.mark.parametrize("name", ["br-0", "jsq"])
def test_a_run_that_outgrows_its_log_of_steps(name: str) -> None:
    cluster = ClusterConfig(workers=2, slots=3, power=Power())
    _assert_same_run(baselines.make(name), cluster, some_requests(400, pace_s=1.0), 0)


def test_a_policy_that_binds_at_another_time_is_refused() -> None:
    with pytest.raises(TypeError, match="StickyRoutingEnv has no use for JoinShortestQueue"):
        PolicyAgent(baselines.make("jsq"), gymnasium.make(STICKY, workload=some_requests()))


def test_another_environment_is_refused() -> None:
    with pytest.raises(TypeError, match="env must be"):
        PolicyAgent(baselines.make("jsq"), gymnasium.make("CartPole-v1"))


@pytest.mark.parametrize("pairs", [[(0, 0), (0, 1)], [(-1, 0)], [(0, 2)], [(4, 0)], [(0, 0), (4, 0)]])
def test_a_policy_that_decides_what_is_not_there_is_named(pairs: list[tuple[int, int]]) -> None:
    env = gymnasium.make(STICKY, cluster=ClusterConfig(workers=2), workload=some_requests(9).backlog(), candidates=4)
    env.reset()
    agent = PolicyAgent(_Answers(pairs), env)
    agent.reset()
    with pytest.raises(ValueError, match=r"_Answers at boundary \d+ routes candidate"):
        agent.act()


def test_a_pair_left_over_when_nothing_fits_any_more_is_refused() -> None:
    cluster = ClusterConfig(workers=1, slots=2, kv_capacity=17)
    env = gymnasium.make(STICKY, cluster=cluster, workload=Workload([0.0] * 5, [10] * 5, [5] * 5))
    env.reset()
    agent = PolicyAgent(_Answers([(0, 0), (1, 0)]), env)
    agent.reset()
    env.step(agent.act())
    with pytest.raises(ValueError, match=r"_Answers at boundary \d+ routes candidate 1 to worker 0"):
        agent.act()

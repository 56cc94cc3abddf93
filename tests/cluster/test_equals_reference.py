"""The compiled kernel equals the plain reference, request for request and step for step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines
from brgym import simulate
from brgym.cluster import Policy, Result
from tests.cluster.of_scenario import cluster_of, workload_of
from tests.reference.cluster import ArrivalPolicy, PoolPolicy, ReferenceRun, simulate_reference
from tests.reference.on_arrival import VLLM, JoinShortestQueue, PowerOfTwo, Random, RoundRobin, VLLMLegacy
from tests.reference.policies import BalanceRoute0, LeastKV, Level
from tests.reference.strategies import mixes, scenarios

PAIRS: dict[str, Callable[[int], ArrivalPolicy | PoolPolicy]] = {
    "random": Random,
    "round-robin": lambda seed: RoundRobin(),
    "power-of-two": PowerOfTwo,
    "jsq": lambda seed: JoinShortestQueue(),
    "vllm": lambda seed: VLLM(),
    "vllm-legacy": lambda seed: VLLMLegacy(),
    "least-kv": lambda seed: LeastKV(),
    "level": lambda seed: Level(),
    "br-0": lambda seed: BalanceRoute0(),
}
"""The plain policy of each baseline, made for a seed."""

SEEDS = st.integers(0, 3)


EXACT_REQUEST_FIGURES = (
    "worker",
    "arrival_s",
    "admit_s",
    "first_token_s",
    "finish_s",
    "preemptions",
    "interruptions",
    "cancelled",
)
EXACT_STEP_FIGURES = (
    "start_s",
    "duration_s",
    "max_load",
    "sum_load",
    "min_load",
    "active",
    "waiting",
    "admitted",
    "finished",
    "tokens",
    "prefill_tokens",
    "workers_up",
)
SUMMED_STEP_FIGURES = ("barrier_idle", "energy_j")
"""Sums over the workers, which may be taken in another order."""


class Interpreted:
    """Hides that a policy is compiled, so that the run takes the path of policies written in Python."""

    def __init__(self, policy: Any) -> None:
        self.binding = policy.binding
        self.reset = policy.reset
        if policy.binding == "arrival":
            self.bind = policy.bind
        else:
            self.admit = policy.admit


def run_kernel(scenario: dict[str, Any], policy: Policy, *, seed: int = 0) -> Result:
    return simulate(cluster_of(scenario), workload_of(scenario), policy, seed=seed)


def assert_same_run(result: Result, reference: ReferenceRun) -> None:
    for name in EXACT_REQUEST_FIGURES:
        expected = [getattr(request, name) for request in reference.requests]
        nothing = -1 if name == "worker" else np.nan
        expected = [nothing if value is None else value for value in expected]
        np.testing.assert_array_equal(result.requests[name], expected, err_msg=name)
    assert result.metrics.recomputed_tokens == reference.recomputed_tokens
    assert result.metrics.cancelled == reference.cancelled
    for name in EXACT_STEP_FIGURES:
        expected = [getattr(step, name) for step in reference.steps]
        np.testing.assert_array_equal(result.steps[name], expected, err_msg=name)
    for name in SUMMED_STEP_FIGURES:
        expected = [getattr(step, name) for step in reference.steps]
        np.testing.assert_allclose(result.steps[name], expected, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(), seed=SEEDS)
def test_compiled_policy_equals_reference(name: str, scenario: dict[str, Any], seed: int) -> None:
    assert_same_run(
        run_kernel(scenario, baselines.make(name), seed=seed),
        simulate_reference(**scenario, policy=PAIRS[name](seed)),
    )


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(), seed=SEEDS)
def test_interpreted_policy_equals_reference(name: str, scenario: dict[str, Any], seed: int) -> None:
    policy: Any = Interpreted(baselines.make(name))
    assert_same_run(
        run_kernel(scenario, policy, seed=seed),
        simulate_reference(**scenario, policy=PAIRS[name](seed)),
    )


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=mixes())
def test_all_parts_mixed_equal_reference(name: str, scenario: dict[str, Any]) -> None:
    seed = scenario["seed"]
    assert_same_run(
        run_kernel(scenario, baselines.make(name), seed=seed),
        simulate_reference(**scenario, policy=PAIRS[name](seed)),
    )


@pytest.mark.parametrize("name", ["jsq", "br-0"])
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=mixes())
def test_interpreted_all_parts_mixed_equal_reference(name: str, scenario: dict[str, Any]) -> None:
    policy: Any = Interpreted(baselines.make(name))
    seed = scenario["seed"]
    assert_same_run(
        run_kernel(scenario, policy, seed=seed),
        simulate_reference(**scenario, policy=PAIRS[name](seed)),
    )


@pytest.mark.parametrize(("name", "reference"), [("vllm", VLLM), ("vllm-legacy", VLLMLegacy)])
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(), api_servers=st.integers(1, 4))
def test_vllm_parameters_equal_reference(
    name: str, reference: type[VLLM], scenario: dict[str, Any], api_servers: int
) -> None:
    assert_same_run(
        run_kernel(scenario, baselines.make(name, api_servers=api_servers)),
        simulate_reference(**scenario, policy=reference(api_servers=api_servers)),
    )


@pytest.mark.parametrize("order", ["arrival", "prompt-ascending", "prompt-descending"])
@pytest.mark.parametrize(("greedy_above", "subset_window"), [(0, 1), (0, 4), (2, 3), (100, 8)])
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios())
def test_br0_parameters_equal_reference(
    order: Any, greedy_above: int, subset_window: int, scenario: dict[str, Any]
) -> None:
    parameters = {"greedy_above": greedy_above, "subset_window": subset_window, "order": order}
    assert_same_run(
        run_kernel(scenario, baselines.make("br-0", **parameters)),
        simulate_reference(**scenario, policy=BalanceRoute0(**parameters)),
    )

"""What must hold of the reference on any workload."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from .cluster import ArrivalPolicy, PoolPolicy, simulate_reference
from .on_arrival import VLLM, JoinShortestQueue, PowerOfTwo, Random, RoundRobin, VLLMLegacy
from .policies import (
    BalanceRoute0,
    BalanceRouteH,
    LeastKV,
    Level,
    oracle_remaining,
    oracle_survival,
)
from .strategies import scenarios

POLICIES: dict[str, Callable[[], ArrivalPolicy | PoolPolicy]] = {
    "random": lambda: Random(0),
    "round-robin": RoundRobin,
    "power-of-two": lambda: PowerOfTwo(0),
    "jsq": JoinShortestQueue,
    "vllm": VLLM,
    "vllm-legacy": VLLMLegacy,
    "least-kv": LeastKV,
    "level": Level,
    "br-0": lambda: BalanceRoute0(subset_window=3),
    "br-h": lambda: BalanceRouteH(predict=oracle_remaining, horizon=3, gamma=0.5, subset_window=3),
}


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=25)
@given(scenario=scenarios(max_requests=20))
def test_every_token_is_generated_once_within_the_capacity(name, scenario):
    run = simulate_reference(policy=POLICIES[name](), **scenario)
    assert sum(step.active for step in run.steps) == sum(scenario["output_tokens"])
    for request in run.requests:
        assert request.admit_s is not None
        assert request.first_token_s is not None
        assert request.finish_s is not None
        assert request.arrival_s <= request.admit_s < request.first_token_s <= request.finish_s
        assert sum(log.row == request.row for log in run.admissions) == request.preemptions + 1
    for step in run.steps:
        assert step.active > 0
        assert scenario["kv_capacity"] is None or step.max_load < scenario["kv_capacity"]
    assert run.steps[-1].admitted == len(run.requests)
    assert run.steps[-1].start_s + run.steps[-1].duration_s == max(request.finish_s or 0.0 for request in run.requests)


@settings(max_examples=25)
@given(scenario=scenarios(max_requests=20))
def test_br_h_without_horizon_is_br_0_decision_for_decision(scenario):
    br_h = BalanceRouteH(predict=oracle_remaining, horizon=0, subset_window=3)
    br_0 = BalanceRoute0(subset_window=3)
    admissions = simulate_reference(policy=br_h, **scenario).admissions
    assert admissions == simulate_reference(policy=br_0, **scenario).admissions


@settings(max_examples=25)
@given(scenario=scenarios(max_requests=20))
def test_both_projections_agree_for_one_who_knows(scenario):
    options: dict[str, Any] = {"horizon": 4, "gamma": 0.5, "subset_window": 3}
    cut = BalanceRouteH(predict=oracle_remaining, projection="cut", **options)
    expected = BalanceRouteH(predict=oracle_survival, projection="expected", **options)
    admissions = simulate_reference(policy=cut, **scenario).admissions
    assert admissions == simulate_reference(policy=expected, **scenario).admissions

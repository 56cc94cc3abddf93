"""What must hold of the reference whatever parts of 2.11 to 2.13 and 2.16 are mixed; test_mixes.py adds the others."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from .cluster import ReferenceCluster, ReferenceRun, simulate_reference
from .events import WorkerEvent
from .sources import ClosedLoop
from .strategies import regimes, scenarios
from .test_properties import POLICIES

MIXED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Watch:
    """What must hold in part 5 of every step."""

    def __init__(self) -> None:
        self.last_s = -math.inf

    def __call__(self, cluster: ReferenceCluster) -> None:
        assert cluster.now > self.last_s
        self.last_s = cluster.now
        self.everybody_is_in_one_place(cluster)
        self.nobody_is_late(cluster)
        for worker in cluster.workers:
            assert len(worker.active) <= worker.slots
            assert worker.kv_capacity is None or worker.load + cluster.u * len(worker.active) <= worker.kv_capacity
            assert worker.up or not worker.active + worker.queue

    def everybody_is_in_one_place(self, cluster: ReferenceCluster) -> None:
        here = [request.row for request in cluster.in_system()]
        assert len(here) == len(set(here))
        for request in cluster.requests:
            gone = request.cancelled or request.finish_s is not None
            come = request.arrival_s <= cluster.now  # not so where it is NaN
            assert (request.row in here) == (come and not gone)
        if isinstance(cluster.source, ClosedLoop):
            assert len(here) <= cluster.source.concurrency
            assert len(here) == cluster.source.concurrency or not cluster.source.to_come

    def nobody_is_late(self, cluster: ReferenceCluster) -> None:
        assert all(time_s > cluster.now for time_s in cluster.source.times() + cluster.events.times())
        assert all(request.deadline_s > cluster.now for request in cluster.in_system())
        assert cluster.to_bind() == []


def check_requests(run: ReferenceRun) -> None:
    for request in run.requests:
        lost = request.preemptions + request.interruptions
        admissions = sum(log.row == request.row for log in run.admissions)
        assert request.cancelled == (request.finish_s is None)
        assert request.cancelled == (request.generated < request.output_tokens)
        assert (request.first_token_s is None) == (request.generated == 0)
        assert (request.admit_s is None) == (admissions == 0)
        if request.admit_s is not None:
            assert request.arrival_s <= request.admit_s
        if request.first_token_s is not None:
            assert request.admit_s is not None
            assert request.admit_s < request.first_token_s <= request.deadline_s + max(s.duration_s for s in run.steps)
        if request.finish_s is not None:
            assert admissions == lost + 1
        else:
            assert lost <= admissions <= lost + 1


def check_steps(run: ReferenceRun, workers: int) -> None:
    assert sum(step.tokens for step in run.steps) == sum(request.generated for request in run.requests)
    for step, following in zip(run.steps, run.steps[1:], strict=False):
        assert step.start_s + step.duration_s <= following.start_s
    for step in run.steps:
        assert step.active > 0
        assert 1 <= step.workers_up <= workers
        assert step.min_load * step.workers_up <= step.sum_load <= step.max_load * step.workers_up
        assert step.imbalance >= 0
        assert -1e-9 <= step.barrier_idle < 1


def check_turns(run: ReferenceRun, after: list[int], delay_s: list[float]) -> None:
    for request, before, seconds in zip(run.requests, after, delay_s, strict=True):
        if before >= 0:
            first = run.requests[before]
            assert first.finish_s is not None or (request.cancelled and math.isnan(request.arrival_s))
            assert first.finish_s is None or request.arrival_s == first.finish_s + seconds


@pytest.mark.parametrize("name", POLICIES)
@MIXED
@given(scenario=regimes(max_requests=20))
def test_every_request_is_served_once_or_leaves(name: str, scenario: dict[str, Any]) -> None:
    run = simulate_reference(policy=POLICIES[name](), watch=Watch(), **scenario)
    check_requests(run)
    check_steps(run, scenario["workers"])
    assert all(step.tokens == step.active for step in run.steps)
    assert sum(step.prefill_tokens for step in run.steps) <= run.recomputed_tokens
    if scenario["after"] is not None:
        check_turns(run, scenario["after"], scenario["arrival_s"])
    if scenario["patience_s"] is None:
        assert run.cancelled == 0
    if not scenario["events"]:
        assert sum(request.interruptions for request in run.requests) == 0
    if scenario["kv_capacity"] is None:
        assert sum(request.preemptions for request in run.requests) == 0
    event(f"cancelled: {run.cancelled > 0}")
    event(f"interrupted: {any(request.interruptions for request in run.requests)}")
    event(f"preempted: {any(request.preemptions for request in run.requests)}")


@pytest.mark.parametrize("name", ["least-kv", "jsq", "br-0"])
@MIXED
@given(scenario=regimes(max_requests=20))
def test_who_keeps_room_for_all_that_is_promised_evicts_nobody(name: str, scenario: dict[str, Any]) -> None:
    """rho = 1, whatever else is reserved."""
    promised = scenario["max_tokens"] or scenario["output_tokens"]
    run = simulate_reference(policy=POLICIES[name](), **scenario | {"max_tokens": promised, "kv_reserve_share": 1.0})
    assert sum(request.preemptions for request in run.requests) == 0


def neutral(scenario: dict[str, Any]) -> dict[str, Any]:
    """All parts there, none of them doing anything."""
    count = len(scenario["arrival_s"])
    return {
        "max_tokens": [tokens + 3 for tokens in scenario["output_tokens"]],
        "after": [-1] * count,
        "patience_s": [math.inf] * count,
        "kv_reserve_tokens": 1,
        "kv_reserve_share": 0.0,
        "kv_watermark": 0.0,
        "victim": "newest",
        "victim_returns": "same-worker",
        "rows": [(*row, 0.0) for row in scenario["rows"]],
        "events": [WorkerEvent(0.25, 0, "slow", 1.0), WorkerEvent(0.75, 0, "start")],
    }


@pytest.mark.parametrize("name", POLICIES)
@settings(MIXED, max_examples=20)
@given(scenario=scenarios(max_requests=20))
def test_parts_that_do_nothing_change_nothing(name: str, scenario: dict[str, Any]) -> None:
    plain = simulate_reference(policy=POLICIES[name](), **scenario)
    run = simulate_reference(policy=POLICIES[name](), **scenario | neutral(scenario))
    assert repr(run.steps) == repr(plain.steps)  # NaN and all
    assert run.admissions == plain.admissions
    assert run.recomputed_tokens == plain.recomputed_tokens
    for one, other in zip(run.requests, plain.requests, strict=True):
        one.max_tokens = None
        assert repr(one) == repr(other)


@pytest.mark.parametrize("name", POLICIES)
@settings(MIXED, max_examples=20)
@given(scenario=scenarios(max_requests=20))
def test_a_closed_loop_with_room_for_all_is_a_backlog(name: str, scenario: dict[str, Any]) -> None:
    count = len(scenario["arrival_s"])
    backlog = simulate_reference(policy=POLICIES[name](), **scenario | {"arrival_s": [0.0] * count})
    run = simulate_reference(policy=POLICIES[name](), concurrency=count, **scenario)
    assert repr(run) == repr(backlog)


@pytest.mark.parametrize("name", ["least-kv", "level", "br-0", "br-h", "random", "power-of-two", "round-robin"])
@settings(MIXED, max_examples=20)
@given(scenario=scenarios(max_requests=20))
def test_a_worker_stopped_from_the_start_might_as_well_not_be_there(name: str, scenario: dict[str, Any]) -> None:
    """Not so for scans, which begin at a worker by its index, nor for vLLM, which counts API servers."""
    fewer = simulate_reference(policy=POLICIES[name](), **scenario)
    G = scenario["workers"]
    events = [WorkerEvent(0.0, G, "stop")]
    run = simulate_reference(policy=POLICIES[name](), **scenario | {"workers": G + 1, "events": events})
    assert repr(run) == repr(fewer)

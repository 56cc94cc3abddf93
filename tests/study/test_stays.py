"""Runs step by step, and who was where in them."""

import dataclasses
import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines
import brgym.study.stepped_run
from brgym import ClusterConfig, Power, StepTime, Workload, load_workload, simulate
from brgym.study.stays import record_stays, slots_of, stays_of
from brgym.study.stepped_run import SteppedRun
from brgym.study.worker_loads import WorkerLoads
from tests.reference.strategies import scenarios

POLICIES = st.sampled_from(["jsq", "vllm", "least-kv", "br-0", "random"])
BARRIER = StepTime.barrier(base_s=0.01, per_token_s=1e-5)


def _of(scenario: dict[str, Any]) -> tuple[ClusterConfig, Workload]:
    names = ("workers", "slots", "kv_capacity", "candidates", "recompute_s_per_token")
    columns = (scenario[name] for name in ("arrival_s", "prompt_tokens", "output_tokens"))
    power = Power(idle_w=50.0, peak_w=200.0)
    return ClusterConfig(step_time=BARRIER, power=power, **{name: scenario[name] for name in names}), Workload(*columns)


@given(scenarios(), POLICIES, st.integers(0, 2))
def test_a_stepped_run_is_the_run_of_simulate_bit_for_bit(scenario, name, seed):
    cluster, workload = _of(scenario)
    result = simulate(cluster, workload, baselines.make(name), seed)
    run = SteppedRun(cluster, workload, baselines.make(name), seed)
    seen = 0
    while not run.done:
        assert run.view.step == seen == len(run.steps)
        assert run.view.active_requests > 0
        seen += 1
        run.advance()
    assert run.steps.tobytes() == result.steps.tobytes()
    for field in ("worker", "admit_s", "first_token_s", "finish_s", "preemptions"):
        np.testing.assert_array_equal(run.requests[field], result.requests[field])
    run.advance()
    assert len(run.steps) == seen


@given(scenarios(), POLICIES)
def test_loads_from_recorded_stays_are_those_that_the_run_has_logged(scenario, name):
    cluster, workload = _of(scenario)
    result = simulate(cluster, workload, baselines.make(name), 1)
    stays = record_stays(cluster, workload, baselines.make(name), 1)
    loads = WorkerLoads.of(stays, steps=len(result.steps), workers=cluster.workers)
    np.testing.assert_array_equal(loads.load_tokens.max(axis=1), result.steps["max_load"])
    np.testing.assert_array_equal(loads.load_tokens.sum(axis=1), result.steps["sum_load"])
    np.testing.assert_array_equal(loads.load_tokens.min(axis=1), result.steps["min_load"])
    np.testing.assert_array_equal(loads.active.sum(axis=1), result.steps["active"])
    assert loads.active.max() <= cluster.slots
    assert np.count_nonzero(stays["preempted"]) == result.metrics.preemptions
    decoded = np.bincount(stays["request"], stays["stop_step"] - stays["first_step"], len(workload))
    np.testing.assert_array_equal(decoded, workload.output_tokens)


@given(scenarios(), POLICIES)
def test_without_preemption_the_result_alone_tells_the_stays(scenario, name):
    cluster, workload = _of(scenario | {"kv_capacity": None})
    result = simulate(cluster, workload, baselines.make(name))
    stays = stays_of(result, workload)
    assert stays.tobytes() == record_stays(cluster, workload, baselines.make(name)).tobytes()
    np.testing.assert_array_equal(
        result.steps["start_s"][stays["first_step"]], result.requests["admit_s"][stays["request"]]
    )
    ends_s = (result.steps["start_s"] + result.steps["duration_s"])[stays["stop_step"] - 1]
    np.testing.assert_array_equal(ends_s, result.requests["finish_s"][stays["request"]])


@given(scenarios(), POLICIES)
def test_no_two_stays_share_a_slot_at_a_time(scenario, name):
    cluster, workload = _of(scenario)
    stays = record_stays(cluster, workload, baselines.make(name))
    slots = slots_of(stays)
    assert slots.max() < cluster.slots
    last: dict[tuple[int, int], int] = {}
    for stay, slot in zip(stays, slots, strict=True):
        place = (int(stay["worker"]), int(slot))
        assert last.get(place, 0) <= stay["first_step"]
        last[place] = int(stay["stop_step"])


def test_a_real_run_of_thousands_of_requests():
    cluster, workload = ClusterConfig(), load_workload("proprietary-like", count=3000, seed=4)
    result = simulate(cluster, workload, baselines.make("br-0"))
    loads = WorkerLoads.of(stays_of(result, workload), steps=len(result.steps), workers=cluster.workers).load_tokens
    np.testing.assert_array_equal(loads.max(axis=1), result.steps["max_load"])
    np.testing.assert_array_equal(loads.sum(axis=1), result.steps["sum_load"])
    np.testing.assert_array_equal(loads.min(axis=1), result.steps["min_load"])


def test_dropped_requests_have_no_stay_and_rows_stay_the_workloads():
    cluster = ClusterConfig(workers=2, slots=2, kv_capacity=40)
    workload = Workload([0.0] * 4, [10, 90, 10, 12], [5, 5, 6, 7])
    result = simulate(cluster, workload, baselines.make("jsq"), oversize="drop")
    stays = record_stays(cluster, workload, baselines.make("jsq"), oversize="drop")
    assert sorted(stays["request"]) == [0, 2, 3]
    assert stays.tobytes() == stays_of(result, workload).tobytes()
    with pytest.raises(ValueError, match="row 1 can never fit"):
        record_stays(cluster, workload, baselines.make("jsq"))


def test_what_a_result_cannot_tell_is_refused():
    cluster = ClusterConfig(workers=1, slots=2, kv_capacity=30)
    workload = Workload([0.0] * 2, [10, 10], [12, 12])
    result = simulate(cluster, workload, baselines.make("jsq"))
    assert result.metrics.preemptions > 0
    with pytest.raises(ValueError, match=r"1 requests were preempted, the first in row 1.*record_stays"):
        stays_of(result, workload)
    with pytest.raises(ValueError, match="the result is of 2 requests, the workload has 1"):
        stays_of(result, workload.slice(0, 1))


class _Idle:
    binding = "pool"

    def reset(self, cluster, seed):
        pass

    def admit(self, view):
        return []


class _Wrong(_Idle):
    def admit(self, view):
        return [(0, 9)]


def test_a_stepped_run_refuses_what_simulate_refuses_in_the_same_words():
    cluster, workload = ClusterConfig(workers=2, slots=2), Workload([0.0], [5], [5])
    policies: list[tuple[Any, type[Exception]]] = [(_Idle(), RuntimeError), (_Wrong(), ValueError)]
    for policy, kind in policies:
        with pytest.raises(kind) as said:
            SteppedRun(cluster, workload, policy)
        with pytest.raises(kind) as meant:
            simulate(cluster, workload, policy)
        assert str(said.value) == str(meant.value)
    with pytest.raises(ValueError, match="can never fit"):
        SteppedRun(dataclasses.replace(cluster, kv_capacity=6), workload, baselines.make("jsq"))


def test_the_example_in_the_docstring_works():
    outcome = doctest.testmod(brgym.study.stepped_run)
    assert outcome.attempted > 0
    assert outcome.failed == 0

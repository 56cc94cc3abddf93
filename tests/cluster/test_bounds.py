"""The lower bounds: no run beats them, some runs attain them."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import baselines
from brgym import ClusterConfig, StepTime, Workload, simulate
from brgym.cluster import StepTimeRow, envelope_token_steps, lower_bound, recovered
from brgym.workload.synthetic import proprietary_like
from tests.policies import make_policy
from tests.reference.strategies import scenarios

BARRIER = StepTime.barrier(base_s=1.0, per_token_s=0.1)
FLOAT = 1 - 1e-9
"""The clock adds up as many rounded numbers as there are steps."""


@pytest.mark.parametrize("name", baselines.names())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios())
def test_no_run_beats_the_bound(name: str, scenario: dict[str, Any]) -> None:
    """Backlogs and gaps, KV unlimited or so tight that requests are preempted, one row of step time or three."""
    names = ("base_s", "per_token_s", "per_worker_active_s", "per_active_s")
    rows = [StepTimeRow(**dict(zip(names, row, strict=True))) for row in scenario["rows"]]
    constants = ("workers", "slots", "kv_capacity", "candidates", "recompute_s_per_token")
    cluster = ClusterConfig(**{key: scenario[key] for key in constants}, step_time=StepTime(rows))
    workload = Workload(scenario["arrival_s"], scenario["prompt_tokens"], scenario["output_tokens"])
    bound = lower_bound(cluster, workload)
    result = simulate(cluster, workload, make_policy(name), seed=1)

    assert result.metrics.makespan_s >= bound.makespan_s * FLOAT
    assert result.metrics.steps >= bound.steps
    assert envelope_token_steps(result.steps) >= bound.envelope_token_steps
    imbalance = cluster.workers * result.steps["max_load"] - result.steps["sum_load"]
    assert imbalance.sum() >= bound.imbalance_token_steps
    assert result.steps["sum_load"].sum() == bound.load_token_steps, "every run carries the same load in all"


@pytest.mark.parametrize(
    ("cluster", "workload"),
    [
        pytest.param({"workers": 3, "slots": 1}, ([0] * 3, [4] * 3, [5] * 3), id="one like the other on every worker"),
        pytest.param(
            {"workers": 2, "slots": 1}, ([0] * 4, [4] * 4, [5] * 4), id="two after one another on every worker"
        ),
        pytest.param({"workers": 2, "slots": 4}, ([0, 0], [9, 2], [7, 3]), id="the largest request alone"),
        pytest.param({"workers": 1, "slots": 2}, ([0] * 4, [3, 8, 1, 2], [1] * 4), id="one worker, slots full"),
        pytest.param(
            {"workers": 1, "slots": 9, "kv_capacity": 6}, ([0] * 3, [5] * 3, [1] * 3), id="KV for one at a time"
        ),
        pytest.param(
            {"workers": 2, "slots": 1}, ([0, 0, 90], [4, 4, 6], [5, 5, 3]), id="one arrives after all is done"
        ),
        pytest.param({"workers": 2, "slots": 1}, ([70, 70], [4, 4], [5, 5]), id="nothing arrives at first"),
    ],
)
def test_bound_is_attained(cluster: dict[str, Any], workload: tuple[list[int], ...]) -> None:
    config = ClusterConfig(**cluster, step_time=BARRIER)
    requests = Workload(*workload)
    result = simulate(config, requests, baselines.make("least-kv"))
    assert result.metrics.makespan_s == pytest.approx(lower_bound(config, requests).makespan_s, rel=1e-12)


def test_bound_worked_by_hand() -> None:
    """Two workers, two slots. Weights: A 10 + 11 + 12 = 33, B 4 + 5 = 9, C 5: W = 47, T = 6.

    A alone needs 33 of envelope, more than W / 2 = 23.5, and 3 steps, more than T / 4. So 3 x 1 s + 33 x 0.1 s. C alone
    ends no sooner than 1 s + 5 x 0.1 s after its arrival. At least 2 x 33 - 47 = 19 token-steps of imbalance remain.
    """
    cluster = ClusterConfig(workers=2, slots=2, step_time=BARRIER)
    bound = lower_bound(cluster, Workload([0, 0, 4], [10, 4, 5], [3, 2, 1]))
    assert bound.makespan_s == pytest.approx(6.3)
    assert (bound.steps, bound.envelope_token_steps, bound.load_token_steps) == (3, 33, 47)
    assert bound.imbalance_token_steps == 19
    late = lower_bound(cluster, Workload([0, 0, 5], [10, 4, 5], [3, 2, 1]))
    assert late.makespan_s == pytest.approx(5 + 1.5)


def test_largest_row_of_the_step_time_counts() -> None:
    """Three equal requests of two tokens on three workers: envelope 4 + 5, two steps, six tokens."""
    rows = [
        StepTimeRow(base_s=1.0, per_token_s=0.1),
        StepTimeRow(per_worker_active_s=2.0),
        StepTimeRow(per_active_s=0.5),
    ]
    workload = Workload([0] * 3, [4] * 3, [2] * 3)
    for row, seconds in zip(rows, (2 + 0.9, 4.0, 3.0), strict=True):
        cluster = ClusterConfig(workers=3, slots=1, step_time=StepTime([row]))
        assert lower_bound(cluster, workload).makespan_s == pytest.approx(seconds)
    all_rows = ClusterConfig(workers=3, slots=1, step_time=StepTime(rows))
    assert lower_bound(all_rows, workload).makespan_s == pytest.approx(4.0)


def test_request_that_never_fits_has_no_bound() -> None:
    with pytest.raises(ValueError, match="request in row 1 can never fit"):
        lower_bound(ClusterConfig(kv_capacity=10), Workload([0, 0], [1, 9], [1, 2]))


def test_recovered_is_a_share_of_what_can_be_recovered() -> None:
    assert recovered(110.0, 110.0, 100.0) == 0.0
    assert recovered(110.0, 103.0, 100.0) == pytest.approx(0.7)
    assert recovered(110.0, 100.0, 100.0) == 1.0
    assert recovered(110.0, 112.0, 100.0) == pytest.approx(-0.2)
    assert math.isnan(recovered(100.0, 100.0, 100.0))


def test_bound_is_close_enough_to_judge_by_on_the_paper_like_workload() -> None:
    """8,000 requests in backlog: JSQ takes 11 % longer than the bound, and BR-0 recovers most of the idle."""
    cluster, workload = ClusterConfig(), proprietary_like(seed=0)
    bound = lower_bound(cluster, workload)
    jsq, br0 = (simulate(cluster, workload, baselines.make(name)) for name in ("jsq", "br-0"))
    assert bound.makespan_s < br0.metrics.makespan_s < jsq.metrics.makespan_s < 1.15 * bound.makespan_s
    of_jsq, of_br0 = (envelope_token_steps(run.steps) for run in (jsq, br0))
    assert 0.6 < recovered(of_jsq, of_br0, bound.envelope_token_steps) < 0.8
    assert np.isclose(bound.imbalance_token_steps, 0, atol=cluster.workers), (
        "nothing forces a large backlog to be uneven"
    )


def test_sums_beyond_64_bits_are_refused_by_name() -> None:
    longest = 2**31 - 1
    workload = Workload(np.zeros(8), [longest] * 8, [longest] * 8)
    with pytest.raises(ValueError, match=r"token-steps.*2\*\*62"):
        lower_bound(ClusterConfig(workers=1), workload)

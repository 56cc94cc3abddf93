"""Figures that integers or the clock could not hold are refused by name, and the largest allowed are exact."""

from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import baselines
from brgym import ClusterConfig, RouterView, StepTime, Workload, simulate
from brgym.cluster import Power, StepTimeRow, lower_bound
from brgym.workload._validation import MAX_TOKENS

THREE = Workload([0.0, 0.0, 0.0], [4, 4, 4], [5, 5, 5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClusterConfig(workers=2**31), r"workers must be in 1\.\."),
        (lambda: ClusterConfig(slots=2**63), r"slots must be in 1\.\."),
        (lambda: ClusterConfig(candidates=2**63), r"candidates must be in 1\.\."),
        (lambda: ClusterConfig(kv_capacity=2**63), r"kv_capacity must be in 2\.\."),
        (lambda: ClusterConfig(recompute_s_per_token=1e308), r"recompute_s_per_token must be finite and in 0\.\.2"),
        (lambda: ClusterConfig(recompute_s_per_token=10**400), r"recompute_s_per_token must be finite and in 0\.\.2"),
        (lambda: Power(peak_w=1e308), r"peak_w must be finite and in 100\.\.1e\+09"),
        (lambda: StepTimeRow(base_s=1e308), r"base_s must be finite and in 0\.\.1e\+06"),
        (lambda: StepTime.barrier(base_s=1e-320, per_token_s=0.0), "step_time must be at least 1e-12 s"),
    ],
)
def test_a_parameter_that_is_too_large_is_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_victim_of_the_slowest_recompute_comes_back() -> None:
    cluster = ClusterConfig(workers=1, slots=3, kv_capacity=16, recompute_s_per_token=2.0)
    run = simulate(cluster, THREE, baselines.make("least-kv"))
    assert run.requests["preemptions"].sum() > 0
    assert np.isfinite(run.requests["finish_s"]).all()


def test_a_step_that_the_last_arrival_swallows_is_refused() -> None:
    late = Workload([0.0, 2.0**33], [1, 1], [1, 1])
    cluster = ClusterConfig(step_time=StepTime.barrier(base_s=1e-7, per_token_s=0.0))
    with pytest.raises(ValueError, match=r"step_time is 1e-07 s .* last arrival, 8\.58993e\+09 s: it must be above"):
        simulate(cluster, late, baselines.make("jsq"))
    times = simulate(ClusterConfig(), late, baselines.make("jsq")).requests["finish_s"]
    assert (times > late.arrival_s).all()


def test_imbalance_is_exact_as_long_as_64_bits_hold_it() -> None:
    count = 2**9
    large = Workload(np.zeros(count), np.full(count, MAX_TOKENS), np.ones(count))
    cluster = ClusterConfig(workers=2**20, slots=count, candidates=None)

    class All:
        binding: ClassVar[Literal["arrival"]] = "arrival"

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            """Nothing to forget."""

        def bind(self, view: RouterView) -> int:
            return 0

    run = simulate(cluster, large, All())
    assert run.metrics.imbalance_mean == float((2**20 - 1) * count * MAX_TOKENS)
    with pytest.raises(ValueError, match=r"workers x tokens must be in 1\.\.2\*\*62"):
        simulate(ClusterConfig(workers=2**26), large, All())


def test_a_bound_on_the_largest_cluster_does_not_overflow() -> None:
    cluster = ClusterConfig(workers=2**31 - 1, slots=2**31 - 1, kv_capacity=2**53)
    assert lower_bound(cluster, THREE).makespan_s == pytest.approx(5 * 0.04 + 1e-7 * (4 + 5 + 6 + 7 + 8), rel=1e-3)

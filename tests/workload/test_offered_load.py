"""Loads relative to capacity, and the patterns that arrivals follow under them."""

import numpy as np
import pytest

from brgym import ClusterConfig, Workload
from brgym.workload import OfferedLoad

CLUSTER = ClusterConfig(workers=2, slots=8)
SPREAD = Workload([0.0, 1.0, 3.0, 10.0], [100, 200, 300, 400], [5, 6, 7, 8])
AT_ONCE = SPREAD.backlog()


def test_without_a_load_nothing_changes():
    assert OfferedLoad().applied(SPREAD, None, seed=0) is SPREAD


def test_a_backlog_needs_no_cluster():
    assert OfferedLoad("backlog").applied(SPREAD, None, seed=0) == AT_ONCE


def test_a_rate_needs_one():
    with pytest.raises(ValueError, match=r"a load of 0\.9 refers to a cluster's capacity"):
        OfferedLoad(0.9).applied(SPREAD, None, seed=0)


def test_a_rate_keeps_the_order_of_gaps():
    slow, fast = (OfferedLoad(load).applied(SPREAD, CLUSTER, seed=0) for load in (0.5, 1.0))
    np.testing.assert_allclose(slow.arrival_s, 2.0 * fast.arrival_s)
    np.testing.assert_allclose(fast.arrival_s / fast.arrival_s[-1], SPREAD.arrival_s / 10.0)
    assert fast.summary().rate_per_s == pytest.approx(SPREAD.capacity(CLUSTER))


def test_requests_at_one_moment_come_as_poisson_has_it():
    by_default, asked = OfferedLoad(0.9), OfferedLoad(0.9, arrivals="poisson")
    assert by_default.applied(AT_ONCE, CLUSTER, seed=3) == asked.applied(AT_ONCE, CLUSTER, seed=3)
    assert by_default.applied(AT_ONCE, CLUSTER, seed=3) != by_default.applied(AT_ONCE, CLUSTER, seed=4)


@pytest.mark.parametrize("arrivals", ["poisson", "gamma:cv=2", "diurnal:period_s=100", "bursts", "ramp:growth=3"])
def test_a_pattern_has_the_rate_that_the_load_says(arrivals):
    many = Workload(np.zeros(20_000), np.full(20_000, 100), np.full(20_000, 10))
    placed = OfferedLoad(0.9, arrivals=arrivals).applied(many, CLUSTER, seed=0)
    assert placed.summary().rate_per_s == pytest.approx(0.9 * many.capacity(CLUSTER), rel=0.06)


@pytest.mark.parametrize(
    ("load", "arrivals", "says"),
    [
        ("full", None, "load must be a number above 0 or backlog, got 'full'"),
        (0.0, None, "load must be"),
        (float("nan"), None, "load must be"),
        (None, "poisson", "arrivals needs a load"),
        ("backlog", "poisson", "arrivals needs a load"),
        (0.9, "possion", "did you mean 'poisson'"),
        (0.9, "gamma", "arrivals gamma: .*cv"),
        (0.9, "gamma:cv=-1", "arrivals gamma:cv=-1: cv must be"),
        (0.9, "gamma:rate_per_s=3", "arrivals gamma:rate_per_s=3: .*rate_per_s"),
    ],
)
def test_what_means_nothing_is_refused(load, arrivals, says):
    with pytest.raises(ValueError, match=says):
        OfferedLoad(load, arrivals=arrivals)

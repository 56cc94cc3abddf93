"""Intervals: equal to scipy's, as wide as they promise, NaN where nothing can be said."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from brgym.study import mean_interval, paired_difference, paired_ratio

positive = st.floats(1e-3, 1e6)
samples = st.lists(positive, min_size=2, max_size=20)
pairs = st.lists(st.tuples(positive, positive), min_size=2, max_size=20)


@given(samples)
def test_the_interval_of_a_mean_is_student_t(values):
    estimate = mean_interval(values)
    low, high = scipy.stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=max(scipy.stats.sem(values), 1e-300)
    )
    assert estimate.mean == pytest.approx(np.mean(values))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9 * max(values))
    assert estimate.seeds == len(values)


@given(pairs)
def test_a_paired_difference_is_the_paired_t_test_interval(values):
    treated, control = np.transpose(values)
    estimate = paired_difference(treated, control)
    differences = treated - control
    assert estimate == mean_interval(differences)
    if differences.std() > 1e-6 * np.abs(differences).max():
        low, high = scipy.stats.ttest_rel(treated, control).confidence_interval(0.95)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)


@given(pairs)
def test_swapping_the_two_inverts_a_ratio(values):
    treated, control = np.transpose(values)
    one, other = paired_ratio(treated, control), paired_ratio(control, treated)
    inverted = (1 / other.mean, 1 / other.high, 1 / other.low)
    assert (one.mean, one.low, one.high) == pytest.approx(inverted, rel=1e-6)


def test_what_both_policies_share_cancels_in_a_ratio():
    workload = np.array([1.0, 10.0, 100.0])
    estimate = paired_ratio(0.25 * workload, workload)
    assert (estimate.mean, estimate.low, estimate.high) == pytest.approx((0.25, 0.25, 0.25))


@pytest.mark.parametrize("estimate", [paired_difference, paired_ratio])
def test_one_seed_has_an_estimate_and_no_interval(estimate):
    found = estimate([3.0], [2.0])
    assert math.isfinite(found.mean)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(found.half_width)


def test_no_ratio_where_a_value_is_not_above_zero():
    found = paired_ratio([0.0, 1.0], [1.0, 1.0])
    assert math.isnan(found.mean)
    assert math.isnan(found.low)


def test_a_value_that_is_missing_is_not_averaged_away():
    found = mean_interval([1.0, math.nan, 3.0])
    assert math.isnan(found.mean)
    assert math.isnan(found.high)


@pytest.mark.parametrize("seeds", [2, 3, 10])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_hold_the_truth_as_often_as_they_promise(seeds, confidence):
    rng = np.random.default_rng(1)
    studies = 4000
    treated = rng.normal(np.log(0.3), 0.2, (studies, seeds))
    found = [paired_ratio(np.exp(row), np.ones(seeds), confidence=confidence) for row in treated]
    covered = np.mean([estimate.low <= 0.3 <= estimate.high for estimate in found])
    standard_error = math.sqrt(confidence * (1 - confidence) / studies)
    assert abs(covered - confidence) < 4 * standard_error


@pytest.mark.parametrize(
    ("values", "reference", "message"),
    [
        ([], [], "at least one value"),
        ([1.0, 2.0], [1.0], "one value for each of the 2 seeds"),
        ([[1.0]], [[1.0]], "one-dimensional"),
    ],
)
def test_shapes_that_are_no_pairs_are_refused(values, reference, message):
    with pytest.raises(ValueError, match=message):
        paired_ratio(values, reference)


@pytest.mark.parametrize("confidence", [0.0, -1.0, 1.5, math.nan])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(ValueError, match="confidence"):
        mean_interval([1.0, 2.0], confidence=confidence)

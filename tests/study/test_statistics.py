"""Intervals: equal to scipy's, as wide as they promise, NaN where nothing can be said."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from brgym.study import (
    mean_interval,
    mean_intervals,
    paired_difference,
    paired_differences,
    paired_ratio,
    paired_ratios,
    recovered_share,
)

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


cubes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 8))


@given(cubes, st.integers(0, 100), st.sampled_from(["student-t", "bootstrap"]))
def test_arrays_give_what_each_sample_gives(shape, seed, method):
    values = np.exp(np.random.default_rng(seed).normal(size=shape))
    for many, one in [(paired_differences, paired_difference), (paired_ratios, paired_ratio)]:
        found = many(values, values[:, :1], method=method)
        assert found.mean.shape == shape[:2]
        for setting, policy in np.ndindex(shape[:2]):
            alone = one(values[setting, policy], values[setting, 0], method=method)
            together = found[setting, policy]
            assert together.method == alone.method
            for end in ("mean", "low", "high"):
                assert getattr(together, end) == pytest.approx(getattr(alone, end), rel=1e-9, abs=1e-12, nan_ok=True)


def test_a_bad_sample_spoils_no_other():
    values = np.array([[1.0, 2.0, 3.0, 4.0, 6.0], [1.0, math.nan, 3.0, 4.0, 5.0]])
    found = mean_intervals(values, method="bootstrap")
    assert found[0] == mean_interval(values[0], method="bootstrap")
    assert np.isnan([found.mean[1], found.low[1], found.high[1]]).all()


@pytest.mark.parametrize(("seeds", "method"), [(2, "student-t"), (4, "student-t"), (5, "bootstrap")])
def test_where_seeds_are_too_few_for_a_bootstrap_students_t_stands_and_says_so(seeds, method):
    values = np.arange(seeds) ** 2.0
    found = mean_interval(values, method="bootstrap")
    assert found.method == method
    assert (found == mean_interval(values)) == (method == "student-t")


def test_a_reference_that_does_not_fit_the_array_is_refused():
    with pytest.raises(ValueError, match=r"broadcasts to \(2, 3, 5\), got \(2, 5\)"):
        paired_differences(np.ones((2, 3, 5)), np.ones((2, 5)))
    with pytest.raises(ValueError, match="last axis"):
        mean_intervals(1.0)
    with pytest.raises(ValueError, match="method"):
        mean_interval([1.0, 2.0], method="jackknife")  # type: ignore[arg-type]


def test_an_interval_excludes_what_lies_outside_of_it():
    found = mean_interval([1.0, 2.0, 3.0])
    assert found.excludes(-1.0)
    assert found.excludes(5.0)
    assert not found.excludes(2.5)
    assert not mean_interval([1.0]).excludes(-100.0)


def test_the_share_of_the_recoverable_gain():
    reference, bound = np.array([110.0, 120.0, 105.0]), np.array([100.0, 100.0, 100.0])
    shares = np.array([0.5, 0.7, 0.6])
    found = recovered_share(reference - shares * (reference - bound), reference, bound)
    expected = mean_interval(shares)
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high))
    assert recovered_share(bound, reference, bound).mean == 1.0
    assert recovered_share(reference, reference, bound).mean == 0.0
    assert math.isnan(recovered_share(reference, [110.0, 120.0, 100.0], bound).mean)


@pytest.mark.parametrize(
    ("values", "bound", "message"),
    [
        ([5.0, 5.0], [4.0], "bound must have one value for each of the 2 seeds, got 1"),
        ([5.0, 5.0], [4.0, 6.0], r"values\[1\] is 5, below its lower bound 6"),
        ([8.0, 8.0], [4.0, 7.5], r"reference\[1\] is 7, below its lower bound 7.5"),
    ],
)
def test_what_is_no_bound_is_refused(values, bound, message):
    with pytest.raises(ValueError, match=message):
        recovered_share(values, [7.0, 7.0], bound)

"""The studentised bootstrap: the textbook's, from a seed, blind to order, scale, shift and sign."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym.study.resampling import studentised_interval

# Whole numbers, so that whether there is spread is no question of rounding.
samples = st.lists(st.integers(-1000, 1000), min_size=5, max_size=12).filter(lambda values: len(set(values)) > 2)


def interval(values, **options):
    return np.array(studentised_interval(values, **{"confidence": 0.95, "resamples": 1000} | options))


@given(samples, st.randoms(use_true_random=False))
def test_the_order_of_the_seeds_does_not_matter(values, random):
    shuffled = random.sample(values, len(values))
    assert (interval(values) == interval(shuffled)).all()


@given(samples, st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_another_unit_gives_the_same_interval_in_that_unit(values, scale, shift):
    moved = scale * np.array(values) + shift
    error = 1e-6 * (scale * np.abs(values).max() + abs(shift))
    plain = interval(values)
    if scale > 1e-3:  # below, the shift swallows the digits
        assert interval(moved) == pytest.approx(scale * plain + shift, rel=1e-6, abs=error)
    assert interval(scale * np.array(values)) == pytest.approx(scale * plain, rel=1e-6)


@given(samples)
def test_the_negative_has_the_mirrored_interval(values):
    assert interval(np.negative(values)) == pytest.approx(-interval(values)[::-1], rel=1e-6)


@given(samples)
def test_a_higher_confidence_gives_an_interval_that_holds_the_lower_ones(values):
    (low, high), (lower, higher) = interval(values, confidence=0.8), interval(values, confidence=0.95)
    assert lower <= low <= high <= higher


def test_it_is_the_textbooks_bootstrap_t():
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
    draws = np.random.default_rng(5).choice(values, (200_000, 6))
    error = draws.std(axis=1, ddof=1)
    draws, error = draws[error > 0], error[error > 0]  # 6 repeated values in 7,776 resamples: hardly any
    pivots = (draws.mean(axis=1) - values.mean()) / (error / math.sqrt(6))
    lower, upper = np.quantile(pivots, [0.1, 0.9])
    standard_error = values.std(ddof=1) / math.sqrt(6)
    expected = values.mean() - standard_error * np.array([upper, lower])
    found = interval(values, confidence=0.8, resamples=200_000)
    assert found == pytest.approx(expected, abs=0.02 * standard_error)


def test_the_seed_decides_and_nothing_else():
    values = np.random.default_rng(0).normal(size=(40, 6))
    assert (interval(values, seed=3) == interval(values, seed=3)).all()
    assert (interval(values, seed=3) != interval(values, seed=4)).any()
    assert (interval(values)[:, 7] == interval(values[7])).all()
    assert interval(values.reshape(4, 10, 6)).tolist() == interval(values).reshape(2, 4, 10).tolist()


def test_more_rows_than_fit_into_memory_are_done_in_parts():
    values = np.random.default_rng(0).normal(size=(300, 5))
    together = interval(values, resamples=10_000)
    assert (together[:, 299] == interval(values[299], resamples=10_000)).all()


def test_no_spread_and_no_number():
    low, high = interval([[2.0] * 5, [1.0, math.nan, 3.0, 4.0, 5.0], [1.0, math.inf, 3.0, 4.0, 5.0]])
    assert (low[0], high[0]) == (2.0, 2.0)
    assert np.isnan([low[1:], high[1:]]).all()


def test_an_end_is_infinite_where_the_resamples_cannot_know_it():
    low, high = interval([1.0, 2.0, 3.0, 4.0, 5.0], confidence=0.9995, resamples=100_000)
    assert (low, high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, 2.0, 3.0, 4.0], {}, "at least 5 seeds"),
        (1.0, {}, "at least 5 seeds"),
        (range(5), {"confidence": 1.1}, "confidence"),
        (range(5), {"confidence": 0.99, "resamples": 100}, "resamples must be at least 20"),
        (range(5), {"resamples": 0}, "resamples"),
    ],
)
def test_what_makes_no_interval_is_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        interval(values if isinstance(values, float) else list(values), **options)

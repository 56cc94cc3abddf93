import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress, t

from brgym import afd

LOADS = np.arange(1.0, 41.0)


@given(st.floats(1e-6, 1e3), st.floats(0, 1e3))
def test_exact_measurements_give_the_coefficients_back(slope, intercept):
    line = afd.fit_line(LOADS, slope * LOADS + intercept)
    assert line.slope == pytest.approx(slope, rel=1e-6, abs=1e-9 * intercept)
    assert line.intercept == pytest.approx(intercept, rel=1e-6, abs=1e-9 * slope * 40 + 1e-12)


def test_intervals_are_those_of_ordinary_least_squares():
    time = 2 * LOADS + 30 + np.random.default_rng(0).normal(0, 3, 40)
    line, expected = afd.fit_line(LOADS, time, confidence=0.9), linregress(LOADS, time)
    reach = t.ppf(0.95, 38)
    assert line.slope == pytest.approx(expected.slope)
    assert line.slope_interval == pytest.approx(
        (expected.slope - reach * expected.stderr, expected.slope + reach * expected.stderr)
    )
    assert np.diff(line.intercept_interval) == pytest.approx(2 * reach * expected.intercept_stderr)
    assert line.residual_std == pytest.approx(3, rel=0.3)
    assert line.measurements == 40


def test_all_three_phases_are_fitted():
    fit = afd.fit_coefficients(
        (LOADS, 0.5 * LOADS + 4), (LOADS, 0.25 * LOADS + 1), (LOADS, 2 * LOADS + 3), comm_per="bundle", time_unit="ms"
    )
    c = fit.coefficients
    values = (c.alpha_a, c.beta_a, c.alpha_c, c.beta_c, c.alpha_f, c.beta_f)
    assert values == pytest.approx((0.5, 4, 0.25, 1, 2, 3))
    assert (c.comm_per, c.time_unit, c.label) == ("bundle", "ms", "fitted")
    assert fit.ffn.slope == c.alpha_f


def test_communication_may_be_flat():
    time = 5 + np.random.default_rng(2).normal(0, 0.1, 40) - 1e-4 * LOADS
    line = afd.fit_line(LOADS, time, may_be_flat=True)
    assert line.slope == 0.0
    assert line.intercept == pytest.approx(time.mean())
    with pytest.raises(ValueError, match="ffn: the measurements do not show that time grows with load"):
        afd.fit_line(LOADS, time, phase="ffn")


def test_a_slightly_negative_intercept_becomes_zero():
    time = 3 * LOADS + np.tile([-1.0, 1.0], 20) - 0.3
    line = afd.fit_line(LOADS, time)
    assert line.intercept == 0.0
    assert line.slope == pytest.approx(LOADS @ time / (LOADS @ LOADS))


@pytest.mark.parametrize(
    ("load", "time", "message"),
    [
        ([1, 2], [1, 2], "attention: a line and its uncertainty need at least 3 measurements, got 2"),
        ([5, 5, 5, 5], [1, 2, 3, 4], "slope and intercept cannot be told apart, every load is 5"),
        ([0, 0, 0], [1, 2, 3], "every load is 0"),
        ([1, 2, 3], [1, 2], r"got shapes \(3,\) and \(2,\)"),
        ([1, np.nan, 3], [1, 2, 3], "attention, row 1: load and time must be finite and at least 0"),
        ([1, 2, 3], [1, 2, -3], "attention, row 2"),
        ([1, 2, 4, 7], [0.1, 0.1, 0.1, 0.1], "do not show that time grows with load"),
        ([1, 2, 3, 4], [4, 3, 2, 1], "do not show that time grows with load"),
        ([10, 11, 12, 13], [1, 4, 7, 10], "at no load the time would be -29"),
    ],
)
def test_measurements_that_cannot_identify_a_line_are_refused(load, time, message):
    with pytest.raises(ValueError, match=message):
        afd.fit_line(load, time, phase="attention")


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5])
def test_confidence_lies_between_zero_and_one(confidence):
    with pytest.raises(ValueError, match="confidence"):
        afd.fit_line(LOADS, LOADS, confidence=confidence)

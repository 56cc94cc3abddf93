import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.curves import EndingCurve, hazard_curves, hazard_sums


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 100))
def test_the_curve_has_the_probability_and_the_mean_it_was_made_from(ending, share, horizon):
    mean_steps = 1.0 + share * (horizon - 1)
    curve = EndingCurve(horizon).survival(np.array([ending]), np.array([mean_steps]), horizon)[0]
    assert curve[0] == 1.0
    assert (np.diff(curve) <= 1e-12).all()
    assert curve[-1] == pytest.approx(1.0 - ending)
    assert curve.sum() == pytest.approx((1 - ending) * (horizon + 1) + ending * mean_steps)


@pytest.mark.parametrize("asked", [0, 1, 7, 19, 20, 21, 60])
def test_expected_steps_are_the_sum_of_the_curve_at_any_horizon(asked):
    curve = EndingCurve(20)
    ending, mean_steps = np.array([0.0, 0.3, 0.9, 1.0]), np.array([1.0, 4.5, 12.0, 20.0])
    expected = curve.survival(ending, mean_steps, asked).sum(axis=1)
    np.testing.assert_allclose(curve.expected(ending, mean_steps, asked), expected)


def test_hazards_multiply_up_to_the_curve():
    hazard, interval = np.array([[0.5, 0.1]]), np.array([0, 0, 1])
    curves = np.empty((1, 5))
    hazard_curves(hazard, interval, np.array([1]), curves)
    np.testing.assert_allclose(curves[0], [1.0, 0.5, 0.45, 0.405, 0.3645])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.data(), st.integers(0, 40))
def test_hazard_sums_are_the_sums_of_the_curves(hazards, data, horizon):
    widths = data.draw(st.lists(st.integers(1, 9), min_size=len(hazards), max_size=len(hazards)))
    interval = np.repeat(np.arange(len(hazards)), widths)
    offset = np.array([data.draw(st.integers(0, len(interval) + 5))])
    curves, expected = np.empty((1, horizon + 1)), np.empty(1)
    hazard_curves(np.array([hazards]), interval, offset, curves)
    hazard_sums(np.array([hazards]), interval, offset, horizon, expected)
    np.testing.assert_allclose(expected, curves.sum(axis=1))

"""Tests of paired differences are scipy's; Holm's correction is the textbook's and keeps its promise."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from brgym.study import holm, paired_p_values
from brgym.study.multiplicity import next_level

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=10)


@given(st.integers(0, 1000), st.integers(2, 10))
def test_p_values_are_those_of_the_paired_t_test(seed, seeds):
    figures = np.random.default_rng(seed).lognormal(size=(3, 4, seeds))
    found = paired_p_values(figures, figures[:, :1])
    assert np.isnan(found[:, 0]).all()
    expected = scipy.stats.ttest_rel(figures[:, 1:], np.repeat(figures[:, :1], 3, axis=1), axis=-1).pvalue
    assert found[:, 1:] == pytest.approx(expected, rel=1e-6)


@given(st.integers(0, 1000), st.floats(1e-3, 1e3), st.permutations(range(6)))
def test_neither_unit_nor_order_nor_sign_changes_a_p_value(seed, scale, order):
    values, reference = np.random.default_rng(seed).lognormal(size=(2, 6))
    expected = pytest.approx(float(paired_p_values(values, reference)), rel=1e-6)
    assert float(paired_p_values(scale * values, scale * reference)) == expected
    assert float(paired_p_values(values[list(order)], reference[list(order)])) == expected
    assert float(paired_p_values(reference, values)) == expected


@pytest.mark.parametrize(
    ("values", "reference"),
    [
        ([1.0], [2.0]),
        ([1.0, math.nan, 3.0], [1.0, 2.0, 2.0]),
        ([1.1, 2.1, 3.1], [0.1, 1.1, 2.1]),  # equal differences, but for rounding
        ([5.0, 7.0], [5.0, 7.0]),
    ],
)
def test_where_nothing_can_be_tested_there_is_no_p_value(values, reference):
    assert math.isnan(float(paired_p_values(values, reference)))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]).shape == (0,)


def test_what_was_not_tested_does_not_count():
    assert holm([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)


@given(p_lists, st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, level):
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] * (len(p_values) - step) > level:
            break
        rejected[place] = True
    assert (holm(p_values) <= level).tolist() == rejected.tolist()


@given(p_lists, st.randoms(use_true_random=False))
def test_holm_lies_between_no_correction_and_bonferronis_and_knows_no_order(p_values, random):
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= np.minimum(1.0, len(p_values) * np.array(p_values))).all()
    order = random.sample(range(len(p_values)), len(p_values))
    assert holm(np.array(p_values)[order]) == pytest.approx(adjusted[order])


def test_holm_over_settings_is_holm_in_each():
    p_values = np.random.default_rng(0).random((4, 5))
    assert holm(p_values).tolist() == [holm(row).tolist() for row in p_values]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10, unique=True))
def test_the_next_level_is_what_the_best_of_the_rest_would_have_to_meet(p_values):
    adjusted = holm(p_values)
    rest = np.flatnonzero(adjusted > 0.05)
    if len(rest):
        best = rest[np.argmin(np.array(p_values)[rest])]
        for p_value, stands in [(0.999, True), (1.001, False)]:
            tried = list(p_values)
            tried[best] = p_value * next_level(adjusted)
            if all(tried[best] > p_values[other] for other in range(len(p_values)) if adjusted[other] <= 0.05):
                assert (holm(tried)[best] <= 0.05) is np.bool_(stands)


@pytest.mark.parametrize("p_values", [[-0.1, 0.5], [1.1], 0.5])
def test_what_is_no_list_of_probabilities_is_refused(p_values):
    with pytest.raises(ValueError, match=r"0\.\.1"):
        holm(p_values)

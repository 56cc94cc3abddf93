"""A row a policy: the parts are those of the other modules, and a claim stands where all of them say so."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym.study import (
    holm,
    mean_interval,
    paired_difference,
    paired_p_values,
    paired_ratio,
    recovered_share,
    seeds_note,
    summarise,
)

RNG = np.random.default_rng(0)
BASE = RNG.normal(100.0, 10.0, 8)
VALUES = {
    "better": 0.6 * BASE + RNG.normal(0, 2, 8),
    "jsq": BASE,
    "alike": BASE + RNG.normal(0, 5, 8),
    "itself": BASE,
}
BOUND = np.full(8, 40.0)


def rows(**options):
    return {row.policy: row for row in summarise(VALUES, "jsq", **options)}


def test_a_row_a_policy_in_order():
    found = summarise(VALUES, "jsq")
    assert [row.policy for row in found] == list(VALUES)
    assert [row.is_reference for row in found] == [False, True, False, False]


@pytest.mark.parametrize("method", ["student-t", "bootstrap"])
@pytest.mark.parametrize("policy", VALUES)
def test_the_figures_of_a_row_are_those_of_the_parts(policy, method):
    row = rows(bound=BOUND, method=method, confidence=0.9, seed=3)[policy]
    options = {"method": method, "confidence": 0.9, "seed": 3}
    assert row.mean == mean_interval(VALUES[policy], **options)
    assert row.ratio == paired_ratio(VALUES[policy], BASE, **options)
    assert row.difference == paired_difference(VALUES[policy], BASE, **options)
    assert row.recovered == recovered_share(VALUES[policy], BASE, BOUND, **options)
    assert row.p_value == pytest.approx(float(paired_p_values(VALUES[policy], BASE)), nan_ok=True)


def test_p_values_are_adjusted_for_the_policies_that_were_tested():
    found = rows()
    adjusted = holm([found["better"].p_value, found["alike"].p_value])
    assert [found["better"].p_holm, found["alike"].p_holm] == adjusted.tolist()
    assert math.isnan(found["jsq"].p_holm)
    assert math.isnan(found["itself"].p_holm)


def test_what_stands_has_no_note_and_what_does_not_has_one():
    found = rows()
    assert (found["better"].stands, found["better"].note) == (True, "")
    assert (found["jsq"].stands, found["jsq"].note) == (False, "")
    assert not found["alike"].stands
    assert found["alike"].note == seeds_note(VALUES["alike"], BASE, level=0.05)
    assert "same difference" in found["itself"].note


def test_no_claim_against_its_own_interval():
    """A t test that just finds something, and a bootstrap interval, longer at 5 seeds, that does not."""
    differences = np.array([0.3, 1.6, 0.9, 1.3, 0.2])
    loose = summarise({"a": 10 + differences, "b": np.full(5, 10.0)}, "b", method="bootstrap", confidence=0.999)[0]
    assert loose.p_holm < 0.05
    assert not loose.stands
    assert "interval of the difference holds 0" in loose.note


@given(st.integers(0, 300), st.integers(1, 9))
def test_claims_notes_and_p_values_agree(seed, seeds):
    rng = np.random.default_rng(seed)
    values = {f"policy {shift}": rng.normal(10 + shift, 1.0, seeds) for shift in range(5)}
    for row in summarise(values, "policy 0", method="student-t"):
        if row.is_reference:
            continue
        assert row.stands == (row.p_holm <= 0.05)  # Student's interval at 95 % is the test at 5 %
        assert (row.note == "") == row.stands


def test_a_figure_without_a_bound_has_no_share():
    assert all(row.recovered is None for row in summarise(VALUES, "jsq"))


def test_a_reference_alone_is_a_table_too():
    assert [row.policy for row in summarise({"jsq": BASE}, "jsq")] == ["jsq"]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (VALUES, {"reference": "jqs"}, "did you mean 'jsq'"),
        (VALUES | {"short": BASE[:3]}, {}, "values of 'short'"),
        (VALUES | {"square": [[1.0]]}, {}, "values of 'square'"),
        (VALUES | {"low": BASE - 90}, {"bound": BOUND}, "policy 'low': values"),
        (VALUES, {"level": 0.0}, "level"),
        (VALUES, {"method": "guess"}, "method"),
    ],
)
def test_what_makes_no_table_is_refused_by_name(values, options, message):
    with pytest.raises(ValueError, match=message):
        summarise(values, **{"reference": "jsq"} | options)

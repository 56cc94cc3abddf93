"""Seeds that a claim needs: the tables of the textbook, scipy's noncentral t, and a simulation."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from brgym.study import detectable_effect, paired_p_values, power_of, seeds_needed, seeds_note


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_the_seeds_needed_are_those_of_the_tables(effect, seeds):
    """Cohen 1988 and G*Power: paired t test, two-sided, level 5 %, power 80 %."""
    assert seeds_needed(effect, 1.0) == seeds


@given(st.floats(0.0, 3.0), st.floats(0.1, 10.0), st.integers(3, 200), st.sampled_from([0.05, 0.01, 0.005]))
def test_power_is_that_of_the_noncentral_t(effect, sd, seeds, level):
    critical = scipy.stats.t.isf(level / 2, seeds - 1)
    shifted = scipy.stats.nct(seeds - 1, effect / sd * math.sqrt(seeds))
    expected = shifted.sf(critical) + shifted.cdf(-critical)
    if math.isfinite(expected):  # scipy's own is not, where a tail is very thin
        assert power_of(effect, sd, seeds, level=level) == pytest.approx(expected, abs=1e-6)


@given(st.floats(0.0, 1e3), st.integers(2, 10_000), st.sampled_from([0.05, 0.01, 1e-4]))
def test_power_is_a_probability_that_grows_with_the_effect(effect, seeds, level):
    smaller, larger = (power_of(size, 1.0, seeds, level=level) for size in (effect, 1.1 * effect))
    assert level * (1 - 1e-6) <= smaller <= larger + 1e-12
    assert larger <= 1.0
    if seeds == 2:  # T = (Z + shift) / |Z'|: an integral over Z' alone
        nodes = np.linspace(1e-6, 8.0, 100_001)
        critical = scipy.stats.t.isf(level / 2, 1)
        found = scipy.stats.norm.sf(critical * nodes - effect * math.sqrt(2))
        found += scipy.stats.norm.cdf(-critical * nodes - effect * math.sqrt(2))
        assert smaller == pytest.approx(np.trapezoid(found * 2 * scipy.stats.norm.pdf(nodes), nodes), abs=1e-4)


def test_power_is_how_often_the_test_finds_the_effect():
    differences = np.random.default_rng(0).normal(1.2, 1.0, (20_000, 6))
    found = np.mean(paired_p_values(differences, np.zeros(6) + 0.0) <= 0.05)
    power = power_of(1.2, 1.0, 6)
    assert abs(found - power) < 4 * math.sqrt(power * (1 - power) / 20_000)


@given(st.floats(0.05, 5.0), st.floats(0.1, 10.0), st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from([0.05, 0.01]))
def test_the_number_needed_is_the_least(effect, sd, power, level):
    seeds = seeds_needed(effect, sd, power=power, level=level)
    if seeds is None:
        assert power_of(effect, sd, 10_000, level=level) < power
    else:
        assert power_of(effect, sd, seeds, level=level) >= power
        assert seeds == 2 or power_of(effect, sd, seeds - 1, level=level) < power


@given(st.floats(0.1, 10.0), st.integers(2, 100), st.sampled_from([0.05, 0.005]))
def test_the_detectable_effect_has_just_the_power(sd, seeds, level):
    effect = detectable_effect(sd, seeds, level=level)
    assert power_of(effect, sd, seeds, level=level) == pytest.approx(0.8, abs=1e-3)


@given(st.floats(0.1, 3.0), st.floats(0.1, 3.0), st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(effect, sd, scale):
    assert power_of(scale * effect, scale * sd, 10) == pytest.approx(power_of(effect, sd, 10), rel=1e-9)
    assert power_of(-effect, sd, 10) == power_of(effect, sd, 10)


def test_no_number_of_seeds_finds_no_effect():
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1e9, 1.0) == 2


REFERENCE = np.array([10.0, 12.0, 11.0, 9.0, 13.0])
NOISE = np.array([1.0, -1.0, 0.5, -0.5, 0.0])
"""Deviation 0.79."""


def test_a_difference_that_the_seeds_support_needs_no_note():
    assert seeds_note(REFERENCE + NOISE + 3.0, REFERENCE) == ""


def test_the_note_says_how_many_seeds_would_do():
    needed = seeds_needed(0.5, NOISE.std(ddof=1), level=0.01)
    note = seeds_note(REFERENCE + NOISE + 0.5, REFERENCE, level=0.01)
    assert note == (
        "5 seeds do not support a difference of 0.5 (p = 0.23 where 0.01 is needed): "
        f"about {needed} would find a difference of 0.5, with 80 % power."
    )


@pytest.mark.parametrize(
    ("values", "smallest", "what"),
    [
        (REFERENCE + NOISE + 0.5, 0.1, "would find a difference of 0.1, the smallest of interest"),
        (REFERENCE + NOISE + 0.5, 5.0, "these would have found a difference of 5, the smallest of interest"),
        (REFERENCE + NOISE, None, "a difference of 0 takes more than 10,000; these would find one of 1.3"),
        (REFERENCE + 1.0, None, "All 5 seeds give the same difference, 1"),
        ([math.nan, 12.0, 11.0, 9.0, 13.0], None, "a value is missing"),
    ],
)
def test_the_note_names_what_stands_against_a_claim(values, smallest, what):
    assert what in seeds_note(values, REFERENCE, smallest=smallest)


def test_one_seed_supports_nothing():
    assert "One seed" in seeds_note([1.0], [2.0])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"sd": 0.0}, "sd"),
        ({"effect": math.nan}, "effect"),
        ({"level": 0.0}, "level"),
        ({"power": 1.0}, "power"),
    ],
)
def test_what_is_out_of_range_is_refused(options, name):
    with pytest.raises(ValueError, match=name):
        seeds_needed(**{"effect": 1.0, "sd": 1.0} | options)

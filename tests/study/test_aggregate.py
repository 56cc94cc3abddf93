"""Many settings: rliable's figures by their definition, and intervals that need no order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym.study.aggregate import interquartile_mean, performance_profile, ratios_to

few = settings(max_examples=20)


def figures(seed, shape=(4, 3, 5)):
    return np.random.default_rng(seed).lognormal(size=shape)


def test_ratios_are_within_a_setting_and_a_seed():
    values = np.array([[[2.0, 3.0], [1.0, 6.0]], [[10.0, 0.0], [5.0, 7.0]]])
    expected = [[[1.0, 1.0], [0.5, 2.0]], [[1.0, math.nan], [0.5, math.nan]]]
    assert ratios_to(values, 0) == pytest.approx(np.array(expected), nan_ok=True)


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end():
    ratios = np.array([[[1.0, 100.0]], [[2.0, 3.0]], [[5.0, -7.0]], [[4.0, 0.0]]])  # sorted: -7 0 | 1 2 3 4 | 5 100
    assert interquartile_mean(ratios).mean == pytest.approx([2.5])


def test_a_profile_is_the_share_at_or_below_each_threshold():
    ratios = np.array([[[0.5, 1.0]], [[1.5, 2.0]]])
    found = performance_profile(ratios, [0.4, 1.0, 1.7, 2.0])
    assert found.mean.tolist() == [[0.0, 0.5, 0.75, 1.0]]
    assert (found.low[0, 0], found.high[0, 0]) == (0.0, 0.0)
    assert (found.low[0, 3], found.high[0, 3]) == (1.0, 1.0)


@few
@given(st.integers(0, 1000))
def test_profiles_rise_and_their_intervals_stay_within_0_and_1(seed):
    found = performance_profile(figures(seed), np.linspace(0, 5, 20), resamples=200)
    assert (np.diff(found.mean, axis=1) >= 0).all()
    assert (found.low >= 0).all()
    assert (found.high <= 1).all()
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()


@few
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_the_interval_scales_with_the_ratios(seed, scale):
    plain, scaled = (interquartile_mean(factor * figures(seed), resamples=200) for factor in (1.0, scale))
    for end in ("mean", "low", "high"):
        assert getattr(scaled, end) == pytest.approx(scale * getattr(plain, end))


@few
@given(st.integers(0, 1000), st.permutations(range(3)))
def test_a_policy_does_not_depend_on_its_company(seed, order):
    ratios = figures(seed)
    together, reordered = (interquartile_mean(part, resamples=200) for part in (ratios, ratios[:, list(order)]))
    assert reordered.low == pytest.approx(together.low[list(order)])
    assert reordered.high == pytest.approx(together.high[list(order)])


def test_the_seed_decides_and_nothing_else():
    ratios = figures(1)
    one, same, other = (interquartile_mean(ratios, seed=seed) for seed in (1, 1, 2))
    assert one.low.tolist() == same.low.tolist()
    assert one.low.tolist() != other.low.tolist()


def test_seeds_are_drawn_within_their_setting():
    """Settings far apart and without spread leave nothing to chance; pooled resampling would."""
    ratios = np.repeat(np.array([1.0, 10.0, 100.0, 1000.0])[:, None, None], 5, axis=2)
    found = interquartile_mean(ratios)
    assert (found.low[0], found.mean[0], found.high[0]) == (55.0, 55.0, 55.0)


def test_one_seed_has_no_interval_and_what_is_missing_is_not_averaged_away():
    found = interquartile_mean(figures(1, (4, 2, 1)))
    assert np.isfinite(found.mean).all()
    assert np.isnan([found.low, found.high]).all()
    ratios = figures(1)
    ratios[2, 1, 3] = math.nan
    for estimates in (interquartile_mean(ratios), performance_profile(ratios, [1.0])):
        missing = np.isnan([estimates.mean, estimates.low, estimates.high]).reshape(3, 3)
        assert missing.tolist() == [[False, True, False]] * 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interquartile_mean(np.ones((2, 3))), r"shape \(settings, policies, seeds\)"),
        (lambda: interquartile_mean(np.ones((2, 0, 3))), "none empty"),
        (lambda: interquartile_mean(figures(0), confidence=2.0), "confidence"),
        (lambda: interquartile_mean(figures(0), resamples=0), "resamples"),
        (lambda: performance_profile(figures(0), []), "thresholds"),
        (lambda: performance_profile(figures(0), [math.nan]), "thresholds"),
        (lambda: ratios_to(figures(0), 3), "reference"),
    ],
)
def test_what_is_no_table_of_settings_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

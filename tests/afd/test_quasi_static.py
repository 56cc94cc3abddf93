"""The pipeline over loads that scatter: exact cycles of loads that stand still, limits, brute force, simulation."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import afd
from brgym.afd.quasi_static import longest_turns, mean_largest, own_cycle, skewed
from tests.afd.reference import static_cycle

ILLUSTRATIVE = afd.Coefficients.illustrative()
METHOD: Final = "quasi-static"

ACCURACY = 0.003
"""Of the quasi-random mean, in standard deviations of a worker's attention time, up to 100 workers."""


def provision(load, *, method=METHOD, **options):
    return afd.optimal_ratio(ILLUSTRATIVE, load=load, method=method, **options)


@st.composite
def still_bundles(draw):
    """Attention times that stand still, shape (microbatches, workers), communication and FFN time."""
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    attention = 10.0 + draw(st.floats(0, 5)) * rng.standard_normal(shape).clip(-2, 2)
    return attention, draw(st.floats(0, 30)), draw(st.floats(0.1, 15))


@settings(max_examples=200)
@given(still_bundles())
def test_the_slowest_turn_is_the_cycle_of_loads_that_stand_still(bundle):
    """Exactly for one and two microbatches; an upper bound for more, and never below what a worker alone would need."""
    attention, communication, ffn = bundle
    turns = max(ffn, own_cycle(longest_turns(attention), communication + ffn).max())
    timing = (1.0, 0.0, communication, ffn)
    exact = static_cycle(attention, timing, 800)
    alone = max(static_cycle(worker[:, None], timing, 800) for worker in attention.T)
    assert alone * (1 - 5e-3) <= exact <= turns * (1 + 5e-3)
    if len(attention) <= 2:
        assert exact == pytest.approx(turns, rel=5e-3)


def test_for_three_microbatches_and_more_the_bound_is_tight():
    rng = np.random.default_rng(0)
    for microbatches in (3, 4):
        excess = []
        for communication in (2.0, 10.0, 20.0):
            for _ in range(20):
                attention = 10.0 + rng.standard_normal((microbatches, 8))
                turns = max(8.0, own_cycle(longest_turns(attention), communication + 8.0).max())
                excess.append(turns / static_cycle(attention, (1.0, 0.0, communication, 8.0), 400) - 1)
        assert np.mean(excess) < 0.005


@given(theta=st.floats(10, 5000), batch=st.integers(1, 512), microbatches=st.integers(1, 6), r=st.integers(1, 100))
def test_without_scatter_it_is_the_microbatch_form(theta, batch, microbatches, r):
    options = {"load": afd.TokenLoad(theta, 0.0), "batch": batch, "microbatches": microbatches}
    with_barrier, without = provision(**options), provision(method="microbatch", **options)
    assert with_barrier.cycle_time(r) == pytest.approx(without.cycle_time(r))
    assert without.throughput(with_barrier.integer) == pytest.approx(without.throughput(without.integer))


@settings(max_examples=50)
@given(nu=st.floats(1, 2000), skewness=st.floats(-3, 3), microbatches=st.integers(1, 6), r=st.integers(1, 100))
def test_scatter_costs_time_and_more_workers_never_less(nu, skewness, microbatches, r):
    load = afd.TokenLoad(600.0, nu, skewness=skewness)
    p = provision(load, microbatches=microbatches)
    cycle = p.cycle_time(r)
    assert cycle >= provision(load, method="microbatch", microbatches=microbatches).cycle_time(r) * (1 - 1e-9)
    assert p.cycle_time(r + 1) >= cycle * (1 - 1e-9)


@pytest.mark.parametrize("r", [1, 8, 100])
def test_one_microbatch_takes_its_phases_one_after_the_other(r):
    p = provision(afd.TokenLoad(600.0, 400.0), microbatches=1)
    std = ILLUSTRATIVE.alpha_a * p.load.worker_std(256)
    away = ILLUSTRATIVE.communication_time(r, 256) + ILLUSTRATIVE.ffn_time(r, 256)
    attention = ILLUSTRATIVE.attention_time(p.load.worker_mean(256)) + std * afd.expected_maximum(r)
    assert p.cycle_time(r) == pytest.approx(attention + away, abs=ACCURACY * std)


@pytest.mark.parametrize("r", [2, 16, 100])
def test_where_a_worker_never_waits_its_loads_average_out(r):
    """No communication and hardly any FFN time: the slowest of r means over the microbatches."""
    c = afd.Coefficients(1.0, 0.0, 0.0, 0.0, 1e-9, 1e-9)
    p = afd.optimal_ratio(c, batch=100, load=afd.TokenLoad(10.0, 2.0), method=METHOD, microbatches=4)
    std = p.load.worker_std(100)
    assert p.cycle_time(r) == pytest.approx(1000 + std / 2 * afd.expected_maximum(r), abs=ACCURACY * std)


@settings(max_examples=50)
@given(
    theta=st.floats(50, 3000), scatter=st.floats(0.05, 2.0), batch=st.integers(16, 512), microbatches=st.integers(1, 5)
)
def test_the_integer_is_best_by_brute_force(theta, scatter, batch, microbatches):
    load = afd.TokenLoad(theta, scatter * theta, skewness=2.0)
    p = provision(load, batch=batch, microbatches=microbatches)
    ratios = np.arange(1, 2 * p.integer + 20)
    assert p.throughput(p.integer) == pytest.approx(p.throughput(ratios).max(), rel=1e-9)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5), st.integers(1, 4), st.floats(-10, 10))
def test_the_mean_of_the_largest_is_that_over_all_draws(values, count, at_least):
    draws = np.stack(np.meshgrid(*[values] * count)).reshape(count, -1)
    expected = np.maximum(draws.max(axis=0), at_least).mean()
    assert mean_largest(np.array(values), count, at_least=at_least) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("skewness", [-2.0, -0.3, 0.0, 0.1, 1.0])
def test_skewed_values_have_the_moments_they_are_asked_for(skewness):
    values = skewed(np.random.default_rng(0).standard_normal(2_000_000), skewness)
    assert values.mean() == pytest.approx(0.0, abs=0.005)
    assert values.std() == pytest.approx(1.0, abs=0.01)
    assert np.mean(values**3) == pytest.approx(skewness, abs=0.1)


@pytest.mark.parametrize(
    ("sampler", "batch"),
    [(afd.GeometricLengths(100, 500), 256), (afd.LognormalLengths(1000, 500, correlation=-0.5), 64)],
)
@pytest.mark.parametrize("microbatches", [2, 3, 4])
def test_the_simulated_pipeline_agrees_within_1_percent(sampler, batch, microbatches):
    requests = afd.token_load(*sampler(np.random.default_rng(0), 1_000_000), replicates=0)
    p = provision(requests, batch=batch, microbatches=microbatches)
    ratios = sorted({max(1, p.integer - 3), p.integer, p.integer + 3})
    options = {"batch": batch, "microbatches": microbatches, "intervals": 200, "steps": 100_000}
    for q in afd.simulate_ratios(ILLUSTRATIVE, sampler, ratios=ratios, **options):
        assert q.throughput == pytest.approx(float(p.throughput(q.ratio)), rel=0.01)

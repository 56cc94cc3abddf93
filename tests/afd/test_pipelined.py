"""The Gaussian barrier in a pipeline: its limits, brute force over the ratio, and the bundle simulated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import afd

ILLUSTRATIVE = afd.Coefficients.illustrative()
METHOD = "gaussian-microbatch"


def provision(load, *, method=METHOD, **options):
    return afd.optimal_ratio(ILLUSTRATIVE, load=load, method=method, **options)


@given(theta=st.floats(10, 5000), batch=st.integers(1, 512), microbatches=st.integers(1, 6), r=st.integers(1, 100))
def test_without_scatter_it_is_the_microbatch_form(theta, batch, microbatches, r):
    options = {"load": afd.TokenLoad(theta, 0.0), "batch": batch, "microbatches": microbatches}
    with_barrier, without = provision(**options), provision(method="microbatch", **options)
    assert with_barrier.cycle_time(r) == pytest.approx(without.cycle_time(r))
    assert without.throughput(with_barrier.integer) == pytest.approx(without.throughput(without.integer))


@given(nu=st.floats(1, 2000), microbatches=st.integers(1, 6), r=st.integers(1, 100))
def test_scatter_costs_time_but_never_more_than_waiting_for_the_slowest_in_every_phase(nu, microbatches, r):
    load = afd.TokenLoad(600.0, nu)
    cycle = provision(load, microbatches=microbatches).cycle_time(r)
    assert cycle >= provision(load, method="microbatch", microbatches=microbatches).cycle_time(r) * (1 - 1e-9)
    slowest = ILLUSTRATIVE.alpha_a * load.worker_std(256) * afd.expected_maximum(r)
    away = ILLUSTRATIVE.communication_time(r, 256) + ILLUSTRATIVE.ffn_time(r, 256)
    serial = ILLUSTRATIVE.attention_time(load.worker_mean(256)) + slowest + away
    assert cycle <= serial * (1 + 1e-9)


def test_one_microbatch_takes_its_phases_one_after_the_other():
    p = provision(afd.TokenLoad(600.0, 400.0), microbatches=1)
    slowest = ILLUSTRATIVE.alpha_a * p.load.worker_std(256) * afd.expected_maximum(8)
    away = ILLUSTRATIVE.communication_time(8, 256) + ILLUSTRATIVE.ffn_time(8, 256)
    assert p.cycle_time(8) == pytest.approx(ILLUSTRATIVE.attention_time(p.load.worker_mean(256)) + slowest + away)


@settings(max_examples=50, deadline=None)
@given(
    theta=st.floats(50, 3000), scatter=st.floats(0.05, 2.0), batch=st.integers(16, 512), microbatches=st.integers(1, 5)
)
def test_the_integer_is_best_by_brute_force(theta, scatter, batch, microbatches):
    p = provision(afd.TokenLoad(theta, scatter * theta), batch=batch, microbatches=microbatches)
    ratios = np.arange(1, 4 * p.integer + 50)
    assert p.throughput(p.integer) == pytest.approx(p.throughput(ratios).max(), rel=1e-9)


@pytest.mark.parametrize("microbatches", [2, 3, 4])
@pytest.mark.parametrize("ratio", [6, 8, 10, 12])
def test_the_simulated_pipeline_agrees_within_2_percent(microbatches, ratio):
    lengths = afd.GeometricLengths(100, 500)
    options = {"batch": 256, "microbatches": microbatches}
    q = afd.simulate_bundle(ILLUSTRATIVE, lengths, ratio=ratio, steps=20_000, **options)
    p = provision(afd.TokenLoad.geometric(100, 500, prompt_std=np.sqrt(100 * 99)), **options)
    assert q.throughput == pytest.approx(float(p.throughput(ratio)), rel=0.02)

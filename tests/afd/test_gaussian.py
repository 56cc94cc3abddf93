import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from brgym import afd
from brgym.afd.gaussian import expected_excess

COEFFICIENTS = afd.Coefficients.illustrative()


@pytest.mark.parametrize(("workers", "kappa"), [(1, 0.0), (2, 0.564), (4, 1.029), (8, 1.424), (16, 1.766), (32, 2.070)])
def test_mean_of_the_largest_of_r_normals(workers, kappa):
    assert afd.expected_maximum(workers) == pytest.approx(kappa, abs=5e-4)


@given(st.floats(-15, 15), st.integers(1, 5000))
def test_expected_excess_equals_adaptive_quadrature(threshold, workers):
    points = [p for p in (-3.0, 0.0, 3.0, 6.0) if p > threshold]
    exact, _ = quad(lambda z: 1 - ndtr(z) ** workers, threshold, max(threshold, 12.0), points=points, limit=200)
    assert expected_excess(threshold, workers) == pytest.approx(exact, abs=1e-8)


def test_expected_cycle_equals_monte_carlo():
    load = afd.TokenLoad.geometric(100, 500)
    p = afd.optimal_ratio(COEFFICIENTS, load=load, method="gaussian")
    rng = np.random.default_rng(0)
    worker_loads = load.worker_mean(256) + load.worker_std(256) * rng.standard_normal((200_000, 10))
    for ratio in (2, 6, 10):
        slowest = COEFFICIENTS.attention_time(worker_loads[:, :ratio].max(axis=1))
        rest = max(COEFFICIENTS.communication_time(ratio, 256), COEFFICIENTS.ffn_time(ratio, 256))
        assert p.cycle_time(ratio) == pytest.approx(np.maximum(slowest, rest).mean(), rel=3e-4)


@settings(max_examples=150)
@given(
    method=st.sampled_from(["gaussian", "gaussian-plug-in"]),
    spread=st.floats(0, 2),
    times=st.tuples(*[st.floats(0.1, 100)] * 6),
    comm_per=st.sampled_from(["worker", "bundle"]),
    ffn_cost=st.floats(0.2, 5),
)
@example(method="gaussian", spread=2.2e-313, times=(1.0,) * 6, comm_per="worker", ffn_cost=1.0)
def test_the_integer_is_best_by_brute_force(method, spread, times, comm_per, ffn_cost):
    a_a, b_a, a_c, b_c, a_f, b_f = times
    c = afd.Coefficients(a_a, b_a, a_c / 10, b_c, a_f, b_f, comm_per=comm_per)
    p = afd.optimal_ratio(c, batch=1, load=afd.TokenLoad(1.0, spread), method=method, ffn_cost=ffn_cost)
    integers = np.arange(1, 2501)
    best = p.throughput(integers).max()
    assert p.throughput(p.integer) == pytest.approx(best, rel=1e-12)
    assert p.ratio == p.integer


def test_without_scatter_the_barrier_is_the_mean_field():
    load = afd.TokenLoad(599.0, 0.0)
    gaussian, mean_field = (afd.optimal_ratio(COEFFICIENTS, load=load, method=m) for m in ("gaussian", "mean-field"))
    ratios = np.arange(1, 30)
    np.testing.assert_allclose(gaussian.cycle_time(ratios), mean_field.cycle_time(ratios), rtol=1e-12)
    assert gaussian.integer == mean_field.integer


def test_plug_in_never_exceeds_the_exact_mean():
    load = afd.TokenLoad.geometric(100, 500)
    exact, plug_in = (afd.optimal_ratio(COEFFICIENTS, load=load, method=m) for m in ("gaussian", "gaussian-plug-in"))
    ratios = np.arange(1, 40)
    assert np.all(plug_in.cycle_time(ratios) <= exact.cycle_time(ratios) * (1 + 1e-12))


def test_tpot_limit_holds_at_the_largest_integer_that_keeps_it():
    load = afd.TokenLoad.geometric(100, 500)
    free = afd.optimal_ratio(COEFFICIENTS, load=load, method="gaussian")
    limit = float(free.tpot(6)) * 1.0001
    held = afd.optimal_ratio(COEFFICIENTS, load=load, method="gaussian", limits=afd.Limits(tpot=limit))
    assert (held.integer, held.ratio_limit, held.limited) == (6, 6.0, True)
    assert not free.limited

"""Load patterns against their laws: on their own clock they are a Poisson process of rate 1."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import kstest

from brgym.workload import Bursts, Diurnal, Poisson, Ramp, load_workload
from brgym.workload.arrivals import PATTERNS, ArrivalProcess

COUNT = 4000
RATES: dict[str, tuple[ArrivalProcess, Callable[[np.ndarray], np.ndarray]]] = {
    "swing": (
        Diurnal(rate_per_s=3.0, period_s=200.0, amplitude=0.9, phase=0.3),
        lambda t: 3.0 * (1 + 0.9 * np.sin(2 * np.pi * (t / 200.0 + 0.3))),
    ),
    "swing to zero": (
        Diurnal(rate_per_s=3.0, period_s=50.0, amplitude=1.0),
        lambda t: 3.0 * (1 + np.sin(2 * np.pi * t / 50.0)),
    ),
    "bursts": (
        Bursts(rate_per_s=2.0, period_s=60.0, share=0.1, factor=8.0),
        lambda t: 2.0 / 1.7 * np.where(np.mod(t, 60.0) < 6.0, 8.0, 1.0),
    ),
    "rising": (Ramp(rate_per_s=2.0, growth=3.0), lambda t: np.minimum(1.0 + 2.0 * t / (COUNT / 2.0), 3.0)),
    "falling": (Ramp(rate_per_s=2.0, growth=1 / 3), lambda t: np.maximum(3.0 - 2.0 * t / (COUNT / 2.0), 1.0)),
    "level": (Ramp(rate_per_s=2.0, growth=1.0), lambda t: 2.0 + 0 * t),
}


@pytest.mark.parametrize("name", RATES)
def test_gaps_are_exponential_on_the_processes_own_clock(name):
    process, rate = RATES[name]
    arrival_s = process.sample(COUNT, np.random.default_rng(7))
    assert arrival_s[0] == 0.0
    assert (np.diff(arrival_s) >= 0).all()
    fine = np.linspace(0, arrival_s[-1], 2_000_001)
    clock = np.concatenate([[0], np.cumsum((rate(fine[1:]) + rate(fine[:-1])) / 2 * np.diff(fine))])
    gaps = np.diff(np.interp(arrival_s, fine, clock))
    assert kstest(gaps, "expon").pvalue > 1e-3


@pytest.mark.parametrize("name", PATTERNS)
def test_the_mean_rate_is_the_one_asked_for(name):
    options = {"gamma": {"cv": 2.0}, "diurnal": {"period_s": 100.0}}.get(name, {})
    arrival_s = PATTERNS[name](rate_per_s=5.0, **options).sample(200_000, np.random.default_rng(1))
    assert 200_000 / arrival_s[-1] == pytest.approx(5.0, rel=0.03)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Diurnal(rate_per_s=0.0), "rate_per_s must be finite and above 0"),
        (lambda: Diurnal(rate_per_s=1.0, amplitude=1.1), r"amplitude must be finite and in 0\.\.1"),
        (lambda: Diurnal(rate_per_s=1.0, period_s=0.0), "period_s must be finite and above 0"),
        (lambda: Bursts(rate_per_s=1.0, share=0.0), "share must be finite and above 0"),
        (lambda: Bursts(rate_per_s=1.0, share=1.0), "share must be finite and"),
        (lambda: Bursts(rate_per_s=1.0, factor=0.5), "factor must be finite and"),
        (lambda: Ramp(rate_per_s=1.0, growth=0.0), "growth must be finite and"),
    ],
)
def test_ranges_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_other_arrivals_leave_the_requests_as_they_are():
    workload = load_workload("azure-2023-conv-like", count=50)
    moved = workload.with_arrivals(Poisson(rate_per_s=2.0), seed=3)
    assert moved == workload.with_arrivals(Poisson(rate_per_s=2.0), seed=3)
    assert moved != workload.with_arrivals(Poisson(rate_per_s=2.0), seed=4)
    np.testing.assert_array_equal(moved.output_tokens, workload.output_tokens)
    np.testing.assert_array_equal(moved.prompt_tokens, workload.prompt_tokens)

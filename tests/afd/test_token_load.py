import csv
import gzip
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import afd
from tests.afd.reference import known

LENGTHS = st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 300)), min_size=1, max_size=30)
COEFFICIENTS = afd.Coefficients.illustrative()


def trace(pairs):
    prompt, output = np.asarray(pairs)
    return SimpleNamespace(prompt_tokens=prompt, output_tokens=output)


def azure_2023(folder, name):
    path = folder / f"AzureLLMInferenceTrace_{name}.csv.gz"
    if not path.is_file():
        pytest.skip(f"needs {path.name} in BRGYM_TRACE_DIR")
    with gzip.open(path, "rt", newline="") as file:
        rows = [(int(row["ContextTokens"]), int(row["GeneratedTokens"])) for row in csv.DictReader(file)]
    return trace(np.transpose(rows))


@given(LENGTHS)
def test_theta_and_nu_are_the_moments_of_the_load_over_all_decode_steps(lengths):
    loads = np.concatenate([prompt + np.arange(output) for prompt, output in lengths])
    load = afd.token_load(*np.array(lengths).T, replicates=0)
    assert load.theta == pytest.approx(loads.mean(), rel=1e-12)
    assert load.nu == pytest.approx(loads.std(), rel=1e-6, abs=1e-6)
    third = np.mean((loads - loads.mean()) ** 3)
    assert load.skewness * load.nu**3 == pytest.approx(third, rel=1e-6, abs=1e-9 * max(1.0, np.ptp(loads)) ** 3)


def test_nu_keeps_its_digits_beside_huge_prompts():
    assert afd.token_load([10**9] * 3, [2, 2, 2]).nu == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize("output", [1, 2, 7, 500])
def test_constant_closed_form(output):
    prompt = np.array([50, 150])
    expected = afd.token_load(prompt, [output, output], replicates=0)
    closed = afd.TokenLoad.constant(100, output, prompt_std=50)
    assert (closed.theta, closed.nu) == pytest.approx((expected.theta, expected.nu))
    assert closed.skewness == pytest.approx(expected.skewness, abs=1e-9)


@pytest.mark.parametrize("mean_output", [1.0, 3.0, 20.0])
def test_geometric_closed_form(mean_output):
    ages = np.arange(2000)
    weights = (1 / mean_output) * (1 - 1 / mean_output) ** ages
    mean = weights @ ages
    closed = afd.TokenLoad.geometric(100, mean_output, prompt_std=5)
    assert closed.theta == pytest.approx(100 + mean)
    assert closed.nu == pytest.approx(np.sqrt(25 + weights @ (ages - mean) ** 2))
    assert closed.skewness * closed.nu**3 == pytest.approx(weights @ (ages - mean) ** 3)


@pytest.mark.parametrize(
    ("sampler", "theta", "tolerance"),
    [
        (afd.GeometricLengths(100, 500), 599.0, 2.0),
        (afd.ConstantLengths(100, 500), 349.5, 0.0),
        (afd.LognormalLengths(100, 200, sigma=0.8, correlation=0.8), 356.0, 2.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_reference_values(sampler, theta, tolerance):
    load = afd.token_load(*sampler(np.random.default_rng(1), 1_000_000), replicates=0)
    assert load.theta == pytest.approx(theta, abs=tolerance)


@pytest.mark.parametrize(
    ("sampler", "load"),
    [
        (afd.GeometricLengths(100, 50), afd.TokenLoad.geometric(100, 50, prompt_std=np.sqrt(100 * 99))),
        (afd.ConstantLengths(100, 50), afd.TokenLoad.constant(100, 50)),
    ],
    ids=["geometric", "constant"],
)
def test_simulation_confirms_the_closed_forms(sampler, load):
    assert_confirmed(sampler, load)


@pytest.mark.parametrize("correlation", [0.8, 0.0, -0.8])
def test_simulation_confirms_theta_and_nu_of_correlated_lognormal_requests(correlation):
    requests = trace(afd.LognormalLengths(100, 60, correlation=correlation)(np.random.default_rng(9), 50_000))
    assert_confirmed(requests, afd.token_load(requests.prompt_tokens, requests.output_tokens, replicates=0))


@pytest.mark.parametrize("name", ["conv", "code"])
def test_simulation_confirms_theta_and_nu_of_the_azure_traces(name, trace_dir):
    requests = azure_2023(trace_dir, name)
    assert_confirmed(requests, afd.token_load(requests.prompt_tokens, requests.output_tokens, replicates=0))


def assert_confirmed(source, load):
    simulated = afd.simulate_bundle(COEFFICIENTS, source, ratio=4, batch=64, seed=1, confidence=0.999)
    slack = 1e-9 * load.theta  # under constant outputs the interval is a point
    assert simulated.theta_ci[0] - slack <= load.theta <= simulated.theta_ci[1] + slack
    assert simulated.nu_ci[0] <= load.nu <= simulated.nu_ci[1]
    assert simulated.theta == pytest.approx(load.theta, rel=0.02)
    assert simulated.nu == pytest.approx(load.nu, rel=0.05)


def test_bootstrap_interval_covers_the_truth_as_often_as_it_says():
    sampler, truth = afd.GeometricLengths(100, 50), afd.TokenLoad.geometric(100, 50, prompt_std=np.sqrt(100 * 99))
    loads = [afd.token_load(*sampler(np.random.default_rng(seed), 1500), seed=seed) for seed in range(100)]
    theta = np.mean([low <= truth.theta <= high for low, high in (known(load.theta_interval()) for load in loads)])
    nu = np.mean([low <= truth.nu <= high for low, high in (known(load.nu_interval()) for load in loads)])
    assert 0.90 <= theta <= 0.99
    assert 0.88 <= nu <= 0.99


def test_bootstrap_is_deterministic_by_seed_and_optional():
    lengths = afd.GeometricLengths(10, 20)(np.random.default_rng(0), 100)
    first, again, other = (afd.token_load(*lengths, seed=seed) for seed in (1, 1, 2))
    assert first.replicates is not None
    assert other.replicates is not None
    np.testing.assert_array_equal(first.replicates, again.replicates)
    assert not np.array_equal(first.replicates, other.replicates)
    assert afd.token_load(*lengths, replicates=0).theta_interval() is None


def test_a_worker_adds_up_its_slots():
    load = afd.TokenLoad(theta=10.0, nu=3.0)
    assert load.worker_mean(16) == 160.0
    assert load.worker_std(16) == 12.0
    assert afd.TokenLoad(10.0, 3.0, skewness=2.0).worker_skewness(16) == 0.5


def test_finite_horizon_is_the_average_from_a_cold_start():
    rng = np.random.default_rng(0)
    slots, mean_output, steps = 20_000, 8.0, 50
    load, remaining = np.full(slots, 30), rng.geometric(1 / mean_output, slots)
    loads = np.zeros(steps)
    for step in range(steps):
        loads[step] = load.mean()
        remaining -= 1
        done = remaining == 0
        load = np.where(done, 30, load + 1)
        remaining[done] = rng.geometric(1 / mean_output, done.sum())
    # 50 steps of 8 slots are 50 requests of 8 tokens.
    assert afd.finite_horizon_theta(30, 8, requests=50, batch=8) == pytest.approx(loads.mean(), rel=2e-3)


def test_finite_horizon_gives_the_ratio_of_v1_and_tends_to_the_limit():
    """With the illustrative, unverified coefficients: 9.30 over 10,000 requests per worker, 9.55 in the limit."""
    theta = afd.finite_horizon_theta(100, 500, requests=10_000, batch=256)
    limit = afd.TokenLoad.geometric(100, 500)
    finite = afd.optimal_ratio(COEFFICIENTS, batch=256, load=afd.TokenLoad(theta, limit.nu))
    assert finite.ratio == pytest.approx(9.30, abs=0.005)
    assert afd.optimal_ratio(COEFFICIENTS, batch=256, load=limit).ratio == pytest.approx(9.5547, abs=1e-4)
    assert afd.finite_horizon_theta(100, 500, requests=10**12, batch=256) == pytest.approx(limit.theta)
    assert afd.finite_horizon_theta(100, 1, requests=5, batch=2) == 100.0


BAD_LENGTHS = [
    ([], [], r"prompt_tokens must be a 1-D array of at least one row, got shape \(0,\)"),
    ([[1, 2]], [1], r"prompt_tokens must be a 1-D array"),
    ([1, 2], [1], "prompt_tokens has 2 rows and output_tokens 1"),
    ([1, 2], [3, 0], "output_tokens, row 1: must be a whole number in 1..2147483647, got 0"),
    ([1, 2.5], [3, 3], "prompt_tokens, row 1: must be a whole number in 1..2147483647, got 2.5"),
    ([1, np.nan], [3, 3], "prompt_tokens, row 1"),
    (["a"], [1], "prompt_tokens must hold whole numbers"),
]


@pytest.mark.parametrize(("prompt", "output", "message"), BAD_LENGTHS)
def test_bad_lengths_are_named(prompt, output, message):
    with pytest.raises(ValueError, match=message):
        afd.token_load(prompt, output)


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="theta must be finite and above 0"):
        afd.TokenLoad(0.0, 1.0)
    with pytest.raises(ValueError, match="nu must be"):
        afd.TokenLoad(1.0, -1.0)
    with pytest.raises(ValueError, match="replicates must have shape"):
        afd.TokenLoad(1.0, 1.0, np.zeros(3))
    with pytest.raises(ValueError, match="skewness must be finite"):
        afd.TokenLoad(1.0, 1.0, skewness=np.inf)
    with pytest.raises(ValueError, match="mean_output must be"):
        afd.TokenLoad.geometric(100, 0.5)
    with pytest.raises(ValueError, match="requests must be at least 1"):
        afd.finite_horizon_theta(1, 1, requests=0, batch=1)
    with pytest.raises(ValueError, match="confidence must be"):
        afd.token_load([1], [1]).theta_interval(confidence=2.0)
    for sampler, name in product(
        (afd.ConstantLengths, afd.GeometricLengths, afd.LognormalLengths), ("prompt", "output")
    ):
        with pytest.raises(ValueError, match=name):
            sampler(*((0, 1) if name == "prompt" else (1, 0)))


@settings(max_examples=25)
@given(st.floats(0.0, 1.5), st.floats(-1.0, 1.0))
def test_lognormal_sampler_keeps_its_means_and_correlation(sigma, correlation):
    prompt, output = afd.LognormalLengths(2000, 900, sigma=sigma, correlation=correlation)(
        np.random.default_rng(0), 200_000
    )
    assert prompt.mean() == pytest.approx(2000, rel=0.03)
    assert output.mean() == pytest.approx(900, rel=0.03)
    if sigma > 0.1:
        assert np.corrcoef(np.log(prompt), np.log(output))[0, 1] == pytest.approx(correlation, abs=0.02)

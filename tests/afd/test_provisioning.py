from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import afd
from tests.afd.reference import known

COEFFICIENTS = afd.Coefficients.illustrative()
GEOMETRIC = afd.TokenLoad.geometric(100, 500)
INTEGERS = np.arange(1, 4001)
REALS = np.geomspace(1e-3, 1e4, 3001)

positive = st.floats(1e-3, 1e3)
either = st.sampled_from(["worker", "bundle"])


@st.composite
def problems(draw, comm_per=either):
    """Coefficients, batch, load and costs whose optimum lies among `INTEGERS`."""
    batch = draw(st.integers(1, 512))
    theta, nu = draw(st.floats(1, 5000)), draw(st.floats(0, 5000))
    worker_time = draw(positive)
    coefficients = afd.Coefficients(
        alpha_a=worker_time / (batch * theta),
        beta_a=draw(st.just(0.0) | positive),
        alpha_c=draw(st.just(0.0) | positive) / batch,
        beta_c=draw(st.just(0.0) | positive),
        alpha_f=draw(st.floats(1.0, 1e3)) / batch,
        beta_f=draw(st.just(0.0) | positive),
        comm_per=draw(comm_per),
    )
    costs = {"attention_cost": draw(st.floats(0.1, 10)), "ffn_cost": draw(st.floats(0.1, 10))}
    return coefficients, {"batch": batch, "load": afd.TokenLoad(theta, nu), **costs}


def phase_times(c, r, batch, theta):
    """The formulas of the model, written out."""
    attention = c.alpha_a * batch * theta + c.beta_a
    communication = c.alpha_c * (batch if c.comm_per == "worker" else r * batch) + c.beta_c
    return attention, communication, c.alpha_f * r * batch + c.beta_f


def throughput(c, r, method, microbatches, *, batch, load, attention_cost=1.0, ffn_cost=1.0):
    t_a, t_c, t_f = phase_times(c, r, batch, load.theta)
    other = t_c if method == "mean-field" else (t_a + t_f + t_c) / microbatches
    return r * batch / ((attention_cost * r + ffn_cost) * np.maximum(np.maximum(t_a, t_f), other))


def assert_best(p, c, method, microbatches, options):
    at_integers, at_reals = (throughput(c, r, method, microbatches, **options) for r in (INTEGERS, REALS))
    assert p.throughput(p.integer) == pytest.approx(at_integers.max(), rel=1e-12)
    assert throughput(c, p.ratio, method, microbatches, **options) >= at_reals.max() * (1 - 1e-12)
    np.testing.assert_allclose(p.throughput(INTEGERS[:5]), at_integers[:5], rtol=1e-12)


@settings(max_examples=300)
@given(problems(), st.sampled_from(["mean-field", "microbatch"]), st.integers(1, 6))
def test_the_ratio_is_best_by_brute_force(problem, method, microbatches):
    c, options = problem
    p = afd.optimal_ratio(c, method=method, microbatches=microbatches, **options)
    assert_best(p, c, method, microbatches, options)


def test_the_ratio_is_best_by_brute_force_on_ten_thousand_random_problems():
    rng = np.random.default_rng(5)
    for _ in range(10_000):
        batch, theta = int(rng.integers(1, 513)), rng.uniform(1, 5000)
        times = np.exp(rng.uniform(np.log(1e-2), np.log(1e3), 6)) * (rng.random(6) < 0.85)
        times[0], times[4] = max(times[0], 1.0), max(times[4], 1.0)
        scale = np.array([batch * theta, 1, batch, 1, batch, 1])
        comm_per: Literal["worker", "bundle"] = "bundle" if rng.integers(2) else "worker"
        method: Literal["mean-field", "microbatch"] = "microbatch" if rng.integers(2) else "mean-field"
        microbatches = int(rng.integers(1, 7))
        alpha_a, beta_a, alpha_c, beta_c, alpha_f, beta_f = (times / scale).tolist()
        c = afd.Coefficients(alpha_a, beta_a, alpha_c, beta_c, alpha_f, beta_f, comm_per=comm_per)
        options: dict[str, Any] = {"batch": batch, "load": afd.TokenLoad(theta, 1.0)}
        p = afd.optimal_ratio(c, method=method, microbatches=microbatches, **options)
        assert_best(p, c, method, microbatches, options)


@given(problems(comm_per=st.just("worker")))
def test_mean_field_is_the_largest_of_three_ratios_which_names_the_regime(problem):
    c, options = problem
    p = afd.optimal_ratio(c, **options)
    batch, theta = options["batch"], options["load"].theta
    expected = {
        "attention": (c.alpha_a * batch * theta + c.beta_a - c.beta_f) / (c.alpha_f * batch),
        "communication": (c.alpha_c * batch + c.beta_c - c.beta_f) / (c.alpha_f * batch),
        "ffn": np.sqrt(options["ffn_cost"] * c.beta_f / (options["attention_cost"] * c.alpha_f * batch)),
    }
    assert p.regime_ratios == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert p.ratio == pytest.approx(max(expected.values()), rel=1e-9)
    ordered = sorted(expected, key=expected.__getitem__)
    if expected[ordered[2]] - expected[ordered[1]] > 1e-6 * expected[ordered[2]]:
        assert p.regime == ordered[2]


@given(problems(comm_per=st.just("bundle")))
def test_communication_per_bundle_has_its_optimum_at_one_of_five_ratios(problem):
    c, options = problem
    batch, load = options["batch"], options["load"]
    weight = options["ffn_cost"] / options["attention_cost"]
    t_a, a_c, a_f = c.attention_time(batch * load.theta), c.alpha_c * batch, c.alpha_f * batch
    with np.errstate(divide="ignore", invalid="ignore"):
        candidates = np.array(
            [
                np.divide(t_a - c.beta_f, a_f),
                np.divide(t_a - c.beta_c, a_c),
                np.divide(c.beta_c - c.beta_f, a_f - a_c),
                np.sqrt(weight * np.divide(c.beta_f, a_f)),
                np.sqrt(weight * np.divide(c.beta_c, a_c)),
            ]
        )
    candidates = candidates[np.isfinite(candidates) & (candidates > 0)]
    best = max(throughput(c, r, "mean-field", 1, **options) for r in candidates)
    p = afd.optimal_ratio(c, **options)
    assert p.throughput(p.ratio) == pytest.approx(best, rel=1e-12)


@given(problems(comm_per=st.just("worker")))
def test_the_margin_is_the_share_of_its_time_by_which_the_binding_phase_leads(problem):
    c, options = problem
    p = afd.optimal_ratio(c, **options)
    peak = p.regime_ratios["ffn"]
    t_a, t_c, t_f = phase_times(c, peak, options["batch"], options["load"].theta)
    times = {"attention": t_a, "communication": t_c, "ffn": t_f}
    longest, second = sorted(times, key=times.__getitem__)[:0:-1]
    if times[longest] - times[second] > 1e-6 * times[longest]:
        assert p.margin.cut == pytest.approx(1 - times[second] / times[longest], abs=1e-6)
        if times[second] > 1e-6 * times[longest]:
            assert p.margin.cut < 1
            assert p.regime == longest


def test_example_of_v1_with_the_illustrative_coefficients():
    p = afd.optimal_ratio(COEFFICIENTS, batch=256, load=GEOMETRIC)
    assert p.ratio == pytest.approx(9.5547, abs=1e-4)
    assert (p.integer, p.regime) == (9, "attention")
    assert p.interval() is None
    in_the_middle_of_a_step = afd.TokenLoad(GEOMETRIC.theta + 0.5, GEOMETRIC.nu)
    assert afd.optimal_ratio(COEFFICIENTS, batch=256, load=in_the_middle_of_a_step).ratio == pytest.approx(
        9.5646, abs=1e-4
    )
    constant = afd.optimal_ratio(COEFFICIENTS, batch=256, load=afd.TokenLoad.constant(100, 500))
    assert constant.ratio == pytest.approx(4.59, abs=0.01)
    loss = 1 - constant.throughput(p.integer) / constant.throughput(constant.integer)
    assert 0.22 < loss < 0.28
    two = afd.optimal_ratio(COEFFICIENTS, batch=256, load=GEOMETRIC, method="microbatch", microbatches=2)
    assert two.ratio == pytest.approx(8.35, abs=0.005)
    assert two.margin.next == "pipeline"


def test_idle_shares_and_colocated_throughput():
    p = afd.optimal_ratio(COEFFICIENTS, batch=256, load=GEOMETRIC)
    t_a, _, t_f = phase_times(COEFFICIENTS, 4, 256, GEOMETRIC.theta)
    assert p.idle_attention(4) == pytest.approx(0.0)
    assert p.idle_ffn(4) == pytest.approx(1 - t_f / t_a)
    assert p.tpot(4) == pytest.approx(3 * t_a)
    together = t_a + phase_times(COEFFICIENTS, 1, 256, GEOMETRIC.theta)[2]
    assert p.colocated_throughput(cost=2.0) == pytest.approx(256 / (2 * together))


def test_a_dearer_ffn_server_feeds_more_workers_only_where_the_ffn_binds():
    bound = afd.Coefficients(1e-6, 1.0, 0.0, 0.0, 1.0, 400.0)
    cheap, dear = (
        afd.optimal_ratio(bound, batch=1, load=afd.TokenLoad(1.0, 0.0), ffn_cost=cost) for cost in (1.0, 4.0)
    )
    assert (cheap.ratio, dear.ratio) == pytest.approx((20.0, 40.0))
    attention = [afd.optimal_ratio(COEFFICIENTS, load=GEOMETRIC, ffn_cost=cost).ratio for cost in (1.0, 4.0)]
    assert attention[0] == pytest.approx(attention[1])


@pytest.mark.parametrize("method", ["mean-field", "gaussian", "gaussian-plug-in", "microbatch", "quasi-static"])
def test_the_bootstrap_of_the_load_is_carried_to_the_ratio(method):
    lengths = afd.LognormalLengths(200, 400)(np.random.default_rng(3), 2000)
    load = afd.token_load(*lengths, replicates=100)
    p = afd.optimal_ratio(COEFFICIENTS, load=load, method=method)
    low, high = known(p.interval())
    assert low <= p.ratio <= high
    assert low < high
    if method == "mean-field":
        ends = [afd.optimal_ratio(COEFFICIENTS, load=afd.TokenLoad(t, 0.0)).ratio for t in known(load.theta_interval())]
        assert (low, high) == pytest.approx(tuple(ends), rel=1e-6)


def test_a_load_too_uncertain_for_the_tpot_limit_shows_in_the_interval():
    load = afd.TokenLoad(599.0, 0.0, np.array([[theta, 0.0, 0.0] for theta in np.linspace(500, 700, 50)]))
    p = afd.optimal_ratio(COEFFICIENTS, load=load, limits=afd.Limits(tpot=920.0))
    assert known(p.interval())[0] == 0.0
    assert known(p.interval())[1] == pytest.approx(p.ratio_limit, rel=0.05)


def test_describe_explains_the_result_and_labels_illustrative_coefficients():
    load = afd.token_load(*afd.GeometricLengths(100, 500)(np.random.default_rng(0), 2000), replicates=50)
    text = afd.describe(afd.optimal_ratio(COEFFICIENTS, load=load, limits=afd.Limits(tpot=1200.0), ffn_cost=50.0))
    for part in (
        "95 % interval",
        "illustrative, not verified",
        "Regime: ffn",
        "r_peak 15.34",
        "TPOT limit",
        "in us",
        "Not disaggregated",
    ):
        assert part in text


def test_illustrative_coefficients_say_so():
    assert "illustrative" in COEFFICIENTS.label
    assert "not verified" in COEFFICIENTS.label


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 0}, "batch must be at least 1"),
        ({"method": "gausian"}, "did you mean 'gaussian'"),
        ({"microbatches": 0}, r"microbatches must be in 1\.\.256"),
        ({"attention_cost": 0.0}, "attention_cost must be finite and at least 1e-06"),
        ({"ffn_cost": np.inf}, "ffn_cost must be finite"),
    ],
)
def test_bad_options_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        afd.optimal_ratio(COEFFICIENTS, **({"load": GEOMETRIC} | change))


def test_bad_coefficients_are_named():
    good: dict[str, Any] = {"alpha_a": 1, "beta_a": 1, "alpha_c": 1, "beta_c": 1, "alpha_f": 1, "beta_f": 1}
    for name in good:
        with pytest.raises(ValueError, match=f"{name} must be finite and at least 0"):
            afd.Coefficients(**good | {name: -1.0})
    with pytest.raises(ValueError, match="did you mean 'bundle'"):
        afd.Coefficients(**good, comm_per="bundel")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="attention must take some time"):
        afd.Coefficients(**good | {"alpha_a": 0, "beta_a": 0})
    with pytest.raises(ValueError, match="the FFN must take some time"):
        afd.Coefficients(**good | {"alpha_f": 0, "beta_f": 0})
    with pytest.raises(ValueError, match="no finite ratio is best"):
        afd.optimal_ratio(afd.Coefficients(**good | {"alpha_f": 0}), load=GEOMETRIC)

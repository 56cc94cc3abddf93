from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import afd
from brgym.afd.bundle_kernel import Clock, Slots, Tally, Timing, advance
from brgym.study.statistics import paired_ratio
from tests.afd.reference import Request, bundle_ends, simulate, static_cycle

COEFFICIENTS = afd.Coefficients.illustrative()
GEOMETRIC = afd.GeometricLengths(100, 500)
TIMES = st.floats(0, 50)


@st.composite
def bundles(draw):
    """Phase times, requests in service by microbatch, worker and slot, and a schedule."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    output = rng.integers(1, draw(st.integers(2, 12)), shape)
    prompt, age = rng.integers(1, 50, shape), rng.integers(0, output)
    times = draw(st.tuples(TIMES, TIMES, TIMES, TIMES))
    fresh = rng.integers(1, 20, (2, 2000))
    return times, (prompt, output, age), fresh, draw(st.booleans())


def timed(workers, times):
    """Bundles of several sizes whose phases take the same times."""
    alpha_a, beta_a, communication, ffn = times
    workers = np.array(workers)
    return Timing(workers, alpha_a, beta_a, np.full(workers.size, communication), np.full(workers.size, ffn))


def clock_of(timing, microbatches):
    bundles = timing.workers.size
    return Clock(np.zeros((bundles, timing.workers.max())), np.zeros((bundles, microbatches)), np.zeros(bundles))


def run_compiled(timing, in_service, fresh, lockstep, *, cycles, block):
    """Runs the kernel with `block` fresh requests at hand at a time, a row of the tally for each microbatch-step."""
    prompt, output, age = in_service
    end_step = output - age - 1
    slots = Slots((prompt + age).sum(axis=2), end_step, prompt + output, end_step.min(axis=2))
    clock = clock_of(timing, prompt.shape[0])
    tally, used = Tally(*np.zeros((4, cycles, timing.workers.size))), 0
    for k in range(cycles):
        at_hand = fresh[:, used : used + block]
        before = slots.end_tokens.copy(), slots.end_step.copy()
        assert advance(k, k + 1, k, lockstep, timing, slots, clock, tally, *at_hand) == k + 1
        used += int(((slots.end_tokens != before[0]) | (slots.end_step != before[1])).sum())
    return tally


@settings(max_examples=150)
@given(bundles())
def test_the_kernel_equals_the_plain_reference(bundle):
    times, in_service, fresh, lockstep = bundle
    cycles = 40
    prompt, output, age = in_service
    every = range(1, prompt.shape[1] + 1)
    tally = run_compiled(timed(every, times), in_service, fresh, lockstep, cycles=cycles, block=200)
    slots = [
        [
            [Request(*map(int, values)) for values in zip(*worker, strict=True)]
            for worker in zip(*microbatch, strict=True)
        ]
        for microbatch in zip(prompt, output, age, strict=True)
    ]
    trace = simulate(slots, (Request(*map(int, pair)) for pair in fresh.T), times, cycles, lockstep=lockstep)
    loads = np.array([loads for _, loads in trace])
    for i, workers in enumerate(every):
        own = loads[:, :workers]
        ends = bundle_ends(own, times, len(prompt), lockstep=lockstep)
        np.testing.assert_allclose(tally.end[:, i], ends, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(tally.load[:, i], own.sum(axis=1))
        np.testing.assert_array_equal(tally.load_square[:, i], (own**2).sum(axis=1))
        np.testing.assert_allclose(tally.busy[:, i], (times[0] * own + times[1]).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(tally.end[:, -1], [end for end, _ in trace], rtol=1e-12, atol=1e-12)


def test_the_kernel_stops_before_fresh_requests_run_out():
    ones = np.ones((1, 2, 3), dtype=np.int64)
    slots = Slots(3 * ones[..., 0], 0 * ones, 2 * ones, 0 * ones[..., 0])
    timing = timed([2], (1.0, 1.0, 1.0, 1.0))
    clock, tally = clock_of(timing, 1), Tally(*np.zeros((4, 1, 1)))
    fresh = np.ones(20, dtype=np.int64)
    assert advance(0, 10, 0, False, timing, slots, clock, tally, fresh, fresh) == 3


def event_cycle(attention, communication, ffn, microbatches, cycles=600):
    """Mean cycle time of a bundle whose loads never change, from the event recursion in plain Python."""
    return static_cycle(np.ones((microbatches, 1)), (0.0, attention, communication, ffn), cycles)


@settings(max_examples=100)
@given(st.floats(0.1, 50), TIMES, st.floats(0.1, 50), st.integers(1, 6))
def test_microbatch_formula_equals_a_deterministic_event_simulation(attention, communication, ffn, microbatches):
    c = afd.Coefficients(0.0, attention, 0.0, communication, ffn / 2, ffn / 2)
    p = afd.optimal_ratio(c, batch=1, load=afd.TokenLoad(1.0, 0.0), method="microbatch", microbatches=microbatches)
    assert p.cycle_time(1.0) == pytest.approx(event_cycle(attention, communication, ffn, microbatches), rel=2e-3)


def test_an_interval_from_two_noisy_means_stays_within_what_is_possible():
    c = afd.Coefficients(1.0, 0.0, 0.0, 0.0, 0.0, 1e-3)
    q = afd.simulate_bundle(c, afd.GeometricLengths(1, 1000), ratio=1, batch=1, steps=2, intervals=2)
    assert 0 < q.throughput_ci[0] <= q.throughput <= q.throughput_ci[1] <= 0.5 / 1e-3
    assert q.nu_ci[0] >= 0


@pytest.mark.parametrize("microbatches", [1, 2, 3, 5])
def test_without_randomness_the_simulation_is_the_formula(microbatches):
    sampler, load = afd.ConstantLengths(300, 1), afd.TokenLoad.constant(300, 1)
    p = afd.optimal_ratio(COEFFICIENTS, load=load, method="microbatch", microbatches=microbatches)
    for ratio in (1, p.integer, 3 * p.integer):
        q = afd.simulate_bundle(COEFFICIENTS, sampler, ratio=ratio, microbatches=microbatches, steps=200)
        assert q.throughput == pytest.approx(p.throughput(ratio), rel=1e-9)
        assert q.idle_attention == pytest.approx(p.idle_attention(ratio), abs=1e-9)
        assert q.idle_ffn == pytest.approx(p.idle_ffn(ratio), abs=1e-9)


def simulated_best(workload, ratios, **options):
    results = afd.simulate_ratios(COEFFICIENTS, workload, ratios=ratios, steps=40_000, **options)
    return max(results, key=lambda result: result.throughput).ratio


def test_bundles_on_the_same_loads_are_told_apart_where_single_runs_cannot():
    ratios = (9, 10)
    nine, ten = afd.simulate_ratios(COEFFICIENTS, GEOMETRIC, ratios=ratios, steps=40_000)
    throughput = [result.ratio / (result.ratio + 1) / np.array(result.cycle_times) for result in (ten, nine)]
    gain = paired_ratio(*throughput)
    assert gain.mean == pytest.approx(ten.throughput / nine.throughput, rel=1e-4)
    assert gain.low > 1
    assert ten.throughput_ci[0] < nine.throughput_ci[1]
    alone = afd.simulate_bundle(COEFFICIENTS, GEOMETRIC, ratio=10, steps=40_000)
    assert ten == alone
    with pytest.raises(ValueError, match="ratios must hold at least one ratio"):
        afd.simulate_ratios(COEFFICIENTS, GEOMETRIC, ratios=())


@pytest.mark.parametrize(("microbatches", "best"), [(2, {8}), (3, {10}), (4, {9, 10})])
def test_peak_of_the_example_of_v1(microbatches, best):
    """With the illustrative, unverified coefficients; at m = 4 the two ratios differ by 0.4 %."""
    assert simulated_best(GEOMETRIC, range(7, 12), microbatches=microbatches) in best


def test_peak_under_constant_outputs_is_next_to_the_formula():
    assert simulated_best(afd.ConstantLengths(100, 500), range(3, 8)) in {4, 5}


@pytest.mark.parametrize(("ratio", "attention", "ffn"), [(10, 0.067, 0.036), (4, 0.048, 0.417)])
def test_idle_shares_in_lockstep(ratio, attention, ffn):
    q = afd.simulate_bundle(COEFFICIENTS, GEOMETRIC, ratio=ratio, schedule="lockstep")
    assert q.idle_attention == pytest.approx(attention, abs=0.007)
    assert q.idle_ffn == pytest.approx(ffn, abs=0.007)


@pytest.mark.parametrize("ratio", [2, 6, 10, 14])
def test_lockstep_confirms_the_gaussian_barrier(ratio):
    load = afd.TokenLoad.geometric(100, 500, prompt_std=np.sqrt(100 * 99))
    p = afd.optimal_ratio(COEFFICIENTS, load=load, method="gaussian")
    q = afd.simulate_bundle(COEFFICIENTS, GEOMETRIC, ratio=ratio, schedule="lockstep")
    assert q.throughput == pytest.approx(p.throughput(ratio), rel=0.005)


def test_interval_covers_the_mean_of_many_runs_as_often_as_it_says():
    c = afd.Coefficients(1.0, 0.0, 0.0, 1.0, 1.0, 1.0)
    sampler = afd.GeometricLengths(20, 20)
    runs = [afd.simulate_bundle(c, sampler, ratio=4, batch=4, seed=seed, steps=2000) for seed in range(100)]
    truth = np.mean([run.throughput for run in runs])
    assert 0.88 <= np.mean([run.throughput_ci[0] <= truth <= run.throughput_ci[1] for run in runs]) <= 0.995


def test_the_same_seed_gives_the_same_result_and_another_does_not():
    first, again, other = (
        afd.simulate_bundle(COEFFICIENTS, GEOMETRIC, ratio=3, batch=32, steps=500, seed=seed) for seed in (4, 4, 5)
    )
    assert first == again
    assert first.theta != other.theta


def test_a_workload_keeps_the_correlation_of_its_lengths():
    workload = SimpleNamespace(prompt_tokens=np.array([10, 1000]), output_tokens=np.array([10, 300]))
    load = afd.token_load(workload.prompt_tokens, workload.output_tokens)
    q = afd.simulate_bundle(COEFFICIENTS, workload=workload, ratio=2, batch=64)
    assert q.theta == pytest.approx(load.theta, rel=0.01)
    assert q.theta > 1000


def test_a_run_starts_stationary():
    """Even a run far shorter than a request sees the mean load."""
    q = afd.simulate_bundle(COEFFICIENTS, afd.ConstantLengths(1, 10_000), ratio=8, steps=20)
    assert q.theta == pytest.approx(1 + 9_999 / 2, rel=0.02)
    assert q.steps == 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ratio": 0}, "ratio must be at least 1"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"microbatches": 0}, r"microbatches must be in 1\.\.256"),
        ({"steps": 5}, "steps must be at least 20"),
        ({"intervals": 1}, "intervals must be at least 2"),
        ({"schedule": "lockstp"}, "did you mean 'lockstep'"),
        ({"confidence": 1.0}, "confidence must be"),
        ({"workload": SimpleNamespace(prompt_tokens=[1, 2], output_tokens=[1, 0])}, "output_tokens, row 1"),
        (
            {"workload": lambda rng, count: (np.ones(3), np.ones(3))},
            "the sampler was asked for 32768 requests and drew 3",
        ),
    ],
)
def test_bad_parameters_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        afd.simulate_bundle(COEFFICIENTS, **({"workload": GEOMETRIC} | change))


def test_what_is_no_workload_is_refused():
    with pytest.raises(TypeError, match="workload must have prompt_tokens and output_tokens, or be a sampler"):
        afd.simulate_bundle(COEFFICIENTS, [1, 2, 3])  # type: ignore[arg-type]


def test_a_simulation_leaves_the_workload_alone():
    workload = SimpleNamespace(prompt_tokens=np.array([10, 20]), output_tokens=np.array([5, 6]))
    before = deepcopy(workload)
    afd.simulate_bundle(COEFFICIENTS, workload, ratio=1, batch=2, steps=50)
    np.testing.assert_array_equal(workload.prompt_tokens, before.prompt_tokens)
    np.testing.assert_array_equal(workload.output_tokens, before.output_tokens)

"""A bundle of attention workers and one FFN server, simulated request by request, to check the formulas against."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from scipy.special import stdtrit

from brgym._checks import check_choice, check_integer, check_real, check_seed, check_type, shown
from brgym.afd._types import FloatArray, Interval
from brgym.afd.bundle_kernel import Clock, Slots, Tally, Timing, advance
from brgym.afd.coefficients import Coefficients
from brgym.afd.ranges import MAX_COUNT, MAX_MICROBATCHES, MAX_SLOTS, MAX_STEPS
from brgym.afd.requests import Lengths, RequestStream, Sampler

Schedule = Literal["pipelined", "lockstep"]

_LIFETIMES = 100
"""Default length of a run in mean lifetimes of the requests in service, the time over which loads decorrelate."""

_SHORTEST_RUN_STEPS = 2000

_WARM_UP_STEPS = 20
"""Loads are stationary from the start; only the pipeline has to fill, which takes a few steps of each microbatch."""

_FRESH_REQUESTS = 16_384
"""Fewest fresh requests drawn at a time."""


@dataclass(frozen=True)
class BundleResult:
    """What a simulated bundle did; intervals are from batch means.

    Attributes:
        throughput: Tokens per unit of time and instance, `r B / ((r + 1) tau)`, in the coefficients' unit of time.
        throughput_ci: Its confidence interval.
        cycle_time: Mean time from one microbatch to the next.
        idle_attention: Share of their time in which attention workers wait.
        idle_ffn: Share of its time in which the FFN server waits.
        theta: Mean load of a slot, in tokens.
        theta_ci: Its confidence interval.
        nu: Standard deviation of a worker's load over the square root of its slots, in tokens.
        nu_ci: Its confidence interval.
        ratio: Attention workers.
        batch: Requests of one worker in one microbatch.
        microbatches: Microbatches in flight.
        steps: Measured decode steps of each microbatch.
        cycle_times: `cycle_time` of each interval of the run, by which bundles on the same loads are compared.
    """

    throughput: float
    throughput_ci: Interval
    cycle_time: float
    idle_attention: float
    idle_ffn: float
    theta: float
    theta_ci: Interval
    nu: float
    nu_ci: Interval
    ratio: int
    batch: int
    microbatches: int
    steps: int
    cycle_times: tuple[float, ...] = field(repr=False)


def simulate_bundle(
    coefficients: Coefficients,
    workload: Lengths | Sampler,
    *,
    ratio: int = 8,
    batch: int = 256,
    microbatches: int = 3,
    steps: int | None = None,
    schedule: Schedule = "pipelined",
    intervals: int = 20,
    confidence: float = 0.95,
    seed: int = 0,
) -> BundleResult:
    """Simulates one bundle whose slots are refilled at once, from a stationary start.

    A microbatch visits, in every decode step, the attention workers, the FFN server and the attention workers again;
    `"pipelined"` starts each phase as soon as its server and the microbatch are there, `"lockstep"` lets all phases end
    together, as the mean-field and Gaussian formulas have it.

    Args:
        coefficients: Latency coefficients.
        workload: A workload, whose requests are resampled with replacement, prompt and output together, or a sampler
            `(rng, count) -> (prompt_tokens, output_tokens)`.
        ratio: Attention workers.
        batch: Requests of one worker in one microbatch.
        microbatches: Microbatches in flight.
        steps: Measured decode steps of each microbatch, rounded down to a multiple of `intervals`. Default: 100 mean
            lifetimes of the requests in service, over which loads decorrelate, but at least 2000.
        schedule: How the phases follow each other.
        intervals: Intervals of the run, each from a stationary start of its own, whose means give the confidence
            intervals.
        confidence: Confidence of the intervals.
        seed: Seed of all draws; the same seed gives the same result, bit for bit.

    Raises:
        TypeError: If a parameter is of the wrong type, or `workload` neither a workload nor a sampler.
        ValueError: If a parameter is out of its range or the workload yields bad lengths.
    """
    ratio = check_integer("ratio", ratio, minimum=1, maximum=MAX_COUNT)
    (result,) = simulate_ratios(
        coefficients,
        workload,
        ratios=(ratio,),
        batch=batch,
        microbatches=microbatches,
        steps=steps,
        schedule=schedule,
        intervals=intervals,
        confidence=confidence,
        seed=seed,
    )
    return result


def simulate_ratios(
    coefficients: Coefficients,
    workload: Lengths | Sampler,
    *,
    ratios: Sequence[int],
    batch: int = 256,
    microbatches: int = 3,
    steps: int | None = None,
    schedule: Schedule = "pipelined",
    intervals: int = 20,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[BundleResult]:
    """Simulates bundles of several ratios on the same loads, so that they can be told apart by much shorter runs.

    The loads of a worker do not depend on when its steps are, so one run of the largest bundle serves all: a bundle of
    r workers has the first r of them (common random numbers). Compare results interval by interval (`cycle_times`).

    Args:
        coefficients: Latency coefficients.
        workload: As in `simulate_bundle`.
        ratios: Attention workers of each bundle.
        batch: As in `simulate_bundle`, and so are the others.
        microbatches: Microbatches in flight.
        steps: Measured decode steps of each microbatch.
        schedule: How the phases follow each other.
        intervals: Intervals of the run.
        confidence: Confidence of the intervals.
        seed: Seed of all draws; a bundle's loads depend on the largest ratio too.

    Returns:
        A result a ratio, in order.

    Raises:
        TypeError: If a parameter is of the wrong type, or `workload` neither a workload nor a sampler.
        ValueError: If a parameter is out of its range or the workload yields bad lengths.
    """
    check_type("coefficients", coefficients, Coefficients)
    ratios = check_ratios(ratios)
    batch = check_integer("batch", batch, minimum=1, maximum=MAX_COUNT)
    microbatches = check_integer("microbatches", microbatches, minimum=1, maximum=MAX_MICROBATCHES)
    if microbatches * max(ratios) * batch > MAX_SLOTS:
        raise ValueError(
            f"microbatches x ratio x batch must be at most {MAX_SLOTS}, got {microbatches} x {max(ratios)} x {batch}"
        )
    intervals = check_integer("intervals", intervals, minimum=2, maximum=MAX_STEPS)
    check_choice("schedule", schedule, get_args(Schedule))
    confidence = check_real("confidence", confidence, minimum=0.0, maximum=1.0 - 1e-12, exclusive=True)
    stream = RequestStream(workload, np.random.default_rng(check_seed("seed", seed)))
    if steps is None:
        steps = max(_SHORTEST_RUN_STEPS, round(_LIFETIMES * stream.mean_lifetime_in_service()))
    per_interval = check_integer("steps", steps, minimum=intervals, maximum=MAX_STEPS) // intervals
    timing = Timing(
        np.array(ratios, dtype=np.int64),
        coefficients.alpha_a,
        coefficients.beta_a,
        np.array([float(coefficients.communication_time(ratio, batch)) for ratio in ratios]),
        np.array([float(coefficients.ffn_time(ratio, batch)) for ratio in ratios]),
    )
    shape = (microbatches, max(ratios), batch)
    tally = _run(stream, timing, shape, per_interval, intervals, lockstep=schedule == "lockstep")
    return [_summary(tally, timing, i, shape, per_interval, confidence) for i in range(len(ratios))]


def check_ratios(ratios: Sequence[int]) -> list[int]:
    """Returns ratios as a list of ints.

    Raises:
        TypeError: If they are not a sequence of whole numbers.
        ValueError: If there is none, or one is not in 1..2**31 - 1.
    """
    if isinstance(ratios, str | bytes) or not hasattr(ratios, "__len__") or np.ndim(ratios) == 0:
        raise TypeError(f"ratios must be a sequence of whole numbers, got {shown(ratios)}")
    checked = [check_integer("ratios", ratio, minimum=1, maximum=MAX_COUNT) for ratio in ratios]
    if not checked:
        raise ValueError("ratios must hold at least one ratio")
    return checked


def _run(
    stream: RequestStream, timing: Timing, shape: tuple[int, int, int], steps: int, intervals: int, *, lockstep: bool
) -> Tally:
    """Runs a warm-up and `intervals` intervals of `steps` steps of each microbatch.

    Every interval finds the slots in a fresh stationary state while the clocks run on. That makes the intervals
    independent, even where loads never decorrelate: under constant outputs every slot repeats itself for ever.
    """
    microbatches, workers, batch = shape
    bundles = timing.workers.size
    clock = Clock(np.zeros((bundles, workers)), np.zeros((bundles, microbatches)), np.zeros(bundles))
    tally = Tally(*np.zeros((4, intervals + 1, bundles)))
    for row in range(intervals + 1):
        slots = _stationary_slots(stream, shape)
        done, last = 0, microbatches * (steps if row else _WARM_UP_STEPS)
        while done < last:
            fresh = stream.draw(max(_FRESH_REQUESTS, 2 * workers * batch))
            done = advance(done, last, row, lockstep, timing, slots, clock, tally, *fresh)
    return tally


def _stationary_slots(stream: RequestStream, shape: tuple[int, int, int]) -> Slots:
    """Fills all slots with requests in mid-service, shape (microbatches, workers, batch)."""
    prompt, output, age = (lengths.reshape(shape) for lengths in stream.draw_in_service(math.prod(shape)))
    end_step = output - age - 1
    return Slots((prompt + age).sum(axis=2), end_step, prompt + output, end_step.min(axis=2))


def _summary(
    tally: Tally, timing: Timing, i: int, shape: tuple[int, int, int], per_interval: int, confidence: float
) -> BundleResult:
    microbatches, _, batch = shape
    workers, ffn = int(timing.workers[i]), float(timing.ffn[i])
    cycles = per_interval * microbatches
    cycle_times = np.diff(tally.end[:, i]) / cycles
    loads, squares = tally.load[1:, i] / (cycles * workers), tally.load_square[1:, i] / (cycles * workers)
    mean_load = loads.mean()
    variances = squares - 2 * mean_load * loads + mean_load**2
    # No cycle is shorter than the FFN's part in it, and no variance is below zero: the intervals end there.
    cycle = np.maximum(ffn, _mean_and_interval(cycle_times, confidence))
    throughput, most, least = workers * batch / ((workers + 1) * cycle)
    theta = _mean_and_interval(loads, confidence) / batch
    nu = np.sqrt(np.maximum(0.0, _mean_and_interval(variances, confidence)) / batch)
    return BundleResult(
        throughput=float(throughput),
        throughput_ci=(float(least), float(most)),
        cycle_time=float(cycle[0]),
        idle_attention=float(1 - tally.busy[1:, i].mean() / (workers * cycles * cycle[0])),
        idle_ffn=float(1 - ffn / cycle[0]),
        theta=float(theta[0]),
        theta_ci=(float(theta[1]), float(theta[2])),
        nu=float(nu[0]),
        nu_ci=(float(nu[1]), float(nu[2])),
        ratio=workers,
        batch=batch,
        microbatches=microbatches,
        steps=per_interval * cycle_times.size,
        cycle_times=tuple(cycle_times.tolist()),
    )


def _mean_and_interval(values: FloatArray, confidence: float) -> FloatArray:
    """Mean, lower and upper end of its Student interval."""
    reach = float(stdtrit(values.size - 1, (1 + confidence) / 2) * values.std(ddof=1) / np.sqrt(values.size))
    mean = float(values.mean())
    return np.array([mean, mean - reach, mean + reach])

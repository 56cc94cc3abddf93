"""Honest statistics over paired seeds: a mean, a difference and a ratio, each with its confidence interval.

An interval is Student's t over the seeds, or, where asked for, the studentised bootstrap of
`brgym.study.resampling`; docs/studies.md says which to take when. One seed says nothing about the spread, so its
interval is NaN. The interval speaks of what the seeds vary and of nothing else: with a fixed trace that is the
policy's own randomness.

Each function exists for one sample and, in the plural, for arrays whose last axis are the seeds.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from brgym._checks import check_choice, check_real, shown
from brgym.cluster import Reals, recovered
from brgym.study.resampling import MIN_SEEDS, studentised_interval

CONFIDENCE = 0.95
"""Probability with which an interval is meant to hold the true value."""

Method = Literal["student-t", "bootstrap"]
"""How an interval of a mean is found; "bootstrap" is the studentised one."""

METHODS: tuple[Method, ...] = ("student-t", "bootstrap")


@dataclass(frozen=True)
class Estimate:
    """A figure estimated from several seeds.

    Attributes:
        mean: The estimate, in the unit of the values; NaN where a value is not finite.
        low: Lower end of the confidence interval; NaN from fewer than two seeds.
        high: Upper end of the same.
        seeds: Number of values that the estimate rests on.
        method: What the interval is: a `Method`, or "stratified-bootstrap" (`brgym.study.aggregate`).
    """

    mean: float
    low: float
    high: float
    seeds: int
    method: str = "student-t"

    @property
    def half_width(self) -> float:
        """Half the length of the interval: what stands behind a ±."""
        return (self.high - self.low) / 2

    def excludes(self, value: float) -> bool:
        """Whether there is an interval and it leaves `value` out."""
        return self.low > value or self.high < value


@dataclass(frozen=True, eq=False)
class Estimates:
    """Many estimates from the same number of seeds; `estimates[index]` is one of them.

    Attributes:
        mean: The estimates, shape (...).
        low: Lower ends of the confidence intervals, same shape.
        high: Upper ends of the same.
        seeds: Number of values that each rests on.
        method: As in `Estimate`.
    """

    mean: Reals
    low: Reals
    high: Reals
    seeds: int
    method: str

    def __getitem__(self, index: int | tuple[int, ...]) -> Estimate:
        """The estimate at a full index, () where there is but one.

        Raises:
            IndexError: If there is none.
        """
        mean, low, high = (float(part[index]) for part in (self.mean, self.low, self.high))
        return Estimate(mean, low, high, self.seeds, self.method)


def mean_interval(
    values: npt.ArrayLike, *, confidence: float = CONFIDENCE, method: Method = "student-t", seed: int = 0
) -> Estimate:
    """The mean with its interval.

    Args:
        values: One value a seed, shape (seeds,).
        confidence: Probability of the interval, between 0 and 1.
        method: "student-t" or "bootstrap", the studentised one. From fewer than `resampling.MIN_SEEDS` seeds
            Student's t stands in for the bootstrap, and the estimate says so.
        seed: Seed of the bootstrap's resamples.

    Raises:
        ValueError: If there is no value, `values` is not one-dimensional, `confidence` is out of range, or there is no
            such `method`.
    """
    return mean_intervals(_one("values", values), confidence=confidence, method=method, seed=seed)[()]


def paired_difference(
    values: npt.ArrayLike,
    reference: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    method: Method = "student-t",
    seed: int = 0,
) -> Estimate:
    """The mean of `values - reference`, with the interval of the differences seed by seed.

    What both have in common, such as a seed's heavier workload, cancels.

    Args:
        values: One value a seed, shape (seeds,).
        reference: The reference's values under the same seeds, in the same order.
        confidence: As in `mean_interval`.
        method: As in `mean_interval`.
        seed: As in `mean_interval`.

    Raises:
        ValueError: If the shapes differ, or as `mean_interval`.
    """
    sample, base = _one("values", values), _one("reference", reference)
    return paired_differences(sample, base, confidence=confidence, method=method, seed=seed)[()]


def paired_ratio(
    values: npt.ArrayLike,
    reference: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    method: Method = "student-t",
    seed: int = 0,
) -> Estimate:
    """The geometric mean of `values / reference`, with the interval of the logarithms of the ratios.

    Our choice, over Fieller's interval for a ratio of means and over a bootstrap of it: it keeps the pairing, swapping
    the two inverts the result, the interval cannot reach below zero, and a handful of seeds suffices.

    Args:
        values: One value a seed, shape (seeds,).
        reference: The reference's values under the same seeds, in the same order.
        confidence: As in `mean_interval`.
        method: As in `mean_interval`.
        seed: As in `mean_interval`.

    Returns:
        The estimate; NaN where a value is not above zero, since there is no such ratio.

    Raises:
        ValueError: If the shapes differ, or as `mean_interval`.
    """
    sample, base = _one("values", values), _one("reference", reference)
    return paired_ratios(sample, base, confidence=confidence, method=method, seed=seed)[()]


def recovered_share(
    values: npt.ArrayLike,
    reference: npt.ArrayLike,
    bound: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    method: Method = "student-t",
    seed: int = 0,
) -> Estimate:
    """The effect against the largest possible one: the mean share of the recoverable gain that a policy realises.

    Seed by seed `brgym.cluster.recovered`, for a figure that has a lower bound: `envelope_token_steps` or `makespan_s`.

    Args:
        values: One value a seed, shape (seeds,).
        reference: The reference's values under the same seeds, in the same order.
        bound: The lower bound (`brgym.cluster.lower_bound`) of each seed's workload on the same cluster.
        confidence: As in `mean_interval`.
        method: As in `mean_interval`.
        seed: As in `mean_interval`.

    Returns:
        The estimate: 1 is the bound itself, 0 the reference; NaN where the reference attains the bound in some seed, so
        that there is nothing to recover.

    Raises:
        ValueError: If the shapes differ, if a value lies below its bound, so that it is none, or as `mean_interval`.
    """
    sample, base = _pair(_one("values", values), _one("reference", reference))
    floor = _one("bound", bound)
    if len(floor) != len(sample):
        raise ValueError(f"bound must have one value for each of the {len(sample)} seeds, got {len(floor)}")
    for name, figures in (("values", sample), ("reference", base)):
        below = np.flatnonzero(figures < floor - 1e-9 * np.abs(floor))  # the slack is for bounds in seconds: rounding
        if len(below):
            place = below[0]
            raise ValueError(f"{name}[{place}] is {figures[place]:g}, below its lower bound {floor[place]:g}")
    shares = [recovered(*run) for run in zip(base, sample, floor, strict=True)]
    return mean_interval(shares, confidence=confidence, method=method, seed=seed)


def mean_intervals(
    values: npt.ArrayLike, *, confidence: float = CONFIDENCE, method: Method = "student-t", seed: int = 0
) -> Estimates:
    """As `mean_interval`, of many samples: values of shape (..., seeds) give estimates of shape (...)."""
    check_choice("method", method, METHODS)
    level = check_real("confidence", confidence, minimum=0.0, maximum=1.0, exclusive=True)
    samples = _many("values", values)
    seeds = samples.shape[-1]
    finite = np.isfinite(samples).all(axis=-1, keepdims=True)
    samples = np.where(finite, samples, math.nan)
    mean = samples.mean(axis=-1)
    if method == "bootstrap" and seeds >= MIN_SEEDS:
        low, high = studentised_interval(samples, confidence=level, seed=seed)
        return Estimates(mean, low, high, seeds, "bootstrap")
    if seeds < 2:
        nothing = np.full(mean.shape, math.nan)
        return Estimates(mean, nothing, nothing, seeds, "student-t")
    half = float(stdtrit(seeds - 1, (1 + level) / 2)) * samples.std(axis=-1, ddof=1) / math.sqrt(seeds)
    return Estimates(mean, mean - half, mean + half, seeds, "student-t")


def paired_differences(values: npt.ArrayLike, reference: npt.ArrayLike, **options: Any) -> Estimates:
    """As `paired_difference`, of many samples.

    Args:
        values: Shape (..., seeds).
        reference: A shape that broadcasts to that of `values`, such as (settings, 1, seeds) to (settings, policies,
            seeds); the seeds must be as many.
        **options: Those of `mean_interval`.
    """
    sample, base = _pair(_many("values", values), _many("reference", reference))
    return mean_intervals(sample - base, **options)


def paired_ratios(values: npt.ArrayLike, reference: npt.ArrayLike, **options: Any) -> Estimates:
    """As `paired_ratio`, of many samples; arguments as `paired_differences`."""
    found = mean_intervals(log_ratios(values, reference), **options)
    mean, low, high = np.exp(found.mean), np.exp(found.low), np.exp(found.high)
    return Estimates(mean, low, high, found.seeds, found.method)


def log_ratios(values: npt.ArrayLike, reference: npt.ArrayLike) -> Reals:
    """Natural logarithms of `values / reference`, NaN where a value is not above zero; shapes as `paired_differences`.

    Raises:
        ValueError: If the shapes do not fit.
    """
    sample, base = np.broadcast_arrays(*_pair(_many("values", values), _many("reference", reference)))
    logarithms = np.full(sample.shape, math.nan)
    above_zero = (sample > 0) & (base > 0)
    logarithms[above_zero] = np.log(sample[above_zero] / base[above_zero])
    return logarithms


def _pair(sample: Reals, base: Reals) -> tuple[Reals, Reals]:
    seeds = sample.shape[-1]
    if base.shape[-1] != seeds:
        raise ValueError(f"reference must have one value for each of the {seeds} seeds, got {base.shape[-1]}")
    try:
        fits = np.broadcast_shapes(sample.shape, base.shape) == sample.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"reference must have a shape that broadcasts to {sample.shape}, got {base.shape}")
    return sample, base


def _one(name: str, values: npt.ArrayLike) -> Reals:
    sample = _reals(name, values)
    if sample.ndim != 1 or len(sample) == 0:
        raise ValueError(f"{name} must be a one-dimensional array of at least one value, got shape {sample.shape}")
    return sample


def _many(name: str, values: npt.ArrayLike) -> Reals:
    samples = _reals(name, values)
    if samples.ndim == 0 or samples.shape[-1] == 0:
        raise ValueError(f"{name} must be an array whose last axis has at least one seed, got shape {samples.shape}")
    return samples


def _reals(name: str, values: npt.ArrayLike) -> Reals:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be an array of real numbers, got {shown(values)}") from None

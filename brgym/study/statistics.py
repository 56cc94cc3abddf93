"""Honest statistics over paired seeds: a mean, a difference and a ratio, each with its confidence interval.

Every interval is Student's t over the seeds. One seed says nothing about the spread, so its interval is NaN. The
interval speaks of what the seeds vary and of nothing else: with a fixed trace that is the policy's own randomness.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from brgym._checks import check_real, shown

CONFIDENCE = 0.95
"""Probability with which an interval is meant to hold the true value."""


@dataclass(frozen=True)
class Estimate:
    """A figure estimated from several seeds.

    Attributes:
        mean: The estimate, in the unit of the values; NaN where a value is not finite.
        low: Lower end of the confidence interval; NaN from fewer than two seeds.
        high: Upper end of the same.
        seeds: Number of values that the estimate rests on.
    """

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def half_width(self) -> float:
        """Half the length of the interval: what stands behind a ±."""
        return (self.high - self.low) / 2


def mean_interval(values: npt.ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean with Student's t interval.

    Args:
        values: One value a seed, shape (seeds,).
        confidence: Probability of the interval, between 0 and 1.

    Raises:
        ValueError: If there is no value, `values` is not one-dimensional, or `confidence` is out of range.
    """
    sample = _sample("values", values)
    level = check_real("confidence", confidence, minimum=0.0, maximum=1.0, exclusive=True)
    count = len(sample)
    mean = float(sample.mean()) if np.isfinite(sample).all() else math.nan
    if count < 2 or math.isnan(mean):
        return Estimate(mean, math.nan, math.nan, count)
    half = float(stdtrit(count - 1, (1 + level) / 2)) * float(sample.std(ddof=1)) / math.sqrt(count)
    return Estimate(mean, mean - half, mean + half, count)


def paired_difference(values: npt.ArrayLike, reference: npt.ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of `values - reference`, with Student's t interval on the differences seed by seed.

    What both have in common, such as a seed's heavier workload, cancels.

    Args:
        values: One value a seed, shape (seeds,).
        reference: The reference's values under the same seeds, in the same order.
        confidence: Probability of the interval, between 0 and 1.

    Raises:
        ValueError: If the shapes differ, or as `mean_interval`.
    """
    sample, base = _pair(values, reference)
    return mean_interval(sample - base, confidence=confidence)


def paired_ratio(values: npt.ArrayLike, reference: npt.ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """The geometric mean of `values / reference`, with Student's t interval on the logarithms of the ratios.

    Our choice, over Fieller's interval for a ratio of means and over a bootstrap: it keeps the pairing, swapping the
    two inverts the result exactly, the interval cannot reach below zero, and a handful of seeds suffices.

    Args:
        values: One value a seed, shape (seeds,).
        reference: The reference's values under the same seeds, in the same order.
        confidence: Probability of the interval, between 0 and 1.

    Returns:
        The estimate; NaN where a value is not above zero, since there is no such ratio.

    Raises:
        ValueError: If the shapes differ, or as `mean_interval`.
    """
    sample, base = _pair(values, reference)
    logarithms = np.full(len(sample), math.nan)
    above_zero = (sample > 0) & (base > 0)
    logarithms[above_zero] = np.log(sample[above_zero] / base[above_zero])
    log = mean_interval(logarithms, confidence=confidence)
    mean, low, high = np.exp([log.mean, log.low, log.high])
    return Estimate(float(mean), float(low), float(high), log.seeds)


def _pair(values: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    sample, base = _sample("values", values), _sample("reference", reference)
    if len(sample) != len(base):
        raise ValueError(f"reference must have one value for each of the {len(sample)} seeds, got {len(base)}")
    return sample, base


def _sample(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        sample = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be an array of real numbers, got {shown(values)}") from None
    if sample.ndim != 1 or len(sample) == 0:
        raise ValueError(f"{name} must be a one-dimensional array of at least one value, got shape {sample.shape}")
    return sample

"""Many settings at once: the interquartile mean and the performance profile of ratios to a reference.

After Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice" (rliable). Each
policy's figure is normalised to the reference's in the same setting under the same seed; the interquartile mean is over
settings x seeds, and a profile says in which share of them the ratio stays at or below a threshold. Intervals come from
a stratified bootstrap: seeds are drawn anew within each setting, the settings stay. So they speak of these settings,
and not of others that might have been chosen.

Ours, beside rliable's percentile interval: within a setting of n seeds, resamples spread too little, by the factor
sqrt((n - 1) / n), and more settings do not help. The distances from the estimate are widened by as much
(`python -m tests.study.coverage` shows both).
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap, trim_mean

from brgym._checks import check_integer, check_real
from brgym.cluster import Reals
from brgym.study.statistics import CONFIDENCE, Estimates, log_ratios

RESAMPLES = 2_000
"""Resamples of a stratified interval."""

_BLOCK = 2**22
"""Most values that stand in memory at once, a few times over."""


def ratios_to(values: npt.ArrayLike, reference: int) -> Reals:
    """Each value over that of the reference policy in the same setting under the same seed.

    Args:
        values: One figure, shape (settings, policies, seeds).
        reference: Index of the reference among the policies.

    Returns:
        Same shape; NaN where one of the two is not above zero.

    Raises:
        ValueError: If the shape is another, or there is no such policy.
    """
    figures = _cube("values", values)
    place = check_integer("reference", reference, minimum=0, maximum=figures.shape[1] - 1)
    return np.asarray(np.exp(log_ratios(figures, figures[:, place : place + 1])))


def interquartile_mean(
    ratios: npt.ArrayLike, *, confidence: float = CONFIDENCE, seed: int = 0, resamples: int = RESAMPLES
) -> Estimates:
    """The mean of the middle half of all settings x seeds: a quarter is cut off either end, rounded down.

    Less moved by a single odd setting than the mean, and of less spread than the median.

    Args:
        ratios: Shape (settings, policies, seeds).
        confidence: Probability of the interval, between 0 and 1.
        seed: Seed of the resamples.
        resamples: Their number.

    Returns:
        One estimate a policy, shape (policies,); no interval from one seed, NaN where a ratio is not finite.

    Raises:
        ValueError: If the shape is another, or an option is out of range.
    """
    return _estimates(_cube("ratios", ratios), _trimmed_mean, confidence, seed, resamples)


def performance_profile(
    ratios: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimates:
    """The share of all settings x seeds in which the ratio is at most a threshold, P(ratio <= tau).

    For a figure that is better when small, the higher curve is the better policy. The intervals hold for each threshold
    alone, not for the whole curve; they have no length where all seeds of each setting are on the same side.

    Args:
        ratios: Shape (settings, policies, seeds).
        thresholds: Shape (thresholds,), finite.
        confidence: As in `interquartile_mean`.
        seed: As in `interquartile_mean`.
        resamples: As in `interquartile_mean`.

    Returns:
        Shape (policies, thresholds).

    Raises:
        ValueError: As in `interquartile_mean`, or if the thresholds are no such array.
    """
    figures, levels = _cube("ratios", ratios), np.asarray(thresholds, dtype=np.float64)
    if levels.ndim != 1 or len(levels) == 0 or not np.isfinite(levels).all():
        raise ValueError(f"thresholds must be a one-dimensional array of finite numbers, got {thresholds!r}")
    within = np.where(np.isnan(figures[..., None, :]), math.nan, figures[..., None, :] <= levels[:, None])
    found = _estimates(within, _mean, confidence, seed, resamples)
    low, high = np.clip(found.low, 0.0, 1.0), np.clip(found.high, 0.0, 1.0)  # the widening may lead out of 0..1
    return Estimates(found.mean, low, high, found.seeds, found.method)


def _estimates(
    figures: Reals, statistic: Callable[..., Reals], confidence: float, seed: int, resamples: int
) -> Estimates:
    """The statistic over the first and last axis of (settings, ..., seeds), with its interval, shape (...)."""
    level = check_real("confidence", confidence, minimum=0.0, maximum=1.0, exclusive=True)
    count = check_integer("resamples", resamples, minimum=1)
    seeds = figures.shape[-1]
    finite = np.asarray(np.isfinite(figures).all(axis=(0, -1), keepdims=True))
    strata = tuple(np.where(finite, figures, 0.0))
    middle = np.where(finite[0, ..., 0], statistic(*strata, axis=-1), math.nan)
    if seeds < 2:
        nothing = np.full(middle.shape, math.nan)
        return Estimates(middle, nothing, nothing, seeds, "stratified-bootstrap")
    drawn = bootstrap(
        strata,
        statistic,
        n_resamples=count,
        batch=max(1, _BLOCK // figures.size),
        vectorized=True,
        axis=-1,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    widened = math.sqrt(seeds / (seeds - 1))
    low, high = (middle + widened * (end - middle) for end in (drawn.low, drawn.high))
    return Estimates(middle, low, high, seeds, "stratified-bootstrap")


def _trimmed_mean(*strata: Reals, axis: int) -> Reals:
    return np.asarray(trim_mean(np.concatenate(strata, axis=axis), 0.25, axis=axis))


def _mean(*strata: Reals, axis: int) -> Reals:
    return np.asarray(np.mean([stratum.mean(axis=axis) for stratum in strata], axis=0))


def _cube(name: str, values: npt.ArrayLike) -> Reals:
    figures = np.asarray(values, dtype=np.float64)
    if figures.ndim != 3 or figures.size == 0:
        raise ValueError(f"{name} must have the shape (settings, policies, seeds), none empty, got {figures.shape}")
    return figures

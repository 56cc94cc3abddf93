"""Many policies against one reference: tests of the paired differences, and Holm's correction for their number.

With ten policies that are no better than the reference, some test at 5 % finds a "difference" in three studies of ten
(docs/studies.md). Holm's step-down procedure keeps the probability of a single false claim, over all of them together,
at 5 %, whatever the policies have in common, and never claims less than Bonferroni's.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from brgym.cluster import Reals
from brgym.study.statistics import CONFIDENCE, paired_differences

LEVEL = 0.05
"""Probability of a false claim that a study may run, over all its policies together."""

NO_SPREAD = 1e-12
"""Differences whose interval is shorter than this share of the values are equal but for rounding."""


def paired_p_values(values: npt.ArrayLike, reference: npt.ArrayLike) -> Reals:
    """Two-sided p-values of the paired t test of no difference.

    Student's t, whatever stands as interval: under the hypothesis tested, that two policies are alike, a difference is
    as often positive as negative, and for symmetric differences the test keeps its level from 5 seeds on; where they
    have heavy tails it errs on the safe side. A permutation of signs, which assumes less, cannot go below
    p = 2 / 2**seeds: 0.06 at 5 seeds.

    Args:
        values: Shape (..., seeds).
        reference: As in `paired_differences`.

    Returns:
        Shape (...). NaN where nothing can be tested: from one seed, where a value is not finite, and where all seeds
        give the same difference, so that they vary nothing.

    Raises:
        ValueError: If the shapes do not fit.
    """
    found = paired_differences(values, reference)
    sample, base = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    size = np.maximum(np.abs(sample), np.abs(base)).max(axis=-1)
    half = (found.high - found.low) / 2
    statistic = np.full(found.mean.shape, np.nan)
    testable = half > NO_SPREAD * size  # False for NaN
    error = half[testable] / stdtrit(found.seeds - 1, (1 + CONFIDENCE) / 2)
    statistic[testable] = np.abs(found.mean[testable]) / error
    return np.asarray(2 * stdtr(found.seeds - 1, -statistic))


def holm(p_values: npt.ArrayLike) -> Reals:
    """Holm's (1979) adjusted p-values: a claim stands at a family-wise level where its own is at most that level.

    Args:
        p_values: One a policy, shape (..., policies); NaN where a policy was not tested, as the reference. It stays so
            and does not count (our choice).

    Returns:
        Adjusted p-values, same shape, each at least the one given and at most 1.

    Raises:
        ValueError: If one lies outside 0..1.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim == 0 or np.any((given < 0) | (given > 1)):
        raise ValueError(f"p_values must be an array of numbers in 0..1, got {p_values!r}")
    order = np.argsort(given, axis=-1)  # NaN comes last
    ordered = np.take_along_axis(given, order, axis=-1)
    remaining = (~np.isnan(given)).sum(axis=-1, keepdims=True) - np.arange(given.shape[-1])
    raised = np.minimum(1.0, np.maximum.accumulate(ordered * remaining, axis=-1))
    adjusted = np.empty_like(given)
    np.put_along_axis(adjusted, order, raised, axis=-1)
    return adjusted


def next_level(adjusted: npt.ArrayLike, *, level: float = LEVEL) -> float:
    """The level that the next difference would have to meet, given those that stand: `level` / how many do not.

    Args:
        adjusted: What `holm` gave, shape (policies,).
        level: The family-wise level.
    """
    tested = np.asarray(adjusted, dtype=np.float64)
    open_claims = int((tested > level).sum())
    return level / max(1, open_claims)

"""One setting, one figure, a row a policy: what a table in a terminal, a report or a page of documentation shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brgym._checks import check_choice, check_real
from brgym.cluster import Reals
from brgym.study.multiplicity import LEVEL, holm, next_level, paired_p_values
from brgym.study.power import seeds_note
from brgym.study.statistics import (
    CONFIDENCE,
    Estimate,
    Method,
    mean_interval,
    paired_difference,
    paired_ratio,
    recovered_share,
)


@dataclass(frozen=True, kw_only=True)
class PolicySummary:
    """What the seeds say of one policy against the reference.

    Attributes:
        policy: Its name.
        is_reference: Whether it is the reference itself, for which there is nothing to test.
        mean: Mean over the seeds.
        ratio: Ratio to the reference, a geometric mean.
        difference: Difference to the reference.
        recovered: Share of the recoverable gain that it realises; None where no bound was given.
        p_value: Of the paired t test of no difference, on its own; NaN where nothing can be tested.
        p_holm: The same, adjusted for all policies of the table.
        stands: Whether the difference may be claimed: `p_holm` is at most the family-wise level, and the interval of
            the difference leaves out 0 (our choice: nobody is told of a difference whose own interval doubts it).
        note: Why it does not stand and how many seeds would do; empty where it stands, and for the reference.
    """

    policy: str
    is_reference: bool
    mean: Estimate
    ratio: Estimate
    difference: Estimate
    recovered: Estimate | None
    p_value: float
    p_holm: float
    stands: bool
    note: str


def summarise(
    values: Mapping[str, npt.ArrayLike],
    reference: str,
    *,
    bound: npt.ArrayLike | None = None,
    smallest: float | None = None,
    confidence: float = CONFIDENCE,
    level: float = LEVEL,
    method: Method = "bootstrap",
    seed: int = 0,
) -> tuple[PolicySummary, ...]:
    """All policies against one reference, with Holm's correction for their number.

    Args:
        values: The figure of each policy, one value a seed, shape (seeds,), all under the same seeds in the same order;
            NaN where a run came to nothing. A policy is compared under the seeds that it and the reference have, and
            its estimates say how many those are.
        reference: Name of the policy to compare with.
        bound: Lower bound of the figure for each seed's workload, shape (seeds,), where one is known
            (`statistics.recovered_share`).
        smallest: The smallest difference of interest, in the unit of the values (`power.seeds_note`).
        confidence: Probability of each interval, between 0 and 1; not adjusted for the number of policies.
        level: Family-wise level of the claims, between 0 and 1.
        method: How intervals are found, as in `mean_interval`.
        seed: Seed of the bootstrap's resamples.

    Returns:
        A row a policy, in the order of `values`.

    Raises:
        ValueError: If there is no such reference, the seeds differ in number, or an option is out of range; names the
            policy.
    """
    check_choice("reference", reference, values)
    bar = check_real("level", level, minimum=0.0, maximum=1.0, exclusive=True)
    samples = _samples(values, reference)
    pairs = {name: _pairs(sample, samples[reference]) for name, sample in samples.items()}
    p_values = {name: float(paired_p_values(*pair)) for name, pair in pairs.items() if name != reference}
    adjusted = dict(zip(p_values, holm(list(p_values.values())).tolist(), strict=True))
    next_bar = next_level(list(adjusted.values()), level=bar)
    options: dict[str, Any] = {"confidence": confidence, "method": method, "seed": seed}
    rows = []
    for name, sample in samples.items():
        own, base = pairs[name]
        difference = paired_difference(own, base, **options)
        significant = name in adjusted and adjusted[name] <= bar
        stands = significant and difference.excludes(0.0)
        if stands or name == reference:
            note = ""
        elif significant:
            note = f"Not claimed although p allows it: the {difference.method} interval of the difference holds 0."
        else:
            note = seeds_note(own, base, smallest=smallest, level=next_bar)
        rows.append(
            PolicySummary(
                policy=name,
                is_reference=name == reference,
                mean=mean_interval(_present(sample), **options),
                ratio=paired_ratio(own, base, **options),
                difference=difference,
                recovered=None if bound is None else _recovered(name, sample, samples[reference], bound, **options),
                p_value=p_values.get(name, math.nan),
                p_holm=adjusted.get(name, math.nan),
                stands=stands,
                note=note,
            )
        )
    return tuple(rows)


def _samples(values: Mapping[str, npt.ArrayLike], reference: str) -> dict[str, Reals]:
    samples = {name: np.asarray(sample, dtype=np.float64) for name, sample in values.items()}
    seeds = samples[reference].shape
    for name, sample in samples.items():
        if sample.ndim != 1 or len(sample) == 0:
            raise ValueError(f"values of {name!r} must have the shape (seeds,), not empty, got {sample.shape}")
        if sample.shape != seeds:
            raise ValueError(
                f"values of {name!r} must be as many as those of {reference!r}: {seeds[0]}, got {len(sample)}"
            )
    return samples


def _pairs(sample: Reals, base: Reals) -> tuple[Reals, Reals]:
    """Both under the seeds that both have; a single NaN each where there is none."""
    there = np.isfinite(sample) & np.isfinite(base)
    return (sample[there], base[there]) if there.any() else (_NOTHING, _NOTHING)


def _present(sample: Reals) -> Reals:
    there = np.isfinite(sample)
    return sample[there] if there.any() else _NOTHING


def _recovered(name: str, sample: Reals, base: Reals, bound: npt.ArrayLike, **options: Any) -> Estimate:
    floor = np.asarray(bound, dtype=np.float64)
    if floor.shape != sample.shape:
        raise ValueError(f"bound must have one value for each of the {len(sample)} seeds, got shape {floor.shape}")
    there = np.isfinite(sample) & np.isfinite(base)
    if not there.any():
        return mean_interval(_NOTHING)
    try:
        return recovered_share(sample[there], base[there], floor[there], **options)
    except ValueError as error:
        raise ValueError(f"policy {name!r}: {error}") from error


_NOTHING = np.array([math.nan])

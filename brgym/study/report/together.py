"""All settings of a study at once: interquartile means of ratios to the reference, and how often each policy wins."""

from dataclasses import dataclass

import numpy as np

from brgym.study.aggregate import interquartile_mean, performance_profile, ratios_to
from brgym.study.report.league import percent, with_interval
from brgym.study.results import Results
from brgym.study.shown_figures import IMBALANCE

THRESHOLDS = (0.5, 0.75, 0.9, 1.0)
"""Ratios at or below which the profile counts a setting and seed (our choice)."""


@dataclass(frozen=True)
class Overall:
    """A policy over all settings.

    Attributes:
        policy: Its label.
        ratio: Interquartile mean of its ratio to the reference over settings x seeds, with its interval.
        shares: The share of settings x seeds in which the ratio is at most each of `THRESHOLDS`, with intervals.
    """

    policy: str
    ratio: str
    shares: tuple[str, ...]


@dataclass(frozen=True)
class Together:
    """What the page shows of all settings at once.

    Attributes:
        settings: How many settings are in it: those in which every policy has the figure under every seed.
        thresholds: `THRESHOLDS` as text.
        rows: A row a policy, the lowest ratio first.
    """

    settings: int
    thresholds: tuple[str, ...]
    rows: tuple[Overall, ...]


def together_of(found: Results) -> Together | None:
    """Puts it together; None where fewer than two settings are whole."""
    if IMBALANCE not in found.figures:
        return None
    cube = np.array(
        [
            [found.values(setting, policy, IMBALANCE) for policy in found.policies]
            for setting in range(len(found.settings))
        ]
    )
    ratios = ratios_to(cube, found.policies.index(found.reference))
    whole = np.isfinite(ratios).all(axis=(1, 2))
    if whole.sum() < 2:
        return None
    means = interquartile_mean(ratios[whole])
    shares = performance_profile(ratios[whole], THRESHOLDS)
    rows = [
        Overall(
            policy=policy,
            ratio="1" if policy == found.reference else with_interval(means[place]),
            shares=tuple(percent(shares[place, threshold]) for threshold in range(len(THRESHOLDS))),
        )
        for place, policy in enumerate(found.policies)
    ]
    order = np.argsort(means.mean, kind="stable")
    return Together(
        int(whole.sum()), tuple(f"{level:g}" for level in THRESHOLDS), tuple(rows[place] for place in order)
    )

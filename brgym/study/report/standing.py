"""What the page says of figures: estimates over the seeds that are there, and whether a difference stands."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from brgym.study.results import Results
from brgym.study.shown_figures import IMBALANCE
from brgym.study.statistics import Estimate, mean_interval, paired_ratio
from brgym.study.summary import PolicySummary, summarise

Verdict = Literal["lower", "higher", "open", "unknown"]
"""How a policy stands to the reference: below or above it, open, or without an interval."""

ENVELOPE, BOUND = "envelope_token_steps", "envelope_token_steps_bound"
"""What the recoverable share is of, and its lower bound."""

_NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def mean_of(found: Results, setting: int, policy: str, figure: str) -> Estimate:
    """The mean over the seeds that have the figure: a cell that failed is left out, and `seeds` says so."""
    values = found.values(setting, policy, figure)
    there = values[np.isfinite(values)]
    return mean_interval(there) if len(there) else _NOTHING


def ratio_of(found: Results, setting: int, policy: str, figure: str) -> Estimate:
    """The mean ratio to the reference over the seeds under which both have the figure."""
    values, base = found.values(setting, policy, figure), found.values(setting, found.reference, figure)
    there = np.isfinite(values) & np.isfinite(base)
    return paired_ratio(values[there], base[there]) if there.any() else _NOTHING


class Standings:
    """What may be claimed of a study's policies against its reference, figure by figure, setting by setting.

    Args:
        found: The results.
    """

    def __init__(self, found: Results) -> None:
        self._found = found
        self._known: dict[tuple[int, str], dict[str, PolicySummary]] = {}

    def of(self, setting: int, figure: str) -> dict[str, PolicySummary]:
        """Every policy's summary, with Holm's correction for the policies of the setting.

        Args:
            setting: Index of the setting.
            figure: Name of the figure.
        """
        if (setting, figure) not in self._known:
            found = self._found
            values = {policy: found.values(setting, policy, figure) for policy in found.policies}
            bound = None
            if figure == ENVELOPE and BOUND in found.figures:
                bound = np.nanmax([found.values(setting, policy, BOUND) for policy in found.policies], axis=0)
            rows = summarise(values, found.reference, bound=bound)
            self._known[setting, figure] = {row.policy: row for row in rows}
        return self._known[setting, figure]


def verdict(row: PolicySummary) -> Verdict:
    """Whether a policy's difference to the reference stands, and which way."""
    if math.isnan(row.difference.low):
        return "unknown"
    if not row.stands:
        return "open"
    return "lower" if row.difference.mean < 0 else "higher"


def clairvoyant(found: Results) -> frozenset[str]:
    """The policies that were told output lengths in some cell."""
    if "clairvoyant" not in found.figures:
        return frozenset()
    settings = range(len(found.settings))
    return frozenset(
        policy for policy in found.policies if any((found.values(s, policy, "clairvoyant") > 0).any() for s in settings)
    )


def best_policy(found: Results, setting: int, *, among: Sequence[str]) -> str | None:
    """The policy with the lowest mean imbalance.

    Those without a failed cell come first, so that nobody wins by the seeds that are missing. None where no cell has
    been run.

    Args:
        found: The results.
        setting: Index of the setting.
        among: The policies to choose from.
    """
    candidates = []
    for place, policy in enumerate(among):
        imbalance = mean_of(found, setting, policy, IMBALANCE)
        if imbalance.seeds:
            candidates.append((len(found.seeds) - imbalance.seeds, imbalance.mean, place, policy))
    return min(candidates)[-1] if candidates else None


def words(found: Results, setting: int, keys: tuple[str, ...] | None = None) -> str:
    """What a setting is called: what is varied and its value there."""
    of = found.settings[setting]
    keys = found.telling if keys is None else keys
    said = [f"{key} = {value_text(of[key])}" for key in keys if key in of]
    said = said or [f"{key} = {value_text(None)}" for key in keys]  # it is the one that leaves them all as they are
    return ", ".join(said) or "the one setting"


def value_text(value: object) -> str:
    """A setting's value as the page writes it."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)

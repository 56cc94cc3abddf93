"""The league table: a row a setting and policy."""

import math
from dataclasses import dataclass

from brgym.study.report.standing import BOUND, ENVELOPE, Standings, Verdict, clairvoyant, mean_of, value_text, verdict
from brgym.study.results import Results
from brgym.study.shown_figures import IMBALANCE, THROUGHPUT, Shown, figures_of, league_figures, shown
from brgym.study.statistics import Estimate
from brgym.study.summary import PolicySummary


@dataclass(frozen=True)
class Cell:
    """What stands in one place of the table.

    Attributes:
        text: What is read.
        order: What the column is sorted by: a number; None comes last.
        verdict: How a ratio stands to 1; None elsewhere.
        good: Whether the verdict speaks for the policy; None where it says nothing.
        note: What else there is to say of it, such as how many seeds would tell.
    """

    text: str
    order: float | None
    verdict: Verdict | None = None
    good: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A policy in a setting.

    Attributes:
        policy: Its label.
        place: Its index among the policies.
        is_reference: Whether ratios refer to it.
        clairvoyant: Whether it was told output lengths.
        setting: The varied settings' values, in the order of `Results.telling`.
        cells: One for each of the table's columns.
    """

    policy: str
    place: int
    is_reference: bool
    clairvoyant: bool
    setting: tuple[Cell, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class League:
    """The table.

    Attributes:
        varied: Dotted names of the settings that differ; a column each.
        choices: Their values in the study's order, to filter by.
        headers: Headers of the other columns.
        rows: Settings in the study's order, in each the policies.
    """

    varied: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    headers: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All headers: the policy, its setting, the figures."""
        return ("policy", *self.varied, *self.headers)


def league_of(found: Results, standings: Standings) -> League:
    """Puts the table together."""
    there = figures_of(found)
    recovered = ENVELOPE in there and BOUND in there
    means = [shown(figure) for figure in league_figures(there)]
    compared = [shown(figure) for figure in (IMBALANCE, THROUGHPUT) if figure in there]
    headers = [header for one in compared for header in (one.header, f"{one.title} ratio")]
    headers += ["recovered (%)"] if recovered else []
    choices = tuple(
        tuple(dict.fromkeys(value_text(setting.get(key)) for setting in found.settings)) for key in found.telling
    )
    seers = clairvoyant(found)
    rows = [
        Row(
            policy=policy,
            place=place,
            is_reference=policy == found.reference,
            clairvoyant=policy in seers,
            setting=tuple(_described(found, setting, key, of) for key, of in zip(found.telling, choices, strict=True)),
            cells=(
                *(cell for one in compared for cell in _compared(standings.of(setting, one.name)[policy], one)),
                *([_recovered(standings.of(setting, ENVELOPE)[policy])] if recovered else []),
                *(_mean(found, setting, policy, one) for one in means),
                _seeds(found, setting, policy, any_done=IMBALANCE in there),
            ),
        )
        for setting in range(len(found.settings))
        for place, policy in enumerate(found.policies)
    ]
    return League(found.telling, choices, (*headers, *(one.header for one in means), "seeds"), tuple(rows))


def _described(found: Results, setting: int, key: str, choices: tuple[str, ...]) -> Cell:
    text = value_text(found.settings[setting].get(key))
    return Cell(text, float(choices.index(text)))


def _compared(row: PolicySummary, one: Shown) -> tuple[Cell, Cell]:
    shown_mean = Cell(plus_minus(row.mean, one), _order(row.mean.mean))
    if row.is_reference:
        return shown_mean, Cell("1", 1.0)
    how = verdict(row)
    good = how == one.better if how in ("lower", "higher") else None
    return shown_mean, Cell(with_interval(row.ratio), _order(row.ratio.mean), how, good, row.note)


def _recovered(row: PolicySummary) -> Cell:
    """How much of what the envelope could fall below the reference's it falls."""
    if row.is_reference or row.recovered is None:
        return Cell("0", 0.0)
    share = row.recovered
    if math.isnan(share.mean):
        return Cell("–", None)
    return Cell(percent(share), share.mean)


def _mean(found: Results, setting: int, policy: str, one: Shown) -> Cell:
    mean = mean_of(found, setting, policy, one.name).mean
    return Cell(one.text(mean), _order(mean))


def _seeds(found: Results, setting: int, policy: str, *, any_done: bool) -> Cell:
    there = mean_of(found, setting, policy, IMBALANCE).seeds if any_done else 0
    return Cell(str(there) if there == len(found.seeds) else f"{there} of {len(found.seeds)}", float(there))


def plus_minus(estimate: Estimate, one: Shown) -> str:
    """A mean and half its interval."""
    if math.isnan(estimate.low):
        return one.text(estimate.mean)
    return f"{one.text(estimate.mean)} ± {one.text(estimate.half_width)}"


def with_interval(ratio: Estimate) -> str:
    """A ratio and its interval."""
    if math.isnan(ratio.mean):
        return "–"
    if math.isnan(ratio.low):
        return f"{ratio.mean:.3f}"
    return f"{ratio.mean:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def percent(share: Estimate) -> str:
    """A share in percent and its interval, without the sign."""
    interval = "" if math.isnan(share.low) else f" [{100 * share.low:.0f}, {100 * share.high:.0f}]"
    return f"{100 * share.mean:.0f}{interval}"


def _order(value: float) -> float | None:
    return None if math.isnan(value) else value

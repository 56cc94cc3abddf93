"""How figures are shown: title, unit, digits, and which way is better.

A figure that is not known here is shown under its own name, so a new one needs no word.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from brgym.study.results import Results

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Shown:
    """How one figure is shown.

    Attributes:
        name: Its name in the results.
        title: What it is called.
        unit: Unit of the values shown; empty for shares.
        scale: Brings the values to that unit.
        digits: How a number is written, as in `format`.
        better: Which way is better; None where neither is.
    """

    name: str
    title: str
    unit: str = ""
    scale: float = 1.0
    digits: str = ",.4g"
    better: Better | None = None

    @property
    def header(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, value: float) -> str:
        """A value as the page writes it; a dash where there is none."""
        return "–" if math.isnan(value) else format(value * self.scale, self.digits)


IMBALANCE, THROUGHPUT = "imbalance_mean", "throughput_tok_s"

OVER_THE_RUN = "run_"
"""What the names of step figures begin with that are over the whole run, not the measurement window."""

LEAGUE = (
    "balance_mean",
    "barrier_idle_mean",
    "makespan_s",
    "tpot_s_p95",
    "ttft_s_p99",
    "preemptions",
    "routing_time_p99_s",
)
"""What the league table shows as means, beside imbalance and throughput with their intervals."""

_OF_STEPS = (IMBALANCE, "spread_mean", "balance_mean", "barrier_idle_mean", THROUGHPUT)
_WALL_CLOCK = ("routing_time_p50_s", "routing_time_p99_s", "wall_s")
_TOKENS = ("tokens", 1.0, ",.0f")
_KNOWN = (
    Shown(IMBALANCE, "imbalance", *_TOKENS, "lower"),
    Shown("spread_mean", "spread", *_TOKENS, "lower"),
    Shown("balance_mean", "balance", "", 1.0, ".3f", "higher"),
    Shown("barrier_idle_mean", "barrier idle", "%", 1e2, ".2f", "lower"),
    Shown(THROUGHPUT, "throughput", "tok/s", 1.0, ",.0f", "higher"),
    Shown("active_mean", "active requests", "", 1.0, ",.1f"),
    Shown("tokens_p90_s", "90 % of tokens", "s", 1.0, ",.1f", "lower"),
    Shown("makespan_s", "makespan", "s", 1.0, ",.1f", "lower"),
    Shown("preemptions", "preemptions", "", 1.0, ",.1f", "lower"),
    Shown("interruptions", "interruptions", "", 1.0, ",.1f", "lower"),
    Shown("recomputed_tokens", "recomputed", *_TOKENS, "lower"),
    Shown("cancelled", "cancelled", "requests", 1.0, ",.1f", "lower"),
    Shown("waits_fairness", "fairness of waits", "", 1.0, ".3f", "higher"),
    Shown("slo_share", "SLO met", "%", 1e2, ".2f", "higher"),
    Shown("goodput_req_s", "goodput", "req/s", 1.0, ",.2f", "higher"),
    Shown("energy_j", "energy", "kJ", 1e-3, ",.1f", "lower"),
    Shown("routing_time_p50_s", "routing p50", "us", 1e6, ",.1f", "lower"),
    Shown("routing_time_p99_s", "routing p99", "us", 1e6, ",.1f", "lower"),
    Shown("wall_s", "run", "s", 1.0, ",.2f", "lower"),
)
OF_REQUESTS = (
    Shown("ttft_s", "TTFT", "s", 1.0, ",.2f", "lower"),
    Shown("queueing_s", "queueing", "s", 1.0, ",.2f", "lower"),
    Shown("tpot_s", "TPOT", "ms", 1e3, ",.2f", "lower"),
    Shown("e2e_s", "end to end", "s", 1.0, ",.2f", "lower"),
)
OF_TOKENS = Shown("itl_s", "ITL", "ms", 1e3, ",.2f", "lower")
STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max")
_SHOWN = {one.name: one for one in _KNOWN} | {
    f"{one.name}_{of}": Shown(f"{one.name}_{of}", f"{one.title} {of}", one.unit, one.scale, one.digits, one.better)
    for one in (*OF_REQUESTS, OF_TOKENS)
    for of in STATISTICS
}


def shown(figure: str) -> Shown:
    """How a figure is shown; `run_...` is the same over the whole run."""
    windowed = _SHOWN.get(figure.removeprefix(OVER_THE_RUN))
    if windowed is None:
        return Shown(figure, figure.replace("_", " "))
    if windowed.name == figure:
        return windowed
    return replace(windowed, name=figure, title=f"{windowed.title}, whole run")


def league_figures(there: Sequence[str]) -> tuple[str, ...]:
    """Which of a study's figures the league table shows as means.

    Imbalance and throughput over the whole run come first.
    """
    whole_run = (OVER_THE_RUN + IMBALANCE, OVER_THE_RUN + THROUGHPUT)
    return tuple(name for name in (*whole_run, *LEAGUE) if name in there)


def rated_figures() -> list[str]:
    """Figures of a run of which it is known which way is better, without those of the wall clock."""
    rated = [one.name for one in _SHOWN.values() if one.better is not None and one.name not in _WALL_CLOCK]
    return [*rated, *(OVER_THE_RUN + name for name in _OF_STEPS)]


def figures_of(found: Results) -> tuple[str, ...]:
    """Every figure that a study has, wall-clock ones last."""
    described = {"policy", "seed", *(key for setting in found.settings for key in setting)}
    apart = [name for name in found.timings.column_names if name not in described]
    return (*found.figures, *(name for name in apart if name not in found.figures))

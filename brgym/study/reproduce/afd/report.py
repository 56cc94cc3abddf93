"""The study's report in Markdown: predicted against simulated ratios, idle time, exceptions, routers."""

from collections.abc import Iterable, Mapping, Sequence

import brgym
from brgym.study.reproduce.afd.grid import COEFFICIENTS, POPULATION
from brgym.study.reproduce.afd.predictions import METHODS
from brgym.study.reproduce.afd.router_outcomes import RouterOutcome
from brgym.study.reproduce.afd.routers import REFERENCE, WINDOW, Case
from brgym.study.reproduce.afd.search import NEAR
from brgym.study.reproduce.afd.verdicts import RECOMMENDED, Explored, Share, Verdict, idleness, verdicts
from brgym.study.statistics import CONFIDENCE, Estimate

_GRID_NOTES = f"""\
Coefficients: {COEFFICIENTS.label} ({COEFFICIENTS.time_unit}). Each workload is a population of {POPULATION:,} requests,
which the simulator resamples and from which the token load is known exactly, so that only the formulas are tested.
Every cell is simulated at all its ratios on the same loads, in the pipelined bundle, until each ratio further than
{NEAR:.0%} from the one of most throughput per instance, the simulated best, is told from it, or for so many runs at
most. A prediction agrees if it is within {NEAR:.0%} of the simulated best, or if that is its nearest integer. The loss
is the share of the best simulated throughput that the predicted integer ratio loses. Two ratios are told apart where
the {CONFIDENCE:.0%} interval of their paired difference does not hold zero. The throughput error is that of the formula
over all simulated ratios, sign dropped.\
"""

_ROUTER_NOTES = f"""\
The bundle as a cluster: a lockstep cycle with one batch in each worker's slots, refilled by the router. The slots are
filled at once, then requests come faster than they are served. Counted are the steps while {WINDOW[0]:.0%} to
{WINDOW[1]:.0%} of the requests have been admitted. [ ] are {CONFIDENCE:.0%} Student-t intervals over paired seeds:
under one seed every router meets the same requests, and the ratios share their lengths. Ratios are integers; *best
ratio* is the mean over seeds of the best one. *gain* compares each router at its own best ratio with {REFERENCE} at
its own, *gain at {REFERENCE}'s ratio* at the ratio that is best for {REFERENCE}.\
"""


def report(
    cells: Sequence[Explored], routers: Mapping[Case, Sequence[RouterOutcome]], *, command: str, seeds: int
) -> str:
    """The whole report.

    Args:
        cells: The grid, explored; none leaves its part out.
        routers: What came of the routers by case; none leaves their part out.
        command: The command that gives the same results.
        seeds: Seeds of the router study.
    """
    parts = ["# Attention-FFN disaggregation", f"`{command}` (brgym {brgym.__version__})"]
    if cells:
        parts += _grid(cells)
    if routers:
        parts += ["## How a router moves the best ratio", _ROUTER_NOTES, f"Seeds: {seeds}."]
        for case, found in routers.items():
            parts += [f"### {case}", _predictions(case), _router_table(found)]
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, the first column to the left and the others to the right."""
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _grid(cells: Sequence[Explored]) -> list[str]:
    found = [verdict for explored in cells for verdict in verdicts(explored)]
    return [
        "## Predicted against simulated ratio",
        _GRID_NOTES,
        f"{len(cells)} cells. In {sum(not cell.stands_out for cell in cells)} of them the simulated best is not told "
        "from some ratio that is not near it.",
        _shares(found),
        "By microbatches in flight, share of cells that agree:",
        _shares_by_microbatches(found),
        f"### Exceptions to `{RECOMMENDED}`",
        _exceptions([verdict for verdict in found if verdict.method == RECOMMENDED]),
        "### Idle time",
        "Means over the cells.",
        _idle(cells),
    ]


def _shares(found: Sequence[Verdict]) -> str:
    shares = [Share.of(method, found) for method in METHODS]
    rows = [
        [s.method, f"{s.agreeing:.1%}", f"{s.not_refuted:.1%}"]
        + [f"{figure:.2%}" for figure in (s.mean_loss, s.worst_loss, s.throughput_error)]
        for s in shares
    ]
    header = ["method", "agree", "agree or not told apart", "mean loss", "worst loss", "throughput error"]
    return markdown_table(header, rows)


def _shares_by_microbatches(found: Sequence[Verdict]) -> str:
    counts = sorted({verdict.cell.microbatches for verdict in found})
    rows = [
        [method]
        + [f"{Share.of(method, [v for v in found if v.cell.microbatches == count]).agreeing:.1%}" for count in counts]
        for method in METHODS
    ]
    return markdown_table(["method", *(f"m = {count}" for count in counts)], rows)


def _exceptions(found: Sequence[Verdict]) -> str:
    rows = [[str(v.cell), f"{v.ratio:.2f}", str(v.best), f"{v.loss:.2%}", v.reason] for v in found if not v.agrees]
    if not rows:
        return "None."
    return markdown_table(["cell", "predicted", "simulated best", "loss", "reason"], rows)


def _idle(cells: Sequence[Explored]) -> str:
    rows = [
        [i.choice, f"{i.idle_attention:.1%}", f"{i.idle_ffn:.1%}", f"{i.idle:.1%}", f"{i.of_best:.1%}"]
        for i in idleness(cells)
    ]
    return markdown_table(["ratio", "attention idle", "FFN idle", "all instances idle", "throughput of best"], rows)


def _predictions(case: Case) -> str:
    told = ", ".join(f"{method} {case.predict(method).ratio:.2f}" for method in ("mean-field", "gaussian"))
    return f"Predicted for random loads: {told}. Ratios {case.ratios[0]} to {case.ratios[-1]} were run."


def _router_table(found: Sequence[RouterOutcome]) -> str:
    header = [
        "router",
        "best ratio",
        f"shift from {REFERENCE}",
        "tokens/s/instance",
        "gain",
        f"gain at {REFERENCE}'s ratio",
        "barrier idle there",
    ]
    rows = [
        [
            o.router,
            _interval(o.best_ratio, ".1f"),
            _interval(o.shift, "+.1f"),
            _interval(o.throughput, ",.0f"),
            _interval(o.gain, ".4f"),
            _interval(o.gain_at_reference, ".4f"),
            _interval(o.barrier_idle, ".2%"),
        ]
        for o in found
    ]
    return markdown_table(header, rows)


def _interval(estimate: Estimate, form: str) -> str:
    return f"{estimate.mean:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"

"""The study's report in Markdown: tables beside the paper's figures, ablations, and what does not come out."""

import math
from collections.abc import Sequence

import brgym
from brgym.study.reproduce.balance_route.findings import findings
from brgym.study.reproduce.balance_route.outcomes import Outcomes
from brgym.study.reproduce.balance_route.settings import JSQ, Setting
from brgym.study.reproduce.balance_route.sweeps import Sweep
from brgym.study.reproduce.balance_route.tables import Table
from brgym.study.statistics import CONFIDENCE, Estimate

_NOTES = f"""\
All requests wait at time 0. A worker has 72 slots, a step takes 40 ms + 0.1 us for each KV token of the fullest worker,
routers that bind from the pool see the 32 oldest requests, unless an ablation says otherwise. Every policy meets the
same requests under the same seed. ± and [ ] are {CONFIDENCE:.0%} Student-t intervals over the seeds.

- *imbalance* is G max - sum, *spread* max - min of the workers' loads in KV tokens, means over the steps while 10 % to
  90 % of the requests have been admitted. The paper's readers call its figure max - min; its size fits G max - sum.
- *ratio* is to JSQ under the same seed (geometric mean).
- *tok/s* is a worker's, over the same steps; *recovered* is the share of JSQ's barrier idle beyond the clairvoyant
  lower bound that a policy wins back, over the whole run, drain included (`brgym.cluster.bounds`).
- In a backlog JSQ binds everything at time 0 by counts alone, and so deals requests out just as round-robin does.
- *paper* is arXiv 2605.06113: one replay a cell, no intervals; for G = 4 and 16 it has only tok/s, there with its best
  baseline in the row of jsq. Its proprietary trace is not public; a stand-in takes its place.
- Predictors that learn are fitted on requests of other seeds; "oracle" and "noisy" know the output lengths.\
"""

_HEADER = (
    "policy",
    "imbalance (k)",
    "paper",
    "ratio to jsq",
    "paper",
    "spread (k)",
    "TPOT p95 (ms)",
    "paper",
    "tok/s",
    "paper",
    "recovered (%)",
)


def report(
    tables: Sequence[Table], sweeps: Sequence[Sweep], outcomes: Outcomes, *, command: str, remarks: Sequence[str]
) -> str:
    """The whole report.

    Args:
        tables: The tables that were run.
        sweeps: The ablations that were run.
        outcomes: What came out.
        command: The command that gives the same results.
        remarks: What a reader has to know about this run.
    """
    parts = ["# BalanceRoute, again", f"`{command}` (brgym {brgym.__version__})", *remarks, _NOTES]
    parts += findings(tables, sweeps, outcomes)
    for table in tables:
        parts += [
            f"## {table.title}",
            markdown(_HEADER, _rows(table, outcomes)),
            f"{_seeds(table.settings['jsq'], outcomes).capitalize()}.",
        ]
    for sweep in sweeps:
        parts += [f"## {sweep.title}", _about(sweep, outcomes), markdown(*_grid(sweep, outcomes))]
        parts.append(f"![{sweep.title}]({sweep.name}.png)")
    return "\n\n".join(parts) + "\n"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, the first column to the left."""
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _rows(table: Table, outcomes: Outcomes) -> list[list[str]]:
    rows = []
    paper_jsq = table.printed.get("jsq")
    for label, setting in table.settings.items():
        paper = table.printed.get(label)
        imbalance = None if paper is None else paper.imbalance
        base = None if paper_jsq is None else paper_jsq.imbalance
        per_worker = 1.0 / table.cluster.workers
        rows.append(
            [
                label,
                plus_minus(outcomes.mean(setting, "imbalance_mean", scale=1e-3), 1),
                _number(imbalance, 1, 1e-3),
                "1" if setting.router == JSQ else bracketed(outcomes.ratio(setting, "imbalance_mean"), 3),
                "" if imbalance is None or base is None else f"{imbalance / base:.3f}",
                plus_minus(outcomes.mean(setting, "spread_mean", scale=1e-3), 1),
                plus_minus(outcomes.mean(setting, "tpot_s_p95", scale=1e3), 1),
                _number(None if paper is None else paper.tpot_p95_ms, 1),
                plus_minus(outcomes.mean(setting, "throughput_tok_s", scale=per_worker), 0),
                _number(None if paper is None else paper.tok_s, 0),
                "0" if setting.router == JSQ else plus_minus(_percent(outcomes.recovered(setting)), 1),
            ]
        )
    return rows


def _seeds(setting: Setting, outcomes: Outcomes) -> str:
    count = outcomes.seeds(setting)
    return f"{count} paired seeds" if count > 1 else "one seed, so no intervals"


def _about(sweep: Sweep, outcomes: Outcomes) -> str:
    setting = sweep.settings[0]
    figures = " and ".join(name for _, name in sweep.figures)
    where = f"G = {setting.cluster.workers}, {setting.workload}, {_seeds(setting, outcomes)}"
    return f"Ratio of {figures} to JSQ; {where}."


def _grid(sweep: Sweep, outcomes: Outcomes) -> tuple[list[str], list[list[str]]]:
    several = len(sweep.figures) > 1
    columns = [(label, key, name) for key, name in sweep.figures for label in sweep.lines]
    header = [sweep.parameter, *(f"{label}: {name}" if several else label for label, _, name in columns)]
    values = next(iter(sweep.lines.values()))
    rows = [
        [value, *(bracketed(outcomes.ratio(sweep.lines[label][value], key), 3) for label, key, _ in columns)]
        for value in values
    ]
    return header, rows


def plus_minus(estimate: Estimate, digits: int) -> str:
    """An estimate and half its interval."""
    interval = "" if math.isnan(estimate.half_width) else f" ± {estimate.half_width:,.{digits}f}"
    return f"{_number(estimate.mean, digits)}{interval}"


def bracketed(estimate: Estimate, digits: int) -> str:
    """An estimate and its interval."""
    interval = "" if math.isnan(estimate.low) else f" [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
    return f"{_number(estimate.mean, digits)}{interval}"


def _number(value: float | None, digits: int, scale: float = 1.0) -> str:
    return "" if value is None else "-" if math.isnan(value) else f"{value * scale:,.{digits}f}"


def _percent(share: Estimate) -> Estimate:
    return Estimate(100 * share.mean, 100 * share.low, 100 * share.high, share.seeds)

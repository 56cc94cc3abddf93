"""The study's pictures: one a table, one an ablation."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from brgym.study.reproduce.balance_route.outcomes import Outcomes
from brgym.study.reproduce.balance_route.sweeps import Sweep
from brgym.study.reproduce.balance_route.tables import Table
from brgym.study.statistics import Estimate


def draw_tables(tables: list[Table], outcomes: Outcomes) -> Figure:
    """The imbalance of every policy, one row of axes a number of workers, the paper's figures as crosses."""
    workloads = list(dict.fromkeys(table.workload for table in tables))
    counts = sorted({table.cluster.workers for table in tables})
    figure = Figure(figsize=(4.5 * len(workloads) + 1.5, 3 * len(counts)), dpi=120, layout="constrained")
    grid = figure.subplots(len(counts), len(workloads), squeeze=False)
    for table in tables:
        axes = grid[counts.index(table.cluster.workers), workloads.index(table.workload)]
        estimates = [outcomes.mean(setting, "imbalance_mean") for setting in table.settings.values()]
        places = np.arange(len(estimates))
        axes.barh(places, [estimate.mean for estimate in estimates], xerr=_errors(estimates), color="C0", alpha=0.7)
        printed = [
            (place, table.printed[label]) for place, label in enumerate(table.settings) if label in table.printed
        ]
        crosses = [(place, row.imbalance) for place, row in printed if row.imbalance is not None]
        if crosses:
            axes.plot([x for _, x in crosses], [y for y, _ in crosses], "kx", label="paper")
            axes.legend(loc="lower right")
        axes.set_yticks(places, list(table.settings))
        axes.invert_yaxis()
        axes.set_title(table.title, fontsize="medium")
        axes.set_xlabel("imbalance (tokens)")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def draw_sweep(sweep: Sweep, outcomes: Outcomes) -> Figure:
    """One axes a figure, one line a router: ratios to JSQ with their intervals."""
    figure = Figure(figsize=(6.5 * len(sweep.figures), 4.5), dpi=120, layout="constrained")
    for axes, (key, name) in zip(figure.subplots(1, len(sweep.figures), squeeze=False)[0], sweep.figures, strict=True):
        for label, line in sweep.lines.items():
            estimates = [outcomes.ratio(setting, key) for setting in line.values()]
            _line(axes, list(line), estimates, label)
        axes.axhline(1.0, color="gray", linewidth=0.8)
        axes.set_title(sweep.title, fontsize="medium")
        axes.set_xlabel(sweep.parameter)
        axes.set_ylabel(f"{name}, ratio to jsq")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    return figure


def _line(axes: Axes, values: list[str], estimates: list[Estimate], label: str) -> None:
    axes.errorbar(
        values, [estimate.mean for estimate in estimates], yerr=_errors(estimates), marker="o", capsize=3, label=label
    )


def _errors(estimates: list[Estimate]) -> list[list[float]]:
    """How far each interval reaches below and above its estimate; nowhere where there is none."""
    below = np.nan_to_num([estimate.mean - estimate.low for estimate in estimates])
    above = np.nan_to_num([estimate.high - estimate.mean for estimate in estimates])
    return [below.tolist(), above.tolist()]

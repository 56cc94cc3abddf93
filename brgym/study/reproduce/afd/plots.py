"""The study's pictures: predicted against simulated ratios, and throughput along the ratio under every router."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from brgym.study.reproduce.afd.predictions import METHODS
from brgym.study.reproduce.afd.router_outcomes import Served, curve
from brgym.study.reproduce.afd.routers import ROUTERS, Case
from brgym.study.reproduce.afd.search import NEAR
from brgym.study.reproduce.afd.verdicts import Explored, Verdict, verdicts
from brgym.study.statistics import mean_interval


def draw_grid(cells: Sequence[Explored]) -> Figure:
    """One axes a method: the predicted ratio of every cell over its simulated best."""
    found = [verdict for explored in cells for verdict in verdicts(explored)]
    figure = Figure(figsize=(3.2 * len(METHODS), 3.6), dpi=120, layout="constrained")
    for axes, method in zip(figure.subplots(1, len(METHODS), sharex=True, sharey=True), METHODS, strict=True):
        _scatter(axes, [verdict for verdict in found if verdict.method == method])
        axes.set_title(method, fontsize="medium")
        axes.set_xlabel("simulated best ratio")
    figure.axes[0].set_ylabel("predicted ratio")
    return figure


def _scatter(axes: Axes, found: Sequence[Verdict]) -> None:
    edges = np.array([min(v.best for v in found) / 1.2, max(v.best for v in found) * 1.2])
    axes.fill_between(edges, edges * (1 - NEAR), edges * (1 + NEAR), color="gray", alpha=0.25, linewidth=0)
    for agrees, colour in ((True, "C0"), (False, "C3")):
        chosen = [v for v in found if v.agrees == agrees]
        label = f"agrees ({len(chosen)})" if agrees else f"does not ({len(chosen)})"
        axes.plot([v.best for v in chosen], [v.ratio for v in chosen], ".", color=colour, alpha=0.6, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend(fontsize="small")


def draw_routers(cases: Sequence[Case], served: Served) -> Figure:
    """One axes a case: throughput per instance along the ratio, a line with intervals for every router."""
    figure = Figure(figsize=(5 * len(cases), 4), dpi=120, layout="constrained")
    for axes, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
        for router in ROUTERS:
            estimates = [mean_interval(column) for column in curve(case, router, "throughput", served).T]
            errors = np.nan_to_num([estimate.half_width for estimate in estimates])
            axes.errorbar(case.ratios, [e.mean for e in estimates], yerr=errors, label=router, capsize=2, marker=".")
        axes.axvline(case.predict("mean-field").ratio, color="gray", linestyle=":", label="predicted, mean-field")
        axes.axvline(case.predict("gaussian").ratio, color="gray", linestyle="--", label="predicted, gaussian")
        axes.set_title(str(case), fontsize="medium")
        axes.set_xlabel("attention workers per FFN server")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("tokens per second and instance")
    figure.axes[0].legend(fontsize="small")
    return figure

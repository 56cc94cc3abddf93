"""One run in a terminal: its step figures over the window and the whole run, its request figures, what was run."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from brgym.cluster import Result
from brgym.study.console import cluster_line, window_note
from brgym.study.shown_figures import OF_REQUESTS, OF_TOKENS, OVER_THE_RUN, STATISTICS, shown

_ONCE = (
    *("tokens_p90_s", "makespan_s", "waits_fairness", "preemptions", "energy_j"),
    *("routing_time_p50_s", "routing_time_p99_s"),
)
_WHERE_THEY_COUNT = ("recomputed_tokens", "interruptions", "cancelled", "slo_share", "goodput_req_s")
"""Figures that are shown where there is more than nothing of them."""


def step_figures_table(result: Result) -> Table:
    """A row a step figure: over the measurement window, and over the whole run."""
    figures = result.metrics.as_dict(wall_clock=True)
    table = _table("", "window", "whole run")
    for name in figures:
        if OVER_THE_RUN + name in figures:
            one = shown(name)
            table.add_row(one.header, one.text(figures[name]), one.text(figures[OVER_THE_RUN + name]))
    for name in (*_ONCE, *(name for name in _WHERE_THEY_COUNT if figures.get(name))):
        one = shown(name)
        table.add_row(one.header, "", one.text(figures[name]))
    return table


def request_figures_table(result: Result) -> Table:
    """A row a request figure, a column a statistic."""
    figures = result.metrics.as_dict()
    table = _table("over all requests", *STATISTICS)
    for one in (*OF_REQUESTS, OF_TOKENS):
        table.add_row(one.header, *(one.text(figures[f"{one.name}_{of}"]) for of in STATISTICS))
    return table


def run_notes(result: Result, *, policy: str, workload: str, seed: int) -> list[str]:
    """What was run, a sentence a line."""
    metrics, summary = result.metrics, result.workload.summary()
    told = ", told the output lengths" if result.clairvoyant else ""
    left_out = f", {metrics.dropped} left out that could never fit" if metrics.dropped else ""
    return [
        f"Policy: {policy}{told}, seed {seed}.",
        f"Cluster: {cluster_line(result.cluster)}.",
        f"Workload: {workload}, {summary}{left_out}.",
        f"Steps: {metrics.steps:,}, of which {metrics.window_steps:,} in the measurement window.",
        *window_note(metrics.window_steps, summary.output_tokens.mean),
    ]


def _table(*headers: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for place, header in enumerate(headers):
        table.add_column(header, justify="right" if place else "left")
    return table

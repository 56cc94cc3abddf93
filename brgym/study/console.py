"""A comparison in a terminal: a table, and below it what was run and what it means."""

import math
from dataclasses import dataclass

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from brgym.cluster import ClusterConfig
from brgym.study.comparison import Comparison
from brgym.study.statistics import CONFIDENCE, Estimate
from brgym.study.summary import summarise


@dataclass(frozen=True)
class _Column:
    """One figure of the table: `scale` brings it to the unit of the header, `windowed` ones are there twice."""

    header: str
    figure: str
    format: str
    scale: float = 1.0
    windowed: bool = False


_MEANS = (
    _Column("balance", "balance_mean", ".3f", windowed=True),
    _Column("barrier\nidle (%)", "barrier_idle_mean", ".2f", 1e2, windowed=True),
    _Column("through-\nput (tok/s)", "throughput_tok_s", ",.0f", windowed=True),
    _Column("TPOT p95\n(ms)", "tpot_s_p95", ".2f", 1e3),
    _Column("TTFT p99\n(s)", "ttft_s_p99", ",.2f"),
    _Column("preemp-\ntions", "preemptions", ",.1f"),
    _Column("routing\np99 (us)", "routing_time_p99_s", ".1f", 1e6),
)

_WHERE_THEY_COUNT = (
    _Column("cancelled", "cancelled", ",.1f"),
    _Column("inter-\nruptions", "interruptions", ",.1f"),
    _Column("SLO met\n(%)", "slo_share", ".2f", 1e2),
    _Column("goodput\n(req/s)", "goodput_req_s", ",.2f"),
)
"""Columns that are shown where some run has more than nothing there."""

_SPECIFICATION_COLUMNS = 22
"""Longer specifications are broken between their parameters."""

FEW_OUTPUTS = 4
"""Mean outputs that a measurement window should be long (our choice).

In a backlog of the recipes on 8 workers its mean imbalance under JSQ and br-0 differs by 8 to 60 % between seeds where
it is shorter, and by 4 to 15 % where not (burstgpt-like, whose outputs have a long tail: 23 to 36 %).
"""


def comparison_table(comparison: Comparison) -> Table:
    """Two rows a policy, over the measurement window and over the whole run.

    Imbalance comes with an interval and its ratio to the reference; the rest are means over the seeds.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("policy", overflow="fold")
    for header in (
        "imbalance\n(tokens)",
        f"ratio to\n{comparison.reference if len(comparison.reference) <= _SPECIFICATION_COLUMNS else 'reference'}",
        *(column.header for column in _columns(comparison)),
    ):
        table.add_column(header, justify="right", overflow="fold")
    for policy in comparison.policies:
        table.add_row(_in_lines(policy), *_cells(comparison, policy, ""))
        table.add_row("  whole run", *_cells(comparison, policy, "run_"), style="dim")
    return table


def _columns(comparison: Comparison) -> list[_Column]:
    figures = [trial.metrics.as_dict() for trial in comparison.trials]
    there = [column for column in _WHERE_THEY_COUNT if any(figures_of.get(column.figure) for figures_of in figures)]
    return [*_MEANS, *there]


def notes(comparison: Comparison) -> list[str]:
    """What was run and what the table means, a sentence a line."""
    served = comparison.trials[0].metrics
    lines = [
        f"Cluster: {cluster_line(comparison.cluster)}.",
        f"Workload: {comparison.workload}, {comparison.summaries[0]}"
        + (f" (seed {comparison.seeds[0]})." if comparison.drawn_per_seed else "."),
        _seeds(comparison),
        "Means over the steps while 10 % to 90 % of the requests have been admitted, and over those of the whole run "
        "(latencies: over all requests). "
        "Imbalance G M - sum L_g: tokens by which the workers fall short of the fullest one; lower is better.",
    ]
    lines += _unclaimed(comparison)
    fewest = min(trial.metrics.window_steps for trial in comparison.trials)
    lines += window_note(fewest, comparison.summaries[0].output_tokens.mean)
    if served.dropped:
        lines.append(f"Dropped: {served.dropped} requests larger than a worker's KV capacity.")
    clairvoyant = [trial.policy for trial in comparison.trials if trial.metrics.clairvoyant]
    if clairvoyant:
        lines.append(f"Clairvoyant, that is, told the output lengths: {', '.join(dict.fromkeys(clairvoyant))}.")
    return lines


def _unclaimed(comparison: Comparison) -> list[str]:
    """Which differences to the reference the seeds do not show, and how many seeds would; nothing of one seed."""
    if len(comparison.seeds) < 2:
        return []
    values = {policy: comparison.values(policy, "imbalance_mean") for policy in comparison.policies}
    rows = [row for row in summarise(values, comparison.reference) if row.note]
    if not rows:
        return []
    return [
        f"Imbalance not told from {comparison.reference}'s (paired t test, corrected for the number of policies):",
        *(f"  {row.policy}: {row.note}" for row in rows),
    ]


def window_note(window_steps: int, mean_output_tokens: float) -> list[str]:
    """Says that a measurement window of few steps is short, and what to do about it."""
    if window_steps >= FEW_OUTPUTS * mean_output_tokens:
        return []
    long = window_steps / mean_output_tokens
    return [
        f"Few steps: the measurement window has {window_steps:,}, which is {long:.1f} mean outputs. "
        f"Step figures over fewer than {FEW_OUTPUTS} hang on single requests. Take more requests, or a trace several "
        "times (--repeat)."
    ]


def _cells(comparison: Comparison, policy: str, over: str) -> list[str]:
    """A policy's figures over the window, or over the whole run; those that have no window stand in the first row."""
    own = over + "imbalance_mean"
    ratio = "1" if policy == comparison.reference else _with_interval(comparison.ratio(policy, own))
    columns = [column for column in _columns(comparison) if column.windowed or not over]
    return [
        _plus_minus(comparison.mean(policy, own)),
        ratio,
        *(_mean(comparison, policy, over if column.windowed else "", column) for column in columns),
    ]


def cluster_line(cluster: ClusterConfig) -> str:
    """A cluster in a line."""
    kv = "no KV limit" if cluster.kv_capacity is None else f"{cluster.kv_capacity:,} KV tokens a worker"
    window = "all waiting requests" if cluster.candidates is None else f"the {cluster.candidates} oldest requests"
    return ", ".join(
        [
            f"{cluster.workers} workers of {cluster.slots} slots",
            kv,
            f"step {_step(cluster)}",
            f"pool routers see {window}",
            *_regimes(cluster),
        ]
    )


def _regimes(cluster: ClusterConfig) -> list[str]:
    """What is not as it is by default, of KV memory and workers."""
    reserve = cluster.kv_reserve_tokens
    return [
        *([] if reserve is None else [f"{reserve:,} tokens reserved a request"]),
        *([] if cluster.kv_reserve_share == 0.0 else [f"{cluster.kv_reserve_share:.0%} of the limits reserved"]),
        *([] if cluster.kv_watermark == 0.0 else [f"watermark {cluster.kv_watermark:.0%}"]),
        *([] if cluster.victim == "newest" else [f"victim {cluster.victim}"]),
        *([] if cluster.victim_returns == "same-worker" else [f"victims return to the {cluster.victim_returns}"]),
        *([] if not cluster.events else [f"{len(cluster.events)} worker events"]),
    ]


def _step(cluster: ClusterConfig) -> str:
    units = (
        ("", 1e3, "ms"),
        (" x max L_g", 1e6, "us"),
        (" x max n_g", 1e6, "us"),
        (" x sum n_g", 1e6, "us"),
        (" x max p_g", 1e6, "us"),
    )
    rows = (
        " + ".join(
            f"{value * scale:.4g} {unit}{factor}"
            for value, (factor, scale, unit) in zip(row, units, strict=True)
            if value > 0
        )
        for row in cluster.step_time.as_array()
    )
    return ", or ".join(rows)


def _seeds(comparison: Comparison) -> str:
    count = len(comparison.seeds)
    if count == 1:
        return "Seeds: one, so there are no intervals; every policy met the same requests."
    if comparison.drawn_per_seed:
        what = "each drew its own requests, the same for every policy"
    else:
        what = "the trace is the same for all, so they cover the policies' own randomness only, not other traces"
    return f"Seeds: {count}, paired; ± and [ ] are {CONFIDENCE:.0%} Student-t intervals over them; {what}."


def _in_lines(specification: str) -> str:
    """A policy's specification, each parameter on a line of its own where it has more than fit on one."""
    if len(specification) <= _SPECIFICATION_COLUMNS:
        return specification
    return specification.replace(":", ":\n ", 1).replace(",", ",\n ")


def _plus_minus(estimate: Estimate) -> str:
    interval = "" if math.isnan(estimate.half_width) else f" ± {estimate.half_width:,.0f}"
    return f"{estimate.mean:,.0f}{interval}"


def _with_interval(estimate: Estimate) -> str:
    interval = "" if math.isnan(estimate.low) else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    return f"{estimate.mean:.3f}{interval}"


def _mean(comparison: Comparison, policy: str, over: str, column: _Column) -> str:
    mean = float(np.mean(comparison.values(policy, over + column.figure))) * column.scale
    return "-" if math.isnan(mean) else format(mean, column.format)

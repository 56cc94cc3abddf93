"""Trials of a learned router on requests that it has not seen: beside the routers that it has to beat, paired seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

import baselines
from brgym.cluster import ClusterConfig, simulate
from brgym.study import Comparison, Drawn, PolicyFactory, Trial, WorkloadSource, compare
from brgym.workload import Workload, load_workload

RIVALS = ("br-0", "jsq", "level")
"""Routers beside the learned one; the first is the one to beat."""

LEARNED = "learned"

FIRST_VALIDATION_SEED, FIRST_SEED = 900, 1000
"""First seeds of validation and of the trials; the training's begin at 0."""

REQUESTS_A_WORKER = 1000

TRACE_ROWS = 8000
"""Rows that each seed draws from a trace."""

TRACE_LOADS = (1.1, 0.55)
"""Loads at which a trace is replayed: rate of arrivals over the rate at which BR-0 serves its rows from a backlog."""


@dataclass(frozen=True)
class Case:
    """Where a router is tried.

    Attributes:
        name: What to call it.
        cluster: The cluster.
        source: The requests of each seed.
    """

    name: str
    cluster: ClusterConfig
    source: WorkloadSource


def synthetic_case(workload: str, cluster: ClusterConfig, workers: int) -> Case:
    """A built-in workload in backlog, on a number of workers that need not be that of the training."""
    requests = REQUESTS_A_WORKER * workers

    def draw(seed: int) -> Workload:
        return load_workload(workload, count=requests, seed=seed).backlog()

    return Case(f"{workload}, {workers} workers", replace(cluster, workers=workers), Drawn(workload, draw))


def trace_case(workload: str, cluster: ClusterConfig, load: float) -> Case:
    """A trace at a load: each seed draws some of its rows, which keep their order and come at another rate."""
    trace = load_workload(workload)
    served = simulate(cluster, trace.backlog(), baselines.make("br-0"), oversize="drop").metrics
    served_per_s = served.throughput_tok_s / float(trace.output_tokens.mean())

    def draw(seed: int) -> Workload:
        rows = np.random.default_rng(seed).choice(len(trace), size=min(TRACE_ROWS, len(trace)), replace=False)
        drawn = trace.take(np.sort(rows)).rebase()
        return drawn.rescale_rate(load * served_per_s * drawn.arrival_s[-1] / len(drawn))

    return Case(f"{workload}, load {load:g}", cluster, Drawn(workload, draw))


def try_router(
    weights: str | Path | None,
    cases: Sequence[Case],
    *,
    seeds: int,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> dict[str, Comparison]:
    """Serves the requests of each case and seed with the learned router and its rivals.

    Args:
        weights: The router's weights, see `baselines.learned.Learned`.
        cases: Where.
        seeds: Seeds of each case, from `FIRST_SEED` on.
        on_trial: Told of each run that has ended.

    Returns:
        The comparisons by the cases' names; ratios and differences refer to BR-0.
    """
    policies: dict[str, PolicyFactory] = {name: partial(baselines.make, name) for name in RIVALS}
    policies[LEARNED] = partial(baselines.make, LEARNED, weights=weights)
    return {
        case.name: compare(
            case.cluster,
            case.source,
            policies,
            range(FIRST_SEED, FIRST_SEED + seeds),
            reference=RIVALS[0],
            oversize="drop",
            on_trial=on_trial,
        )
        for case in cases
    }


def figures(found: Mapping[str, Comparison]) -> list[dict[str, str | float]]:
    """One row for each case and router: imbalance, its difference to BR-0 and its ratio, throughput, waiting."""
    return [
        {
            "case": case,
            "router": router,
            "imbalance_tokens": comparison.mean(router, "imbalance_mean").mean,
            "difference": difference.mean,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "ratio": ratio.mean,
            "ratio_low": ratio.low,
            "ratio_high": ratio.high,
            "throughput_tok_s": comparison.mean(router, "throughput_tok_s").mean,
            "queueing_s_p99": comparison.mean(router, "queueing_s_p99").mean,
            "queueing_s_max": comparison.mean(router, "queueing_s_max").mean,
        }
        for case, comparison in found.items()
        for router in comparison.policies
        for difference in [comparison.difference(router, "imbalance_mean")]
        for ratio in [comparison.ratio(router, "imbalance_mean")]
    ]

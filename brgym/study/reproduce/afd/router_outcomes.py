"""What the routers made of every ratio: the best one under each, how far it moved, and what it brings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from brgym.cluster import Integers, Reals
from brgym.study.engine import Figures
from brgym.study.reproduce.afd.routers import REFERENCE, ROUTERS, Case, Run
from brgym.study.statistics import Estimate, mean_interval, paired_difference, paired_ratio

Served = Mapping[Run, Figures]
"""What came of every run, by router."""


@dataclass(frozen=True)
class RouterOutcome:
    """What one router made of a case; intervals are over paired seeds.

    Attributes:
        router: The router.
        best_ratio: The integer ratio of most throughput per instance, seed by seed.
        shift: How far that is from the reference router's.
        throughput: Tokens per second and instance at the router's own best ratio.
        gain: That over the reference router's at its own best ratio.
        gain_at_reference: The throughput at the reference router's best ratio over the reference router's there.
        barrier_idle: Share of attention time spent waiting for the slowest step, at the reference router's best ratio.
    """

    router: str
    best_ratio: Estimate
    shift: Estimate
    throughput: Estimate
    gain: Estimate
    gain_at_reference: Estimate
    barrier_idle: Estimate


def outcomes(case: Case, served: Served) -> list[RouterOutcome]:
    """The outcome of every router in a case."""
    throughput = {router: curve(case, router, "throughput", served) for router in ROUTERS}
    best = {router: rows.argmax(axis=1) for router, rows in throughput.items()}
    at_best = {router: _pick(rows, best[router]) for router, rows in throughput.items()}
    ratios = np.array(case.ratios)
    at_reference = best[REFERENCE]
    return [
        RouterOutcome(
            router=router,
            best_ratio=mean_interval(ratios[best[router]]),
            shift=paired_difference(ratios[best[router]], ratios[at_reference]),
            throughput=mean_interval(at_best[router]),
            gain=paired_ratio(at_best[router], at_best[REFERENCE]),
            gain_at_reference=paired_ratio(_pick(throughput[router], at_reference), at_best[REFERENCE]),
            barrier_idle=mean_interval(_pick(curve(case, router, "barrier_idle", served), at_reference)),
        )
        for router in ROUTERS
    ]


def curve(case: Case, router: str, figure: str, served: Served) -> Reals:
    """A figure along the ratio, shape (seeds, ratios)."""
    seeds = sorted({run.seed for run in served if run.case == case})
    rows = [[served[Run(case, ratio, seed)][router][figure] for ratio in case.ratios] for seed in seeds]
    return np.array(rows, dtype=np.float64)


def _pick(rows: Reals, columns: Integers) -> Reals:
    """One value of each row."""
    return np.asarray(rows[np.arange(len(rows)), columns])

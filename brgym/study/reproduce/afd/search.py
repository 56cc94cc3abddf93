"""The best ratio of a cell by simulation: all its ratios on the same loads, until the best one stands out.

One rule for every cell and every method, set after a pilot and before the study. The simulated best is the ratio of
most throughput. A cell is simulated in runs of many independent intervals, each as long as the mean lifetime of a
request in service, until every ratio further than `NEAR` from the best is told from it by the paired difference of
their throughputs, or until `_MOST_RUNS` runs are done.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from brgym._ingredients import digest_of_modules
from brgym.afd import BundleResult, simulate_ratios
from brgym.study.engine import Figures
from brgym.study.reproduce.afd.grid import COEFFICIENTS, Cell, population
from brgym.study.reproduce.afd.predictions import METHODS, predict
from brgym.study.statistics import paired_ratio

FIXED_RATIOS = (1, 4, 8, 16)
"""Ratios that a deployment might fix without asking; simulated in every cell."""

NEAR = 0.1
"""How far two ratios may be apart, relative to the simulated best, and count as one."""

_SWEEP = 72
"""Most ratios of the sweep, which goes from `_LOWEST` times the least prediction to `_HIGHEST` times the greatest:
every integer where ratios are small, some 2 % apart where they are large."""
_LOWEST, _HIGHEST = 0.6, 1.5

_INTERVALS = 200
_MOST_RUNS = 6
_SHORTEST_INTERVAL_STEPS = 200


@dataclass(frozen=True)
class Point:
    """One ratio of a cell, simulated.

    Attributes:
        ratio: Attention workers.
        throughput: Tokens per unit of time and instance.
        idle_attention: Share of their time in which attention workers wait.
        idle_ffn: Share of its time in which the FFN server waits.
        of_best: Throughput over the best's on the same loads.
        of_best_high: Upper end of the confidence interval of that.
    """

    ratio: int
    throughput: float
    idle_attention: float
    idle_ffn: float
    of_best: float
    of_best_high: float

    @property
    def idle(self) -> float:
        """Share of all instances' time that is spent waiting."""
        return (self.ratio * self.idle_attention + self.idle_ffn) / (self.ratio + 1)

    @property
    def refuted(self) -> bool:
        """Whether the simulation tells the ratio from the best."""
        return self.of_best_high < 1.0


Simulate = Callable[[Sequence[int], int], Sequence[BundleResult]]
"""Simulates a cell at some ratios, on loads that depend on the number of the run."""


@dataclass(frozen=True)
class Exploration:
    """A cell of the grid, to be explored.

    Attributes:
        cell: The cell.
        seed: Seed of requests and simulation.
    """

    cell: Cell
    seed: int

    interpreted: ClassVar[bool] = True  # statistics between simulations

    @property
    def specification(self) -> Mapping[str, Any]:
        """All that decides the points."""
        return {
            "study": "afd grid",
            "cell": asdict(self.cell),
            "runs": [_INTERVALS, _MOST_RUNS, _SHORTEST_INTERVAL_STEPS],
            "seed": self.seed,
            "code": digest_of_modules(__name__),
        }

    @property
    def shares(self) -> Hashable:
        """The requests."""
        return self.cell.workload, self.seed

    def run(self) -> Figures:
        """The points, field by field."""
        ratios = ratios_of(self.cell, seed=self.seed)
        points = explore(ratios, lambda wanted, run: simulate_run(self.cell, wanted, seed=self.seed, run=run))
        return {field.name: [getattr(point, field.name) for point in points] for field in fields(Point)}


def points_of(figures: Figures) -> tuple[Point, ...]:
    """What an exploration found."""
    columns = [figures[field.name] for field in fields(Point)]
    return tuple(Point(*values) for values in zip(*columns, strict=True))


def simulate_run(cell: Cell, ratios: Sequence[int], *, seed: int, run: int) -> list[BundleResult]:
    """Simulates a cell at some ratios on the same loads, the phases pipelined."""
    requests = population(cell.workload, seed)
    output = requests.output_tokens.astype(np.float64)
    lifetime = round(float((output**2).sum() / output.sum()))
    return simulate_ratios(
        COEFFICIENTS,
        requests,
        ratios=ratios,
        batch=cell.batch,
        microbatches=cell.microbatches,
        steps=_INTERVALS * max(_SHORTEST_INTERVAL_STEPS, lifetime),
        intervals=_INTERVALS,
        seed=_MOST_RUNS * seed + run,
    )


def ratios_of(cell: Cell, *, seed: int) -> list[int]:
    """The ratios at which a cell is simulated: predictions, fixed ones, and a sweep over all that could be best."""
    predictions = [predict(cell, method, seed=seed) for method in METHODS]
    ratios = [p.ratio for p in predictions]
    sweep = np.geomspace(max(1.0, _LOWEST * min(ratios)), _HIGHEST * max(ratios), _SWEEP)
    return sorted({*FIXED_RATIOS, *(p.integer for p in predictions), *(round(ratio) for ratio in sweep)})


def explore(ratios: Sequence[int], simulate: Simulate) -> list[Point]:
    """Simulates a cell until its best ratio stands out.

    Args:
        ratios: The ratios, ascending.
        simulate: Simulates the cell.

    Returns:
        A point a ratio.
    """
    runs: list[Sequence[BundleResult]] = []
    while True:
        runs.append(simulate(ratios, len(runs)))
        points = _points(runs)
        if len(runs) == _MOST_RUNS or stands_out(points):
            return points


def stands_out(points: Sequence[Point]) -> bool:
    """Whether every ratio further than `NEAR` from the best is told from it."""
    top = best(points).ratio
    return all(point.refuted for point in points if abs(point.ratio - top) > NEAR * top)


def best(points: Sequence[Point]) -> Point:
    """The point of highest throughput."""
    return max(points, key=lambda point: point.throughput)


def _points(runs: Sequence[Sequence[BundleResult]]) -> list[Point]:
    """The runs taken together, ratio by ratio, each compared with the best interval by interval."""
    by_ratio = list(zip(*runs, strict=True))
    cycles = np.array([np.concatenate([result.cycle_times for result in results]) for results in by_ratio])
    ratios = np.array([results[0].ratio for results in by_ratio])
    per_cycle = ratios * by_ratio[0][0].batch / (ratios + 1)
    throughput = per_cycle / cycles.mean(axis=1)
    each = per_cycle[:, None] / cycles
    top = each[throughput.argmax()]
    points = []
    for results, mean, own in zip(by_ratio, throughput, each, strict=True):
        of_best = paired_ratio(own, top)
        idle_attention, idle_ffn = (
            float(np.mean([getattr(result, name) for result in results])) for name in ("idle_attention", "idle_ffn")
        )
        points.append(Point(results[0].ratio, float(mean), idle_attention, idle_ffn, of_best.mean, of_best.high))
    return points

"""The best ratio of a cell by simulation: a coarse sweep, then every ratio about its peak."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

from brgym.afd import simulate_bundle
from brgym.study.reproduce.afd.grid import COEFFICIENTS, Cell, population
from brgym.study.reproduce.afd.predictions import METHODS, predict
from brgym.study.reproduce.store import Store

FIXED_RATIOS = (1, 4, 8, 16)
"""Ratios that a deployment might fix without asking; simulated in every cell."""

_SWEEP = 6
"""Ratios of the coarse sweep, which goes from `_LOWEST` times the least prediction to `_HIGHEST` times the greatest."""
_LOWEST, _HIGHEST = 0.6, 1.6

_FINE = 7
"""Most ratios tried between the neighbours of the sweep's best."""

_INTERVALS = 20
_SLOT_LIFETIMES = 400_000
"""Length of a simulation, in lifetimes of the requests in service, summed over slots: about 0.1 % in throughput."""
_LONGEST_RUN_LIFETIMES = 300
_SHORTEST_RUN_STEPS = 1000


@dataclass(frozen=True)
class Point:
    """One ratio of a cell, simulated; see `brgym.afd.BundleResult`."""

    ratio: int
    throughput: float
    throughput_low: float
    throughput_high: float
    idle_attention: float
    idle_ffn: float

    @property
    def idle(self) -> float:
        """Share of all instances' time that is spent waiting."""
        return (self.ratio * self.idle_attention + self.idle_ffn) / (self.ratio + 1)


Simulate = Callable[[int], Point]
"""Simulates a cell at a ratio."""


def stored(cell: Cell, store: Store, *, seed: int, code: str) -> Simulate:
    """`simulate_point`, but what `store` holds is read and what it does not is written there.

    Args:
        cell: The cell.
        store: Where points are found and kept.
        seed: Seed of requests and simulation.
        code: Digest of the code that decides what comes out.
    """

    def simulate(ratio: int) -> Point:
        specification = {
            "study": "afd grid",
            "cell": asdict(cell),
            "ratio": ratio,
            "slot_lifetimes": _SLOT_LIFETIMES,
            "seed": seed,
            "code": code,
        }
        figures = store.load(specification)
        if figures is None:
            point = simulate_point(cell, ratio, seed=seed)
            store.save(specification, {name: value for name, value in asdict(point).items() if name != "ratio"})
            return point
        return Point(ratio, **{name: value for name, value in figures.items() if value is not None})

    return simulate


def simulate_point(cell: Cell, ratio: int, *, seed: int) -> Point:
    """Simulates a cell at a ratio, the phases pipelined."""
    requests = population(cell.workload, seed)
    slots = ratio * cell.batch * cell.microbatches
    output = requests.output_tokens.astype(np.float64)
    lifetimes = min(_SLOT_LIFETIMES / slots, _LONGEST_RUN_LIFETIMES)
    steps = max(_SHORTEST_RUN_STEPS, math.ceil(lifetimes * (output**2).sum() / output.sum()))
    found = simulate_bundle(
        COEFFICIENTS,
        requests,
        ratio=ratio,
        batch=cell.batch,
        microbatches=cell.microbatches,
        steps=steps,
        intervals=_INTERVALS,
        seed=seed,
    )
    return Point(ratio, found.throughput, *found.throughput_ci, found.idle_attention, found.idle_ffn)


def explore(cell: Cell, simulate: Simulate, *, seed: int) -> list[Point]:
    """Simulates a cell at the ratios that decide: predictions, fixed ones, a sweep, and the surroundings of its peak.

    Args:
        cell: The cell.
        simulate: Simulates it at a ratio.
        seed: Seed of the cell's requests.

    Returns:
        The points by ascending ratio.
    """
    predictions = [predict(cell, method, seed=seed) for method in METHODS]
    ratios = [p.ratio for p in predictions]
    sweep = _spread(max(1.0, _LOWEST * min(ratios)), _HIGHEST * max(ratios), _SWEEP)
    points: dict[int, Point] = {}

    def visit(wanted: Iterable[int]) -> None:
        for ratio in wanted:
            if ratio not in points:
                points[ratio] = simulate(ratio)

    visit([*sweep, *(p.integer for p in predictions), *FIXED_RATIOS])
    known = sorted(points)
    peak = known.index(best(points.values()).ratio)
    low, high = known[max(0, peak - 1)], known[min(len(known) - 1, peak + 1)]
    visit(_spread(low, high, _FINE))
    return [points[ratio] for ratio in sorted(points)]


def best(points: Iterable[Point]) -> Point:
    """The point of highest throughput."""
    return max(points, key=lambda point: point.throughput)


def _spread(low: float, high: float, count: int) -> list[int]:
    """At most `count` integers from `low` to `high`, in equal proportions."""
    return sorted({round(ratio) for ratio in np.geomspace(low, high, count)})

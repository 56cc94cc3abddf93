"""Prediction against simulation, cell by cell, and what waits where the ratio is predicted and where it is fixed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brgym.afd import Provision
from brgym.afd.provisioning import Method
from brgym.study.reproduce.afd.grid import Cell
from brgym.study.reproduce.afd.predictions import METHODS, predict
from brgym.study.reproduce.afd.search import FIXED_RATIOS, NEAR, Point, best, stands_out

RECOMMENDED: Method = "quasi-static"
"""The method that counts both the slowest worker and the microbatches in flight, as the simulator does."""

_WITHOUT_BARRIER = ("mean-field", "microbatch")
_WITHOUT_PIPELINE = ("mean-field", "gaussian", "gaussian-plug-in")


@dataclass(frozen=True)
class Explored:
    """A cell and the simulations of it.

    Attributes:
        cell: The cell.
        points: What was simulated, by ascending ratio.
        seed: Seed of requests and simulations.
    """

    cell: Cell
    points: Sequence[Point]
    seed: int

    @property
    def best(self) -> Point:
        """The simulated best."""
        return best(self.points)

    @property
    def stands_out(self) -> bool:
        """Whether the simulations tell every ratio that is not near the best from it."""
        return stands_out(self.points)

    def at(self, ratio: int) -> Point:
        """What was simulated at a ratio: one of the predicted or of the fixed ones."""
        return next(point for point in self.points if point.ratio == ratio)

    def predicted(self, method: Method) -> Provision:
        """What a method predicts."""
        return predict(self.cell, method, seed=self.seed)


@dataclass(frozen=True)
class Verdict:
    """What came of one method in one cell.

    Attributes:
        cell: The cell.
        method: The method.
        ratio: The predicted ratio.
        integer: The predicted integer ratio.
        best: The simulated best ratio.
        loss: Share of the best simulated throughput that the predicted integer ratio loses.
        refuted: Whether the simulations tell the two apart.
        throughput_error: Mean relative error of the predicted throughput, sign dropped, over all simulated ratios.
        reason: Why prediction and simulation disagree; empty where they agree.
    """

    cell: Cell
    method: Method
    ratio: float
    integer: int
    best: int
    loss: float
    refuted: bool
    throughput_error: float
    reason: str

    @property
    def agrees(self) -> bool:
        """Whether the predicted ratio is within `NEAR` of the simulated best, or that is its nearest integer."""
        return not self.reason


def verdicts(explored: Explored) -> list[Verdict]:
    """The verdict on every method in a cell."""
    top = explored.best
    ratios = [point.ratio for point in explored.points]
    simulated = np.array([point.throughput for point in explored.points])
    found = []
    for method in METHODS:
        p = explored.predicted(method)
        chosen = explored.at(p.integer)
        found.append(
            Verdict(
                cell=explored.cell,
                method=method,
                ratio=p.ratio,
                integer=p.integer,
                best=top.ratio,
                loss=1.0 - chosen.throughput / top.throughput,
                refuted=chosen.refuted,
                throughput_error=float(np.abs(p.throughput(ratios) / simulated - 1.0).mean()),
                reason=_reason(explored, method),
            )
        )
    return found


def _agrees(p: Provision, simulated: int) -> bool:
    near = abs(p.ratio - simulated) <= NEAR * simulated * (1 + 1e-9)
    return near or simulated in (p.integer, round(p.ratio))


def _reason(explored: Explored, method: Method) -> str:
    """What the study can say of a prediction that is off: whether it is resolved, which method agrees, by how much."""
    p, top = explored.predicted(method), explored.best
    if _agrees(p, top.ratio):
        return ""
    chosen = explored.at(p.integer)
    if not chosen.refuted:
        return "flat optimum: the simulation does not tell the two ratios apart"
    agreeing = [m for m in METHODS if _agrees(explored.predicted(m), top.ratio)]
    if method in _WITHOUT_PIPELINE and any(m not in _WITHOUT_PIPELINE for m in agreeing):
        return "a method that counts the microbatches in flight agrees"
    if method in _WITHOUT_BARRIER and any(m not in _WITHOUT_BARRIER for m in agreeing):
        return "a method that counts the slowest worker agrees"
    here, there = (float(p.throughput(point.ratio)) / point.throughput - 1.0 for point in (chosen, top))
    return f"the formula's throughput is {here:+.1%} off at its own ratio, {there:+.1%} at the simulated best"


@dataclass(frozen=True)
class Share:
    """How often and how well a method predicts, over some cells.

    Attributes:
        method: The method.
        cells: Number of cells.
        agreeing: Share of them in which it agrees with the simulation.
        not_refuted: Share of them in which it agrees, or the simulation does not tell its ratio from the best.
        mean_loss: Mean share of the best throughput that its integer ratio loses.
        worst_loss: Largest such share.
        throughput_error: Mean of `Verdict.throughput_error`.
    """

    method: Method
    cells: int
    agreeing: float
    not_refuted: float
    mean_loss: float
    worst_loss: float
    throughput_error: float

    @classmethod
    def of(cls, method: Method, found: Sequence[Verdict]) -> "Share":
        """Sums up a method's verdicts."""
        mine = [verdict for verdict in found if verdict.method == method]
        losses = [verdict.loss for verdict in mine]
        agreeing = float(np.mean([verdict.agrees for verdict in mine]))
        not_refuted = float(np.mean([verdict.agrees or not verdict.refuted for verdict in mine]))
        error = float(np.mean([verdict.throughput_error for verdict in mine]))
        return cls(method, len(mine), agreeing, not_refuted, float(np.mean(losses)), max(losses), error)


@dataclass(frozen=True)
class Idleness:
    """What waits at a choice of ratio, as means over cells.

    Attributes:
        choice: How the ratio is chosen.
        idle_attention: Share of their time in which attention workers wait.
        idle_ffn: Share of its time in which the FFN server waits.
        idle: Share of all instances' time.
        of_best: Throughput per instance over the simulated best.
    """

    choice: str
    idle_attention: float
    idle_ffn: float
    idle: float
    of_best: float


def idleness(cells: Sequence[Explored]) -> list[Idleness]:
    """Idle time at the predicted ratio, at the simulated best, and at fixed ones."""
    choices = {f"predicted ({RECOMMENDED})": [e.at(e.predicted(RECOMMENDED).integer) for e in cells]}
    choices["simulated best"] = [e.best for e in cells]
    choices |= {f"fixed at {ratio}": [e.at(ratio) for e in cells] for ratio in FIXED_RATIOS}
    best_throughput = np.array([e.best.throughput for e in cells])
    return [
        Idleness(
            choice,
            float(np.mean([point.idle_attention for point in points])),
            float(np.mean([point.idle_ffn for point in points])),
            float(np.mean([point.idle for point in points])),
            float(np.mean([point.throughput for point in points] / best_throughput)),
        )
        for choice, points in choices.items()
    ]

"""The Gaussian barrier in a pipeline, where workers need not keep step (derived for this project).

A worker that is done with one microbatch starts on the next, so it may fall behind with one and catch up with another.
Loads hardly change from one step to the next, so the pipeline repeats itself, and its cycle is the slowest of its
feedback loops. A loop is made of turns: a worker serves k microbatches one after the other, the last of them goes away
through communication and FFN, and whichever worker is slowest then goes on. With m microbatches in flight each turn
spans m + k - 1 cycles, and it takes the longest of r sums of k attention times, `k mu + sqrt(k) sigma M + away` with M
the largest of r standard normals. Two more loops are the FFN server's own, t_F, and that of a worker which never
waits: it serves all m microbatches over and over, the longest of r means of m attention times.

Without scatter the loops of k = 1 and of the worker alone remain: `max(t_A, t_F, (t_A + t_F + t_C) / m)`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brgym.afd._types import FloatArray
from brgym.afd.barrier import BarrierCycle
from brgym.afd.cycle import Cycle, Phase
from brgym.afd.gaussian import expected_slowest


@dataclass(frozen=True)
class PipelinedGaussianCycle(BarrierCycle):
    """The cycle of a bundle whose attention workers run ahead of each other within the microbatches in flight.

    Attributes:
        away: Communication and FFN together: what a microbatch goes through between two attention phases.
        microbatches: Microbatches in flight, m.
    """

    away: Phase
    microbatches: int

    def duration(self, ratio: npt.ArrayLike) -> FloatArray:
        """Mean cycle time at each ratio: the longest loop, each with the mean of its maximum."""
        if self.std == 0.0:
            return self.affine(0.0).duration(ratio)
        workers = np.asarray(ratio, dtype=np.float64)[..., None]
        served, cycles = self._turns()
        loop_mean = (served * self.mean + self.away.time(workers)) / cycles
        loop_std = self.std * np.sqrt(served) / cycles
        loops = expected_slowest(loop_mean, loop_std, self.rest.duration(workers), workers)
        alone = expected_slowest(self.mean, self._std_alone, self.rest.duration(ratio), ratio)
        return np.maximum(loops.max(axis=-1), alone)

    def affine(self, deviations: float) -> Cycle:
        """The same bundle without scatter, its slowest worker `deviations` standard deviations above the mean."""
        alone = Phase("attention", 0.0, self.mean + deviations * self._std_alone)
        loops = [
            Phase("pipeline", self.away.slope / cycles, (attention + self.away.intercept) / cycles)
            for served, cycles in zip(*self._turns(), strict=True)
            for attention in [served * self.mean + deviations * self.std * np.sqrt(served)]
        ]
        return Cycle([alone, *self.rest.phases, *loops], self.rest.attention_cost, self.rest.ffn_cost)

    @property
    def _std_alone(self) -> float:
        """Deviation of a worker's mean attention time over all microbatches."""
        return self.std / float(np.sqrt(self.microbatches))

    def _turns(self) -> tuple[FloatArray, FloatArray]:
        """How many microbatches k a worker serves in each kind of turn, and how many cycles the turn spans."""
        served = np.arange(1.0, self.microbatches + 1)
        return served, self.microbatches + served - 1

"""The cycle of a bundle whose attention times scatter: what every model of it has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from brgym.afd._types import FloatArray
from brgym.afd.cycle import Cycle, unit_cost

_ROUNDING = 1e-12


@dataclass(frozen=True)
class BarrierCycle(ABC):
    """A cycle that waits for the slowest of r attention workers whose times scatter.

    Attributes:
        mean: Mean attention time mu of a worker.
        std: Standard deviation sigma of the attention time of a worker.
        rest: The phases that can set the cycle besides, and the costs of the instances.
    """

    mean: float
    std: float
    rest: Cycle

    @property
    def scatters(self) -> bool:
        """Whether attention times scatter by more than numbers do that were rounded."""
        return self.std > _ROUNDING * self.mean

    @abstractmethod
    def duration(self, ratio: npt.ArrayLike) -> FloatArray:
        """Mean cycle time at each ratio: not below that of `affine(0)`, and no shorter at a larger ratio."""

    @abstractmethod
    def affine(self, deviations: float) -> Cycle:
        """The same bundle without scatter, its slowest worker `deviations` standard deviations above the mean."""

    def cost(self, ratio: npt.ArrayLike) -> FloatArray:
        """What `batch` tokens cost at each ratio: cost of an instance times time."""
        costs: FloatArray = self._unit_cost(ratio) * self.duration(ratio)
        return costs

    def _unit_cost(self, ratio: npt.ArrayLike) -> FloatArray:
        return unit_cost(ratio, self.rest.attention_cost, self.rest.ffn_cost)

    def best_ratio(self, limit: float) -> float:
        """The ratio of least cost: an integer, since a barrier counts workers."""
        return float(self.best_integer(limit))

    def best_integer(self, limit: float) -> int:
        """The integer ratio of least cost among those from 1 to `limit`, which is at least 1.

        The search leaves out only what cannot win. Without scatter the cost is lower and convex, which leaves a span of
        ratios; and a cycle does not get shorter with more workers, so that a part of the span costs at least what its
        largest ratio would cost with the cycle of a smaller one.
        """
        mean_field = self.affine(0.0)
        best = mean_field.best_integer(limit)
        least = float(self.cost(best))
        low, high = _sublevel(mean_field, least)
        first, last = max(1, int(np.floor(low))), int(min(np.ceil(high), np.floor(limit)))
        parts = [(first, last, float(mean_field.duration(first)))]
        while parts:
            first, last, shortest = parts.pop()
            if first > last or self._unit_cost(last) * shortest >= least:
                continue
            middle = (first + last) // 2
            duration = float(self.duration(middle))
            cost = float(self._unit_cost(middle)) * duration
            if cost < least:
                best, least = middle, cost
            parts += [(first, middle - 1, shortest), (middle + 1, last, duration)]
        return best

    def largest_ratio(self, duration: float) -> float:
        """The largest integer ratio whose mean cycle takes at most `duration`; infinite if all do, 0 if none does.

        A barrier over normal times has no upper bound, so "all" means up to a million workers.
        """
        low, high = 0, 1
        while high <= 1_000_000 and self.duration(high) <= duration:
            low, high = high, 2 * high
        if high > 1_000_000:
            return np.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.duration(middle) <= duration else (low, middle)
        return float(low)


def _sublevel(cycle: Cycle, cost: float) -> tuple[float, float]:
    """The interval of ratios on which a convex `cycle` costs at most `cost`."""
    optimum = cycle.optimum()

    def excess(log_ratio: float) -> float:
        return float(cycle.cost(np.exp(log_ratio))) - cost

    middle = np.log(optimum)
    if excess(middle) >= 0:
        return optimum, optimum
    below, above = middle - 1.0, middle + 1.0
    while excess(below) < 0:
        below -= 1.0
    while excess(above) < 0:
        above += 1.0
    return float(np.exp(brentq(excess, below, middle))), float(np.exp(brentq(excess, middle, above)))

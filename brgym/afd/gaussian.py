"""The barrier over r attention workers whose loads scatter: the slowest of r normal times.

A worker's load is the sum of many slots, so its attention time is close to normal with mean `mu = alpha_a B theta +
beta_a` and deviation `sigma = alpha_a nu sqrt(B)`; the cycle waits for the slowest worker (arXiv 2601.21351).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import log_ndtr

from brgym.afd._types import FloatArray
from brgym.afd.cycle import Cycle, Phase, unit_cost

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_TAIL = 9.0
"""Normal deviations beyond which the maximum of any realistic number of workers does not lie."""

_CHUNK = 1024


def expected_excess(threshold: npt.ArrayLike, workers: npt.ArrayLike) -> FloatArray:
    """By how much the largest of `workers` standard normals exceeds `threshold` on average: E[max(M - threshold, 0)].

    The integral from `threshold` to infinity of `1 - Phi(z)^workers`, by Gauss-Legendre quadrature (absolute error
    below 1e-9 for up to a million workers).

    Args:
        threshold: Thresholds in standard deviations; broadcast against `workers`.
        workers: Numbers of workers, at least 1; fractions interpolate.
    """
    z0, count = np.broadcast_arrays(np.asarray(threshold, dtype=np.float64), np.asarray(workers, dtype=np.float64))
    low = np.clip(z0, -_TAIL, _TAIL)
    half = (_TAIL - low) / 2
    z = low[..., None] + half[..., None] * (1.0 + _NODES)
    tail: FloatArray = -np.expm1(count[..., None] * log_ndtr(z))
    # Below -_TAIL the integrand is 1.
    excess: FloatArray = half * (tail @ _WEIGHTS) + np.maximum(0.0, -_TAIL - z0)
    return excess


def expected_maximum(workers: npt.ArrayLike) -> FloatArray:
    """Mean kappa_r of the largest of r standard normals, for each r in `workers`."""
    return expected_excess(-_TAIL, workers) - _TAIL


@dataclass(frozen=True)
class GaussianCycle:
    """The cycle of a bundle with a barrier over normal attention times.

    Attributes:
        mean: Mean attention time mu of a worker.
        std: Standard deviation sigma of the attention time of a worker.
        rest: The other phases, and the costs of the instances.
        plug_in: Whether to put the mean of the slowest worker into the maximum, `max(mu + kappa_r sigma, K)`, instead
            of taking the mean of the maximum, `E[max(slowest, K)]`.
    """

    mean: float
    std: float
    rest: Cycle
    plug_in: bool = False

    def duration(self, ratio: npt.ArrayLike) -> FloatArray:
        """Mean cycle time at each ratio; below one worker there is no barrier to wait at."""
        rest = self.rest.duration(ratio)
        workers = np.maximum(1.0, ratio)
        if self.std == 0.0:
            return np.maximum(self.mean, rest)
        if self.plug_in:
            return np.maximum(self.mean + self.std * expected_maximum(workers), rest)
        return rest + self.std * expected_excess((rest - self.mean) / self.std, workers)

    def cost(self, ratio: npt.ArrayLike) -> FloatArray:
        """What `batch` tokens cost at each ratio: cost of an instance times time."""
        return unit_cost(ratio, self.rest.attention_cost, self.rest.ffn_cost) * self.duration(ratio)

    def best_ratio(self, limit: float) -> float:
        """The ratio of least cost: an integer, since a barrier counts workers."""
        return float(self.best_integer(limit))

    def best_integer(self, limit: float) -> int:
        """The integer ratio of least cost among those from 1 to `limit`, which is at least 1.

        The search is exhaustive where it has to be: without scatter the cost is lower and convex, so no ratio whose
        cost without scatter is above the least cost found can win.
        """
        mean_field = self.affine(0.0)
        start = mean_field.best_integer(limit)
        low, high = _sublevel(mean_field, float(self.cost(start)))
        first, last = max(1, int(np.floor(low))), int(min(np.ceil(high), np.floor(limit)))
        best, least = start, float(self.cost(start))
        for chunk in range(first, last + 1, _CHUNK):
            ratios = np.arange(chunk, min(chunk + _CHUNK, last + 1))
            cost = self.cost(ratios)
            if cost.min() < least:
                best, least = int(ratios[cost.argmin()]), float(cost.min())
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

    def affine(self, deviations: float) -> Cycle:
        """The same bundle with every attention time `deviations` standard deviations above its mean."""
        attention = Phase("attention", 0.0, self.mean + deviations * self.std)
        return Cycle([attention, *self.rest.phases], self.rest.attention_cost, self.rest.ffn_cost)


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

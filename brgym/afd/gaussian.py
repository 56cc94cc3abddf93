"""The barrier over r attention workers whose loads scatter: the slowest of r normal times.

A worker's load is the sum of many slots, so its attention time is close to normal with mean `mu = alpha_a B theta +
beta_a` and deviation `sigma = alpha_a nu sqrt(B)`; the cycle waits for the slowest worker (arXiv 2601.21351).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

from brgym.afd._types import FloatArray
from brgym.afd.barrier import BarrierCycle
from brgym.afd.cycle import Cycle, Phase

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_TAIL = 9.0
"""Normal deviations beyond which the maximum of any realistic number of workers does not lie."""


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


def expected_slowest(
    mean: FloatArray | float, std: FloatArray | float, at_least: FloatArray, workers: npt.ArrayLike
) -> FloatArray:
    """E[max(at_least, mean + std M)] with M the largest of `workers` standard normals, of one below one worker.

    The arguments broadcast; `std` is above 0.
    """
    return at_least + std * expected_excess((at_least - mean) / std, np.maximum(1.0, workers))


@dataclass(frozen=True)
class GaussianCycle(BarrierCycle):
    """The cycle of a bundle whose attention workers all wait for the slowest in every cycle.

    Attributes:
        plug_in: Whether to put the mean of the slowest worker into the maximum, `max(mu + kappa_r sigma, K)`, instead
            of taking the mean of the maximum, `E[max(slowest, K)]`.
    """

    plug_in: bool = False

    def duration(self, ratio: npt.ArrayLike) -> FloatArray:
        """Mean cycle time at each ratio; below one worker there is no barrier to wait at."""
        if not self.scatters:
            return self.affine(0.0).duration(ratio)
        rest = self.rest.duration(ratio)
        if self.plug_in:
            return np.maximum(self.mean + self.std * expected_maximum(np.maximum(1.0, ratio)), rest)
        return expected_slowest(self.mean, self.std, rest, ratio)

    def affine(self, deviations: float) -> Cycle:
        """The same bundle with every attention time `deviations` standard deviations above its mean."""
        attention = Phase("attention", 0.0, self.mean + deviations * self.std)
        return Cycle([attention, *self.rest.phases], self.rest.attention_cost, self.rest.ffn_cost)

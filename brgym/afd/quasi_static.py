"""The pipeline over loads that scatter: its exact cycle while loads stand still, averaged over loads (derived here).

A worker that is done with one microbatch starts on the next, so workers need not keep step: one may fall behind with
one microbatch and catch up with another. Loads hardly change from one step to the next, so the pipeline repeats itself
and its cycle is the slowest of its feedback loops (the eigenvalue of its max-plus recursion). A loop is a chain of
turns: a worker serves k microbatches one after the other, the last of them goes away through communication and FFN,
and any worker goes on with it. With m microbatches in flight a turn spans m + k - 1 cycles. A chain is as slow as its
turns on average, hence no slower than its slowest turn. Turns of one microbatch, and of all m, close by themselves; so
for m <= 2 the slowest turn is the cycle. For m >= 3, where turns between them need others to close, it is an upper
bound, and a tight one. Besides, the FFN server's own t_F is a loop, and so is a worker that never waits.

So a bundle takes as long as the slowest of its workers would take for itself, each from its own m loads alone
(`own_cycle`), and not less than t_F. Workers are alike and independent: the mean over all loads needs only the law of
one worker's `own_cycle`, taken here over fixed quasi-random loads, and the largest of r draws from it.

Without scatter the rule is `max(t_A, t_F, (t_A + t_F + t_C) / m)`. Where requests are so short that loads change within
a few cycles, slow steps are made up for by later ones, and the rule is pessimistic.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from brgym.afd._types import FloatArray
from brgym.afd.barrier import BarrierCycle
from brgym.afd.cycle import Cycle, Phase

_LOADS = 2**13
"""Quasi-random loads that stand for a worker's law."""

_NEVER = 1e-6


@dataclass(frozen=True)
class QuasiStaticCycle(BarrierCycle):
    """The cycle of a bundle whose attention workers run ahead of each other within the microbatches in flight.

    Attributes:
        skewness: Skewness of the attention time of a worker.
        away: Communication and FFN together: what a microbatch goes through between two attention phases.
        microbatches: Microbatches in flight, m.
    """

    skewness: float
    away: Phase
    microbatches: int

    def duration(self, ratio: npt.ArrayLike) -> FloatArray:
        """Mean cycle time at each ratio; below one worker there is no barrier to wait at."""
        if not self.scatters:
            return self.affine(0.0).duration(ratio)
        ratios = np.asarray(ratio, dtype=np.float64)
        means = [self._mean_cycle(r) for r in ratios.ravel()]
        return np.array(means).reshape(ratios.shape)

    def affine(self, deviations: float) -> Cycle:
        """The same bundle without scatter, every attention time of its slowest turns so far above the mean."""
        alone = Phase("attention", 0.0, self.mean + deviations * self.std / float(np.sqrt(self.microbatches)))
        turns = [
            Phase("pipeline", self.away.slope / cycles, (attention + self.away.intercept) / cycles)
            for served in range(1, self.microbatches + 1)
            for cycles in [self.microbatches + served - 1]
            for attention in [served * self.mean + deviations * self.std * float(np.sqrt(served))]
        ]
        return Cycle([alone, *self.rest.phases, *turns], self.rest.attention_cost, self.rest.ffn_cost)

    def _mean_cycle(self, ratio: float) -> float:
        own = own_cycle(self._longest_turns, float(self.away.time(ratio)))
        return mean_largest(own, max(1.0, ratio), at_least=float(self.rest.duration(ratio)))

    @cached_property
    def _longest_turns(self) -> FloatArray:
        loads = skewed(_normal_loads(self.microbatches), self.skewness)
        loads = (loads - loads.mean(axis=1, keepdims=True)) / loads.std(axis=1, keepdims=True)
        served = np.arange(1.0, self.microbatches + 1)[:, None]
        return served * self.mean + self.std * longest_turns(loads)


def longest_turns(attention: FloatArray) -> FloatArray:
    """The longest attention time of k microbatches served one after the other, for k = 1 .. m.

    Args:
        attention: Attention times of one worker, shape (m, ...): of each microbatch in flight, in their cyclic order.

    Returns:
        Shape (m, ...): the longest sum over k neighbours, by k.
    """
    sums, longest = np.zeros_like(attention), np.empty_like(attention)
    for k in range(len(attention)):
        sums += np.roll(attention, -k, axis=0)
        longest[k] = sums.max(axis=0)
    return longest


def own_cycle(turns: FloatArray, away: float) -> FloatArray:
    """The cycle of a worker that waits for nothing but what it sent away itself: its slowest turn.

    Args:
        turns: Its `longest_turns`, shape (m, ...).
        away: Communication and FFN time.

    Returns:
        Cycle times, shape (...).
    """
    m = len(turns)
    cycles = np.arange(m, 2 * m, dtype=np.float64).reshape(-1, *[1] * (turns.ndim - 1))
    slowest: FloatArray = np.maximum(((turns + away) / cycles).max(axis=0), turns[-1] / m)
    return slowest


def mean_largest(values: FloatArray, count: float, *, at_least: float) -> float:
    """Mean of `max(at_least, the largest of count draws from values)`; fractions of `count` interpolate.

    Values so low that all draws fall below them less than once in a million times count as the lowest of the others.
    """
    size = values.size
    low = min(int(size * _NEVER ** (1.0 / count)), size - 1)
    top = np.partition(values, low)[low:]
    floor = max(at_least, float(top.min()))
    top = np.sort(top[top > floor])
    shares = (np.arange(size - top.size, size + 1) / size) ** count
    return float(floor * shares[0] + top @ np.diff(shares))


def skewed(normal: FloatArray, skewness: float) -> FloatArray:
    """Turns standard normals into values of mean 0, variance 1 and this skewness, of a shifted lognormal law.

    A sum of slots is close to normal; three moments that are right mend most of what is left (our choice of law).
    """
    size = abs(skewness)
    if size < 1e-6:
        return normal
    # Skewness of a lognormal with e = exp(sigma^2): (e + 2) sqrt(e - 1), solved for e.
    cube = np.cbrt(1 + size**2 / 2 + size * np.sqrt(1 + size**2 / 4))
    e = cube + 1 / cube - 1
    sigma = np.sqrt(np.log(e))
    sign = np.sign(skewness)
    values: FloatArray = sign * (np.exp(sigma * sign * normal - sigma**2 / 2) - 1) / np.sqrt(e - 1)
    return values


@lru_cache(maxsize=8)
def _normal_loads(microbatches: int) -> FloatArray:
    """Sobol' points, each in the middle of its cell, as independent standard normals, shape (microbatches, loads)."""
    from scipy.stats.qmc import Sobol  # takes a second to import

    points = Sobol(microbatches, scramble=False).random(_LOADS) + 0.5 / _LOADS
    normal: FloatArray = ndtri(points.T)
    return normal

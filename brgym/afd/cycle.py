"""The cycle of a bundle as the longest of affine phases, and the ratio that makes the best of it.

Every phase takes `slope r + intercept` for a bundle of r attention workers and one FFN server. With g_A and g_F the
costs of the two kinds of instance, a batch of tokens costs `(g_A + g_F / r) max_i(slope_i r + intercept_i)`: a maximum
of convex functions of r, hence convex. So the optimum is the peak of one phase or the crossing of two, and the best
integer is next to it (derived for this project; the three regimes are those of arXiv 2601.21351).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from brgym.afd._types import FloatArray
from brgym.afd.ranges import MAX_RATIO

Regime = Literal["attention", "communication", "ffn", "pipeline"]

_EQUAL = 1e-9
"""Relative difference below which two phases count as equally long."""

_BISECTIONS = 50


@dataclass(frozen=True)
class Phase:
    """One phase of the cycle: it takes `slope * ratio + intercept`.

    Attributes:
        regime: What the cycle is bound by where this phase is the longest.
        slope: Time per attention worker of the bundle.
        intercept: Time that does not depend on the ratio.
    """

    regime: Regime
    slope: float
    intercept: float

    def time(self, ratio: npt.ArrayLike) -> FloatArray:
        """Time of the phase at each ratio; the shape is that of `ratio`."""
        return self.slope * np.asarray(ratio, dtype=np.float64) + self.intercept

    def scaled(self, factor: float) -> "Phase":
        """The same phase, `factor` times as long."""
        return replace(self, slope=factor * self.slope, intercept=factor * self.intercept)


class RegimeMargin(NamedTuple):
    """How far the optimum is from another regime.

    Attributes:
        cut: Share of its time that the binding phase would have to lose before another regime binds; 1 if none would.
        next: The regime that would bind then, or None.
    """

    cut: float
    next: Regime | None


@dataclass(frozen=True)
class Cycle:
    """Phases that overlap, so that the cycle takes as long as the longest of them.

    Attributes:
        phases: The phases.
        attention_cost: Cost g_A of an attention instance.
        ffn_cost: Cost g_F of an FFN instance.

    Raises:
        ValueError: If no phase grows with the ratio, so that more attention workers would always pay.
    """

    phases: Sequence[Phase]
    attention_cost: float = 1.0
    ffn_cost: float = 1.0

    def __post_init__(self) -> None:
        if not any(phase.slope > 0 for phase in self.phases):
            raise ValueError("no finite ratio is best: no phase grows with the ratio (alpha_f is zero)")

    def duration(self, ratio: npt.ArrayLike) -> FloatArray:
        """Cycle time at each ratio; the shape is that of `ratio`."""
        times: FloatArray = np.max([phase.time(ratio) for phase in self.phases], axis=0)
        return times

    def cost(self, ratio: npt.ArrayLike) -> FloatArray:
        """What `batch` tokens cost at each ratio: cost of an instance times time."""
        return unit_cost(ratio, self.attention_cost, self.ffn_cost) * self.duration(ratio)

    def optimum(self) -> float:
        """The ratio of least cost, a positive real number."""
        candidates = [*self._peaks(), *self._crossings()]
        return candidates[int(np.argmin(self.cost(candidates)))]

    def best_ratio(self, limit: float) -> float:
        """The ratio of least cost among those up to `limit`."""
        return min(self.optimum(), limit)

    def best_integer(self, limit: float) -> int:
        """The integer ratio of least cost among those from 1 to `limit`, which is at least 1.

        Raises:
            ValueError: If it is larger than `MAX_RATIO`.
        """
        low = max(1.0, np.floor(self.best_ratio(limit)))
        if not low <= MAX_RATIO:
            raise ValueError(
                f"no ratio up to {MAX_RATIO:g} is best, it would be {low:.3g}: attention_cost or alpha_f is too small "
                "beside ffn_cost and the other coefficients"
            )
        return int(low if low + 1 > limit or self.cost(low) <= self.cost(low + 1) else low + 1)

    def largest_ratio(self, duration: float) -> float:
        """The largest ratio whose cycle takes at most `duration`; infinite where all do, negative where none does."""
        if any(phase.slope == 0 and phase.intercept > duration for phase in self.phases):
            return -np.inf
        return min(
            ((duration - phase.intercept) / phase.slope for phase in self.phases if phase.slope > 0), default=np.inf
        )

    def regime(self, ratio: float) -> Regime:
        """The phase that sets the cycle just below `ratio`.

        At the optimum of the mean-field rule this names the largest of r_A, r_C and r_peak.
        """
        times = [phase.slope * ratio + phase.intercept for phase in self.phases]
        longest = [phase for phase, time in zip(self.phases, times, strict=True) if time >= max(times) * (1 - _EQUAL)]
        return min(longest, key=lambda phase: phase.slope).regime

    def margin(self) -> RegimeMargin:
        """How much of its time the phase that binds at the optimum would have to lose before another regime binds."""
        binding = self.regime(self.optimum())
        keeps, leaves = 1.0, 1e-9
        following = self._regime_after(binding, leaves)
        if following == binding:
            return RegimeMargin(1.0, None)
        for _ in range(_BISECTIONS):
            middle = (keeps + leaves) / 2
            found = self._regime_after(binding, middle)
            if found == binding:
                keeps = middle
            else:
                leaves, following = middle, found
        return RegimeMargin(1.0 - keeps, following)

    def _regime_after(self, shortened: Regime, factor: float) -> Regime:
        """The regime at the optimum once one phase takes `factor` times as long."""
        cycle = replace(self, phases=[p.scaled(factor) if p.regime == shortened else p for p in self.phases])
        return cycle.regime(cycle.optimum())

    def _peaks(self) -> list[float]:
        """Where each phase alone would cost least."""
        weight = self.ffn_cost / self.attention_cost
        return [float(np.sqrt(weight * p.intercept / p.slope)) for p in self.phases if p.slope > 0 and p.intercept > 0]

    def _crossings(self) -> list[float]:
        """The positive ratios at which two phases take the same time."""
        ratios = [
            (first.intercept - second.intercept) / (second.slope - first.slope)
            for first, second in combinations(self.phases, 2)
            if first.slope != second.slope
        ]
        return [ratio for ratio in ratios if ratio > 0]


def pipeline(phases: Sequence[Phase], microbatches: int) -> Phase:
    """A microbatch passes all `phases` in turn, so `microbatches` of them recur no sooner than this."""
    slope, intercept = sum(p.slope for p in phases), sum(p.intercept for p in phases)
    return Phase("pipeline", slope / microbatches, intercept / microbatches)


def unit_cost(ratio: npt.ArrayLike, attention_cost: float, ffn_cost: float) -> FloatArray:
    """Cost of a bundle per attention worker, `g_A + g_F / r`, at each ratio."""
    r: FloatArray = np.asarray(ratio, dtype=np.float64)
    return attention_cost + ffn_cost / r

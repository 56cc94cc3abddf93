"""Arrival processes: when synthetic requests come."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from brgym._checks import keep_reals
from brgym.workload._validation import MAX_ARRIVAL_S, FloatArray

_MIN_RATE_PER_S, _MAX_RATE_PER_S = 1e-9, 1e9
_MIN_CV, _MAX_CV = 1e-6, 1e3
_MIN_ON_S = 1e-6
"""Ranges in which no draw overflows (our choice)."""


class ArrivalProcess(Protocol):
    """Draws the arrival times of a workload."""

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` non-decreasing arrival times in seconds, the first at 0."""
        ...


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """All requests wait at time 0."""

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` zeros."""
        return np.zeros(count)


@dataclass(frozen=True, kw_only=True)
class Poisson:
    """Independent exponential gaps.

    Attributes:
        rate_per_s: Mean requests per second, in 1e-9..1e9.
    """

    rate_per_s: float

    def __post_init__(self) -> None:
        keep_reals(self, "rate_per_s", minimum=_MIN_RATE_PER_S, maximum=_MAX_RATE_PER_S)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds."""
        return _from_gaps(rng.exponential(1.0 / self.rate_per_s, count))


@dataclass(frozen=True, kw_only=True)
class Gamma:
    """Independent gamma gaps: burstier than Poisson where `cv` is above 1, more regular where below.

    Attributes:
        rate_per_s: Mean requests per second, in 1e-9..1e9.
        cv: Standard deviation of the gaps over their mean, in 1e-6..1e3; 1 is Poisson.
    """

    rate_per_s: float
    cv: float

    def __post_init__(self) -> None:
        keep_reals(self, "rate_per_s", minimum=_MIN_RATE_PER_S, maximum=_MAX_RATE_PER_S)
        keep_reals(self, "cv", minimum=_MIN_CV, maximum=_MAX_CV)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds."""
        shape = self.cv**-2
        return _from_gaps(rng.gamma(shape, 1.0 / (shape * self.rate_per_s), count))


@dataclass(frozen=True, kw_only=True)
class OnOff:
    """Poisson while on, silent while off; both kinds of period last exponentially long.

    Over a long time `rate_per_s * on_mean_s / (on_mean_s + off_mean_s)` requests come per second.

    Attributes:
        rate_per_s: Mean requests per second while on, in 1e-9..1e9.
        on_mean_s: Mean length of an on period, in 1e-6..2**33.
        off_mean_s: Mean length of an off period, in 0..2**33.
    """

    rate_per_s: float
    on_mean_s: float
    off_mean_s: float

    def __post_init__(self) -> None:
        keep_reals(self, "rate_per_s", minimum=_MIN_RATE_PER_S, maximum=_MAX_RATE_PER_S)
        keep_reals(self, "on_mean_s", minimum=_MIN_ON_S, maximum=MAX_ARRIVAL_S)
        keep_reals(self, "off_mean_s", minimum=0.0, maximum=MAX_ARRIVAL_S)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds.

        On a clock that runs only while on, arrivals are Poisson, and so are the moments when an off period begins;
        each gap therefore holds a Poisson number of off periods given its length.
        """
        on_gaps_s = rng.exponential(1.0 / self.rate_per_s, count)
        off_periods = rng.poisson(on_gaps_s / self.on_mean_s)
        off_gaps_s = self.off_mean_s * rng.standard_gamma(off_periods)  # a sum of n exponentials; 0 for n = 0
        return _from_gaps(on_gaps_s + off_gaps_s)


@dataclass(frozen=True, kw_only=True)
class Diurnal:
    """Poisson at a rate that swings: `rate_per_s * (1 + amplitude * sin(2 pi (t / period_s + phase)))`.

    Attributes:
        rate_per_s: Mean requests per second, above 0.
        period_s: Length of a swing, above 0; a day by default.
        amplitude: How far the rate swings from its mean, relative to it, in 0..1.
        phase: Where in the swing the workload begins, in periods: at 0 the rate is at its mean and rises.
    """

    rate_per_s: float
    period_s: float = 86_400.0
    amplitude: float = 0.5
    phase: float = 0.0

    def __post_init__(self) -> None:
        keep_reals(self, "rate_per_s", minimum=0.0, exclusive=True)
        keep_reals(self, "period_s", minimum=0.0, exclusive=True)
        keep_reals(self, "amplitude", minimum=0.0, maximum=1.0)
        keep_reals(self, "phase")

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds."""
        expected = _unit_poisson(count, rng)
        near_s, reach_s = expected / self.rate_per_s, self.amplitude * self.period_s / math.pi
        low_s, high_s = np.maximum(near_s - reach_s, 0.0), near_s + reach_s
        for _ in range(_BISECTIONS):
            middle_s = (low_s + high_s) / 2.0
            early = self._expected(middle_s) < expected
            low_s, high_s = np.where(early, middle_s, low_s), np.where(early, high_s, middle_s)
        return np.maximum.accumulate(np.where(expected > 0.0, high_s, 0.0))

    def _expected(self, time_s: FloatArray) -> FloatArray:
        """Arrivals expected until a time: the integral of the rate."""
        turn = 2.0 * math.pi
        swung = np.cos(turn * (time_s / self.period_s + self.phase)) - math.cos(turn * self.phase)
        return np.asarray(self.rate_per_s * (time_s - self.amplitude * self.period_s / turn * swung))


@dataclass(frozen=True, kw_only=True)
class Bursts:
    """Poisson at two rates that take turns: each period begins with a burst, in which requests come faster.

    Attributes:
        rate_per_s: Mean requests per second, above 0.
        period_s: From one burst to the next, above 0.
        share: Share of the period that the burst takes, between 0 and 1.
        factor: The rate in a burst over that outside, at least 1.
    """

    rate_per_s: float
    period_s: float = 60.0
    share: float = 0.1
    factor: float = 5.0

    def __post_init__(self) -> None:
        keep_reals(self, "rate_per_s", minimum=0.0, exclusive=True)
        keep_reals(self, "period_s", minimum=0.0, exclusive=True)
        keep_reals(self, "share", minimum=0.0, maximum=1.0 - 1e-9, exclusive=True)
        keep_reals(self, "factor", minimum=1.0, maximum=1e9)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds."""
        calm_per_s = self.rate_per_s / (1.0 - self.share + self.share * self.factor)
        burst_per_s, burst_s = calm_per_s * self.factor, self.share * self.period_s
        periods, left = np.divmod(_unit_poisson(count, rng), self.rate_per_s * self.period_s)
        in_burst = burst_per_s * burst_s
        within_s = np.where(left < in_burst, left / burst_per_s, burst_s + (left - in_burst) / calm_per_s)
        return np.maximum.accumulate(periods * self.period_s + within_s)


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """Poisson at a rate that grows, or falls, evenly over the workload.

    Attributes:
        rate_per_s: Mean requests per second, above 0.
        growth: The rate at the end over that at the beginning, above 0.
    """

    rate_per_s: float
    growth: float = 2.0

    def __post_init__(self) -> None:
        keep_reals(self, "rate_per_s", minimum=0.0, exclusive=True)
        keep_reals(self, "growth", minimum=1e-6, maximum=1e6)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds; the rate has come to its end when `count` are expected, and stays."""
        first_per_s = 2.0 * self.rate_per_s / (1.0 + self.growth)
        last_per_s, span_s = first_per_s * self.growth, count / self.rate_per_s
        expected = _unit_poisson(count, rng)
        growing = np.minimum(expected, count)
        steepness = (last_per_s - first_per_s) / span_s
        reached_per_s = np.sqrt(np.maximum(first_per_s**2 + 2.0 * steepness * growing, 0.0))
        return np.asarray(2.0 * growing / (first_per_s + reached_per_s) + (expected - growing) / last_per_s)


PATTERNS: dict[str, type[Poisson] | type[Gamma] | type[Diurnal] | type[Bursts] | type[Ramp]] = {
    "poisson": Poisson,
    "gamma": Gamma,
    "diurnal": Diurnal,
    "bursts": Bursts,
    "ramp": Ramp,
}
"""The processes whose `rate_per_s` is their mean rate, by name: what a load can set."""

_BISECTIONS = 60  # of a bracket that is at most a period wide: to the last bit of a double


def _unit_poisson(count: int, rng: np.random.Generator) -> FloatArray:
    """A Poisson process of rate 1 that begins with an arrival at 0; any other is this one on a clock of its own."""
    return _from_gaps(rng.exponential(1.0, count))


def _from_gaps(gaps_s: FloatArray) -> FloatArray:
    arrival_s: FloatArray = np.cumsum(gaps_s)
    arrival_s -= arrival_s[0]
    return arrival_s

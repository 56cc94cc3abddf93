"""Arrival processes: when synthetic requests come."""

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


def _from_gaps(gaps_s: FloatArray) -> FloatArray:
    arrival_s: FloatArray = np.cumsum(gaps_s)
    arrival_s -= arrival_s[0]
    return arrival_s

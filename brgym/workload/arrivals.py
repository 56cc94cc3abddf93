"""Arrival processes: when synthetic requests come."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from brgym._checks import check_real
from brgym.workload._validation import FloatArray


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
        rate_per_s: Mean requests per second, above 0.
    """

    rate_per_s: float

    def __post_init__(self) -> None:
        check_real("rate_per_s", self.rate_per_s, minimum=0.0, exclusive=True)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds."""
        return _from_gaps(rng.exponential(1.0 / self.rate_per_s, count))


@dataclass(frozen=True, kw_only=True)
class Gamma:
    """Independent gamma gaps: burstier than Poisson where `cv` is above 1, more regular where below.

    Attributes:
        rate_per_s: Mean requests per second, above 0.
        cv: Standard deviation of the gaps over their mean, above 0; 1 is Poisson.
    """

    rate_per_s: float
    cv: float

    def __post_init__(self) -> None:
        check_real("rate_per_s", self.rate_per_s, minimum=0.0, exclusive=True)
        check_real("cv", self.cv, minimum=0.0, exclusive=True)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws `count` arrival times in seconds."""
        shape = self.cv**-2
        return _from_gaps(rng.gamma(shape, 1.0 / (shape * self.rate_per_s), count))


@dataclass(frozen=True, kw_only=True)
class OnOff:
    """Poisson while on, silent while off; both kinds of period last exponentially long.

    Over a long time `rate_per_s * on_mean_s / (on_mean_s + off_mean_s)` requests come per second.

    Attributes:
        rate_per_s: Mean requests per second while on, above 0.
        on_mean_s: Mean length of an on period, above 0.
        off_mean_s: Mean length of an off period, at least 0.
    """

    rate_per_s: float
    on_mean_s: float
    off_mean_s: float

    def __post_init__(self) -> None:
        check_real("rate_per_s", self.rate_per_s, minimum=0.0, exclusive=True)
        check_real("on_mean_s", self.on_mean_s, minimum=0.0, exclusive=True)
        check_real("off_mean_s", self.off_mean_s, minimum=0.0)

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

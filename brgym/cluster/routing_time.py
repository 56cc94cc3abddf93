"""How long a router takes for a decision, as a histogram of fixed size that compiled code can add to.

Wall-clock time, so the one figure of a run that differs from one run to the next.
"""

import ctypes
import math
import sys
from typing import Any

import numba
import numpy as np

from brgym._compile import compiled
from brgym.cluster.records import Integers

_FIRST_S = 1e-8
_GROWTH = 1.01
_BINS = 2400  # up to 235 s

CLOCK_AVAILABLE = sys.platform != "win32" and hasattr(ctypes.CDLL(None), "clock_gettime")
"""Whether compiled code can read the monotonic clock here; where not, compiled policies are not timed."""

_CLOCK_MONOTONIC = 6 if sys.platform == "darwin" else 1
_clock_gettime: Any = numba.types.ExternalFunction(
    "clock_gettime", numba.types.int32(numba.types.int32, numba.types.uintp)
)


def empty_histogram() -> Integers:
    """A histogram without entries; bin k counts durations from 10 ns x 1.01^k on."""
    return np.zeros(_BINS, np.int64)


@compiled
def add_duration(histogram: Integers, seconds: float) -> None:
    """Counts one duration."""
    place = int(math.log(max(seconds, _FIRST_S) / _FIRST_S) / math.log(_GROWTH))
    histogram[min(place, len(histogram) - 1)] += 1


def quantile_s(histogram: Integers, q: float) -> float:
    """The `q`-quantile of the durations in seconds, within 1 %; NaN where nothing was counted."""
    total = int(histogram.sum())
    if total == 0:
        return math.nan
    place = int(np.searchsorted(np.cumsum(histogram), q * total, side="left"))
    return float(_FIRST_S * _GROWTH ** (place + 0.5))


@compiled
def monotonic_s(scratch: Integers) -> float:
    """The monotonic clock in seconds, 0 where it is not available; `scratch` (two integers) receives what it writes."""
    if not CLOCK_AVAILABLE:
        return 0.0
    _clock_gettime(_CLOCK_MONOTONIC, scratch.ctypes.data)
    return scratch[0] + 1e-9 * scratch[1]

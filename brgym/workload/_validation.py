"""What a well-formed request is: one definition for the `Workload` constructor and for every file reader."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_TOKENS = 2**31 - 1
"""The largest length of a prompt or an output (our choice): far above any context, and sums over a trace stay exact."""

TOKENS_RANGE = f"a whole number in 1..{MAX_TOKENS}"


class WorkloadError(ValueError):
    """Unusable requests; the message names the parameter, or file, row and column, and what is allowed."""


def first_true(mask: NDArray[np.bool_]) -> int | None:
    """The index of the first True, or None."""
    if not mask.any():
        return None
    return int(np.argmax(mask))


def malformed_tokens(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks what no token count can be: fractions, NaN and infinities, and numbers above `MAX_TOKENS` in magnitude."""
    with np.errstate(invalid="ignore"):
        malformed: NDArray[np.bool_] = ~((np.abs(values) <= MAX_TOKENS) & (np.floor(values) == values))
    return malformed


def decreases(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks each entry that is smaller than the one before it."""
    return np.concatenate(([False], values[1:] < values[:-1]))

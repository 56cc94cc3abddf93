"""What a well-formed request is: one definition for the `Workload` constructor and for every file reader."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brgym._checks import shown

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_TOKENS = 2**31 - 1
"""The largest length of a prompt or an output (our choice): far above any context, and sums over a trace stay exact."""

TOKENS_RANGE = f"a whole number in 1..{MAX_TOKENS}"

MAX_ARRIVAL_S = 2.0**33
"""The latest arrival and the longest delay, in seconds (our choice): 272 years, more than any clock that counts seconds
since 1970 shows. Beyond it a double no longer tells microseconds apart, and the clock loses parts of its steps."""

ARRIVAL_RANGE = "in 0..2**33 s (272 years)"

_SHOWN_CHARACTERS = 60
_LISTED_NAMES = 8


class WorkloadError(ValueError):
    """Unusable requests; the message names the parameter, or file, row and column, and what is allowed."""


def shown_names(names: Sequence[str]) -> str:
    """The first names of a list, each cut short, and how many more there are."""
    first = ", ".join(shown(name)[1:-1] for name in names[:_LISTED_NAMES])
    return first if len(names) <= _LISTED_NAMES else f"{first} and {len(names) - _LISTED_NAMES} more"


def shown_reason(error: BaseException | str) -> str:
    """What an error of a library says, on one short line."""
    text = " ".join(str(error).split())
    return text if len(text) <= 3 * _SHOWN_CHARACTERS else f"{text[: 3 * _SHOWN_CHARACTERS]}..."


def first_true(mask: NDArray[np.bool_]) -> int | None:
    """The index of the first True, or None."""
    if not mask.any():
        return None
    return int(np.argmax(mask))


def malformed_tokens(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks what no token count can be: fractions, NaN and infinities, and numbers above `MAX_TOKENS` in magnitude.

    Args:
        values: Integers, or floats of at least 64 bits: narrower ones would round the limit itself.
    """
    malformed: NDArray[np.bool_] = ~((values >= -MAX_TOKENS) & (values <= MAX_TOKENS))
    if values.dtype.kind == "f":
        malformed |= np.floor(values) != values
    return malformed


def malformed_arrivals(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks what is no time in seconds from 0 to `MAX_ARRIVAL_S`."""
    malformed: NDArray[np.bool_] = ~((values >= 0) & (values <= MAX_ARRIVAL_S))
    return malformed


def decreases(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks each entry that is smaller than the one before it."""
    return np.concatenate(([False], values[1:] < values[:-1]))

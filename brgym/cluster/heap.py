"""A binary heap of requests by a time, ties by row, in an array that is there already."""

import numpy as np
import numpy.typing as npt

from brgym._compile import inlined
from brgym.cluster.records import Reals

Rows = npt.NDArray[np.int32]


@inlined
def push(heap: Rows, size: int, row: int, time_s: Reals) -> None:
    """Puts a row into `heap[:size]`; the caller counts one more.

    Args:
        heap: The rows, the earliest at 0.
        size: How many there are.
        row: The new one.
        time_s: The time of each row, shape (requests,).
    """
    place = size
    while place > 0:
        above = (place - 1) // 2
        if not _before(row, heap[above], time_s):
            break
        heap[place] = heap[above]
        place = above
    heap[place] = row


@inlined
def pop(heap: Rows, size: int, time_s: Reals) -> int:
    """Takes the earliest row out of `heap[:size]`; the caller counts one less."""
    first, row = heap[0], heap[size - 1]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size - 1:
            break
        if below + 1 < size - 1 and _before(heap[below + 1], heap[below], time_s):
            below += 1
        if not _before(heap[below], row, time_s):
            break
        heap[place] = heap[below]
        place = below
    heap[place] = row
    return first


@inlined
def _before(row: int, other: int, time_s: Reals) -> bool:
    return time_s[row] < time_s[other] or (time_s[row] == time_s[other] and row < other)

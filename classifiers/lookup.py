"""Finds integers fast, where bisection is too slow: it misses the cache at every turn, and no processor foresees them.

`KeyIndex` finds keys by hashing. `Buckets` finds a place among ascending numbers by looking first where it should be.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster import Integers

_BUCKETS = 4

MISSING = -1
"""The place of a key that is not there."""

MAX_AWAY = 500
"""The most slots that keys may stand off their own, on average: half a slot is usual, and with this many a second is
lost at a million keys (our choice)."""


class KeyIndex:
    """The place of each of some distinct keys.

    Args:
        keys: Distinct integers, shape (keys,).

    Raises:
        ValueError: If so many of the keys want the same slots that somebody must have chosen them for it.
    """

    def __init__(self, keys: Integers) -> None:
        size = 1 << (2 * len(keys)).bit_length()  # at most half full, so that a search ends soon
        self._table = np.full((size, 2), MISSING, np.int64)  # key and place side by side: one trip to memory
        if not _insert(np.ascontiguousarray(keys), self._table):
            raise ValueError(f"hashes must be at most {MAX_AWAY} slots off theirs in a hash table, on average")

    def places(self, keys: Integers) -> Integers:
        """Index of each key among those of the constructor, `MISSING` where it is not, shape that of `keys`."""
        found = np.empty(len(keys), np.int64)
        _find(np.ascontiguousarray(keys), self._table, found)
        return found


@compiled
def _slot(key: int, mask: int) -> int:
    return ((key ^ (key >> 29)) * 0x9E3779B97F4A7C1 >> 17) & mask


@compiled
def _insert(keys: Integers, table: Integers) -> bool:
    """Fills the table; False where that takes too long."""
    mask = len(table) - 1
    left = MAX_AWAY * len(keys)
    for place in range(len(keys)):
        slot = _slot(keys[place], mask)
        while table[slot, 1] != MISSING:
            slot = (slot + 1) & mask
            left -= 1
        if left < 0:
            return False
        table[slot, 0], table[slot, 1] = keys[place], place
    return True


@compiled
def _find(keys: Integers, table: Integers, found: Integers) -> None:
    mask = len(table) - 1
    for row in range(len(keys)):
        slot = _slot(keys[row], mask)
        while table[slot, 1] != MISSING and table[slot, 0] != keys[row]:
            slot = (slot + 1) & mask
        found[row] = table[slot, 1]


class Buckets(NamedTuple):
    """Groups of ascending numbers, each cut into buckets of equal width, at most `_BUCKETS` for each of its numbers.

    A bucket tells where its numbers begin, so that a search has few left to look at.

    Attributes:
        values: The numbers, at least 0, ascending within each group, shape (numbers,).
        first: Where each group begins in `values`, and the end of the last, shape (groups + 1,); no group is empty.
        shift: Width of each group's buckets, as a power of two, shape (groups,).
        origin: Where each group's entries begin in `begin`, and the end of the last, shape (groups + 1,).
        begin: The first place in `values` at or above each bucket's lower end; of each group's last entry, the group's
            end. At most `_BUCKETS` for each number, and one more for each group.
    """

    values: Integers
    first: Integers
    shift: Integers
    origin: Integers
    begin: npt.NDArray[np.int32]

    @classmethod
    def of(cls, values: Integers, first: Integers) -> "Buckets":
        """Cuts groups into buckets."""
        shift = np.zeros(len(first) - 1, np.int64)
        _widen(values, first, shift)
        origin = np.concatenate([[0], np.cumsum((values[first[1:] - 1] >> shift) + 2)])
        begin = np.empty(origin[-1], np.int32)
        _fill_buckets(values, first, shift, origin, begin)
        return cls(values, first, shift, origin, begin)


@compiled
def first_above(buckets: Buckets, group: int, bound: int) -> int:
    """The first place in `values` of a group's numbers above a bound, at least 0; the group's end if there is none."""
    bucket = buckets.origin[group] + (bound >> buckets.shift[group])
    bucket = min(bucket, buckets.origin[group + 1] - 2)
    start, one = np.uint64(buckets.begin[bucket]), np.uint64(1)  # unsigned: no check for negative places
    left = np.uint64(buckets.begin[bucket + 1]) - start
    while left > one:  # without branches: which way it goes cannot be foreseen
        half = left >> one
        start += half * np.uint64(buckets.values[start + half - one] <= bound)
        left -= half
    last = min(int(np.int64(start)), len(buckets.values) - 1)
    return int(np.int64(start + left * np.uint64(buckets.values[last] <= bound)))


@compiled
def _widen(values: Integers, first: Integers, shift: Integers) -> None:
    for group in range(len(shift)):
        while values[first[group + 1] - 1] >> shift[group] >= _BUCKETS * (first[group + 1] - first[group]):
            shift[group] += 1


@compiled
def _fill_buckets(
    values: Integers, first: Integers, shift: Integers, origin: Integers, begin: npt.NDArray[np.int32]
) -> None:
    for group in range(len(shift)):
        place = first[group]
        for bucket in range(origin[group + 1] - origin[group]):
            while place < first[group + 1] and values[place] < (bucket << shift[group]):
                place += 1
            begin[origin[group] + bucket] = place

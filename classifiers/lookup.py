"""Finds integer keys fast: an open-addressing hash table, for a search by bisection misses the cache at every turn."""

import numpy as np

from brgym._compile import compiled
from brgym.cluster import Integers

MISSING = -1
"""The place of a key that is not there."""


class KeyIndex:
    """The place of each of some distinct keys.

    Args:
        keys: Distinct integers, shape (keys,).
    """

    def __init__(self, keys: Integers) -> None:
        size = 1 << (2 * len(keys)).bit_length()  # at most half full, so that a search ends soon
        self._table = np.full((size, 2), MISSING, np.int64)  # key and place side by side: one trip to memory
        _insert(np.ascontiguousarray(keys), self._table)

    def places(self, keys: Integers) -> Integers:
        """Index of each key among those of the constructor, `MISSING` where it is not, shape that of `keys`."""
        found = np.empty(len(keys), np.int64)
        _find(np.ascontiguousarray(keys), self._table, found)
        return found


@compiled
def _slot(key: int, mask: int) -> int:
    return ((key ^ (key >> 29)) * 0x9E3779B97F4A7C1 >> 17) & mask


@compiled
def _insert(keys: Integers, table: Integers) -> None:
    mask = len(table) - 1
    for place in range(len(keys)):
        slot = _slot(keys[place], mask)
        while table[slot, 1] != MISSING:
            slot = (slot + 1) & mask
        table[slot, 0], table[slot, 1] = keys[place], place


@compiled
def _find(keys: Integers, table: Integers, found: Integers) -> None:
    mask = len(table) - 1
    for row in range(len(keys)):
        slot = _slot(keys[row], mask)
        while table[slot, 1] != MISSING and table[slot, 0] != keys[row]:
            slot = (slot + 1) & mask
        found[row] = table[slot, 1]

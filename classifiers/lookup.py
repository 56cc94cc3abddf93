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
        self._keys = np.zeros(size, np.int64)
        self._places = np.full(size, MISSING, np.int64)
        _insert(np.ascontiguousarray(keys), self._keys, self._places)

    def places(self, keys: Integers) -> Integers:
        """Index of each key among those of the constructor, `MISSING` where it is not, shape that of `keys`."""
        found = np.empty(len(keys), np.int64)
        _find(np.ascontiguousarray(keys), self._keys, self._places, found)
        return found


@compiled
def _slot(key: int, mask: int) -> int:
    return ((key ^ (key >> 29)) * 0x9E3779B97F4A7C1 >> 17) & mask


@compiled
def _insert(keys: Integers, table: Integers, places: Integers) -> None:
    mask = len(table) - 1
    for place in range(len(keys)):
        slot = _slot(keys[place], mask)
        while places[slot] != MISSING:
            slot = (slot + 1) & mask
        table[slot] = keys[place]
        places[slot] = place


@compiled
def _find(keys: Integers, table: Integers, places: Integers, found: Integers) -> None:
    mask = len(table) - 1
    for row in range(len(keys)):
        slot = _slot(keys[row], mask)
        while places[slot] != MISSING and table[slot] != keys[row]:
            slot = (slot + 1) & mask
        found[row] = places[slot]

"""A random stream that compiled policies keep in their memory: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""

import numpy as np

from brgym._compile import compiled
from brgym.cluster import Integers


def stream(seed: int) -> int:
    """The initial state of a stream, one integer."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0].astype(np.int64))


@compiled
def next_below(integers: Integers, place: int, bound: int) -> int:
    """Draws uniformly from 0..bound - 1; the stream's state is `integers[place]`.

    The remainder of 64 random bits; its bias, below bound / 2^64, is nothing for numbers of workers.
    """
    bits = np.uint64(integers[place]) + np.uint64(0x9E3779B97F4A7C15)
    integers[place] = np.int64(bits)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return int(np.int64(bits % np.uint64(bound)))  # uint64 + int64 would be a float

"""What a request is called before a router: a number that lasts for the run and is not its row in the workload.

The row would tell whoever holds the trace how long each output becomes (DESIGN 2.8), and what is learned by row is
wrong wherever the workload is drawn anew. The two are one to one under a key, a few operations either way, so that
nothing has to be stored. Identities fill 31 bits: an array as long as the workload, indexed by one, is an error in
Python, and not another request's entry. It keeps the curious out, not a cryptanalyst (our choice).
"""

from typing import Any

import numpy as np

from brgym._compile import shared

_BITS = 31  # links in the records have as many, so there are no more rows
_MASK = (1 << _BITS) - 1
_HALF = 16  # more than half of the bits: x ^ x >> _HALF undoes itself
_FIRST, _SECOND = 0x2C1B3C6D, 0x297A2D39  # any odd numbers that mix well; products stay below 2 ** 62
_FIRST_INVERSE, _SECOND_INVERSE = pow(_FIRST, -1, 1 << _BITS), pow(_SECOND, -1, 1 << _BITS)
_STREAM = 0x1D  # keeps the key apart from what else a seed decides


def key_of(seed: int) -> int:
    """The key of a run."""
    return int(np.random.SeedSequence(seed, spawn_key=(_STREAM,)).generate_state(1)[0]) & _MASK


def key_after(rng: np.random.Generator) -> int:
    """A key that the state of `rng` decides; `rng` stays as it is, so that nothing else that it draws shifts."""
    before = rng.bit_generator.state
    key = int(rng.integers(_MASK, endpoint=True))
    rng.bit_generator.state = before
    return key


@shared
def identity_of(key: int, row: Any) -> Any:  # a number or an array of int64, and so is the answer
    """What a router calls the request in a row of the workload, 0..2**31 - 1."""
    bits = ((row ^ key) * _FIRST) & _MASK
    bits = ((bits ^ (bits >> _HALF)) * _SECOND) & _MASK
    return bits ^ (bits >> _HALF)


@shared
def row_of(key: int, identity: Any) -> Any:  # as above
    """The row of the workload of a request that a router calls so; undoes `identity_of`."""
    bits = ((identity ^ (identity >> _HALF)) * _SECOND_INVERSE) & _MASK
    return (((bits ^ (bits >> _HALF)) * _FIRST_INVERSE) & _MASK) ^ key

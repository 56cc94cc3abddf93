"""What a deployment allows: KV cache per attention worker, and time per output token."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from brgym._checks import check_integer, check_real, keep_integers, keep_reals
from brgym.afd.ranges import MAX_COUNT, MAX_MICROBATCHES
from brgym.afd.token_load import TokenLoad


class InfeasibleError(ValueError):
    """No bundle meets the limits; the message says which limit, and what would meet it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits that a bundle has to keep.

    Attributes:
        kv_capacity_tokens: Tokens of KV cache that fit on one attention worker; None for no limit.
        kv_overflow: Probability with which a worker's load may exceed `kv_capacity_tokens` at a given step.
        tpot: Largest mean time per output token, in the coefficients' unit of time; None for no limit.

    Raises:
        ValueError: If a limit is not positive, or `kv_overflow` does not lie in (0, 0.5].
    """

    kv_capacity_tokens: int | None = None
    kv_overflow: float = 0.001
    tpot: float | None = None

    def __post_init__(self) -> None:
        keep_integers(self, "kv_capacity_tokens", minimum=1, optional=True)
        keep_reals(self, "kv_overflow", minimum=0.0, maximum=0.5, exclusive=True)
        keep_reals(self, "tpot", minimum=0.0, exclusive=True, optional=True)


def kv_tokens_needed(load: TokenLoad, *, batch: int, microbatches: int, kv_overflow: float = 0.001) -> float:
    """KV cache that a worker needs for `microbatches` microbatches of `batch` requests, in tokens.

    The load of all its slots is taken as normal; it exceeds the result with probability `kv_overflow` (our choice).

    Raises:
        ValueError: If a parameter is out of its range.
    """
    batch = check_integer("batch", batch, minimum=1, maximum=MAX_COUNT)
    slots = batch * check_integer("microbatches", microbatches, minimum=1, maximum=MAX_MICROBATCHES)
    kv_overflow = check_real("kv_overflow", kv_overflow, minimum=0.0, maximum=0.5, exclusive=True)
    return load.worker_mean(slots) - float(ndtri(kv_overflow)) * load.worker_std(slots)


def largest_batch(
    load: TokenLoad, *, kv_capacity_tokens: int, microbatches: int = 3, kv_overflow: float = 0.001
) -> int:
    """The largest batch per microbatch whose KV cache fits on a worker; 0 where not even one request each does.

    Raises:
        ValueError: If a parameter is out of its range.
    """
    kv_capacity_tokens = check_integer("kv_capacity_tokens", kv_capacity_tokens, minimum=1)
    microbatches = check_integer("microbatches", microbatches, minimum=1, maximum=MAX_MICROBATCHES)
    kv_overflow = check_real("kv_overflow", kv_overflow, minimum=0.0, maximum=0.5, exclusive=True)
    # theta x^2 + z nu x = capacity, with x the square root of the slots.
    linear = -float(ndtri(kv_overflow)) * load.nu
    root = (np.sqrt(linear**2 + 4 * load.theta * kv_capacity_tokens) - linear) / (2 * load.theta)
    return int(root**2 / microbatches)

"""Speculative decoding: a request may gain several tokens in a step (DESIGN 2.15).

Whether a draft is accepted follows from the run's seed, the request, its tokens so far and the draft's place, and from
nothing that a router decides.
"""

from dataclasses import dataclass

import numpy as np

from brgym._checks import keep_integers, keep_reals
from brgym._compile import inlined

MAX_DRAFT_TOKENS = 1024
"""The most tokens that may be drafted for a request in a step (our choice; engines draft a few)."""

_BY_SEED = 0x9E3779B97F4A7C15
_BY_REQUEST = np.uint64(0xBF58476D1CE4E5B9)
_BY_TOKENS = np.uint64(0x94D049BB133111EB)
_BY_DRAFT = np.uint64(0xD6E8FEB86659FD93)
_11, _27, _30, _31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


@dataclass(frozen=True)
class Speculation:
    """A request gains one token in a step, and of the tokens drafted for it those before the first that is refused.

    Attributes:
        draft_tokens: Tokens drafted for each request in each step.
        acceptance: Probability that a draft is accepted, in 0..1, each by itself.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter lies outside its range.
    """

    draft_tokens: int = 1
    acceptance: float = 0.7

    def __post_init__(self) -> None:
        keep_integers(self, "draft_tokens", minimum=0, maximum=MAX_DRAFT_TOKENS)
        keep_reals(self, "acceptance", minimum=0.0, maximum=1.0)

    @property
    def most_gained_tokens(self) -> int:
        """What a request may gain in a step: u of DESIGN 2.11."""
        return 1 + self.draft_tokens


def stream_of(seed: int) -> int:
    """What the draws of a run have in common, 0..2**64 - 1."""
    return (seed + 1) * _BY_SEED % 2**64


@inlined
def draw(stream: np.uint64, row: int, generated: int, draft: int) -> float:
    """A number in [0, 1).

    Args:
        stream: See `stream_of`.
        row: Of the request in the workload.
        generated: Tokens that it has generated.
        draft: Which draft of this step, from 0.
    """
    bits = stream + np.uint64(row + 1) * _BY_REQUEST
    bits += np.uint64(generated + 1) * _BY_TOKENS
    bits += np.uint64(draft + 1) * _BY_DRAFT
    bits = (bits ^ (bits >> _30)) * _BY_REQUEST
    bits = (bits ^ (bits >> _27)) * _BY_TOKENS
    return float((bits ^ (bits >> _31)) >> _11) * 2.0**-53

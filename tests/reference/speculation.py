"""How many drafts are accepted (2.15); what is drawn does not depend on who routes."""

from dataclasses import dataclass

from .workers import Request


@dataclass(frozen=True)
class Speculation:
    draft_tokens: int
    acceptance: float


def accepted(speculation: Speculation, request: Request, seed: int) -> int:
    """The leading drafts that are accepted of those that a decoding request is offered in this step."""
    for draft in range(speculation.draft_tokens):
        if draw(seed, request.row, request.generated, draft) >= speculation.acceptance:
            return draft
    return speculation.draft_tokens


def draw(seed: int, i: int, j: int, d: int) -> float:
    """u(seed, i, j, d), in [0, 1)."""
    z = (seed + 1) * 0x9E3779B97F4A7C15 + (i + 1) * 0xBF58476D1CE4E5B9
    z = (z + (j + 1) * 0x94D049BB133111EB + (d + 1) * 0xD6E8FEB86659FD93) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return ((z ^ z >> 31) >> 11) * 2.0**-53

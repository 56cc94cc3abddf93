"""Speculative decoding (2.15): how many tokens a decoding request gains in a step."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Speculation:
    """So many tokens are drafted in each step; each is accepted so often, as long as those before it are."""

    draft_tokens: int
    acceptance: float

    def accepted(self, seed: int, row: int, generated: int) -> int:
        """A: the leading drafts accepted for a request with `generated` tokens. The first draft is number 0."""
        for draft in range(self.draft_tokens):
            if not uniform(seed, row, generated, draft) < self.acceptance:
                return draft
        return self.draft_tokens


def uniform(seed: int, i: int, j: int, d: int) -> float:
    """u(seed, i, j, d), in [0, 1)."""
    z = (seed + 1) * 0x9E3779B97F4A7C15
    z += (i + 1) * 0xBF58476D1CE4E5B9
    z += (j + 1) * 0x94D049BB133111EB
    z += (d + 1) * 0xD6E8FEB86659FD93
    z %= 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53

"""Prefill on the workers, in chunks beside what decodes (2.14).

Where the contract is silent:

- d_g counts the requests of worker g that were decoding when the step began, in the budget as in the step time. One
  whose last chunk runs in the step is not among them.
- A step's number is its index in the run; the clock's jumps are not counted.
- A victim that returns has its prompt and its generated tokens to prefill.
- Whoever holds a slot counts in n_g, for what fits and for what is over-full, prefilled or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .workers import Request, Worker


@dataclass(frozen=True)
class ChunkedPrefill:
    """At least one token of budget, so that every step decodes something or prefills something."""

    budget_tokens: int
    interval: int = 1

    def chunks(self, workers: Sequence[Worker], *, step: int, u: int) -> list[tuple[Request, int]]:
        """What the step of this number prefills: (request, tokens), for those that get any."""
        nothing_decodes = not any(worker.decoding for worker in workers)
        if step % self.interval != 0 and not nothing_decodes:
            return []
        return [chunk for worker in workers for chunk in self._on(worker, u)]

    def _on(self, worker: Worker, u: int) -> list[tuple[Request, int]]:
        budget = max(0, self.budget_tokens - u * len(worker.decoding))
        chunks = []
        for request in worker.active:  # in order of admission
            tokens = min(request.prefill_left, budget)
            budget -= tokens
            if tokens > 0:
                chunks.append((request, tokens))
        return chunks

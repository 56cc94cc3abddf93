"""Where prompts are prefilled (DESIGN 2.14): on a tier of its own, or in chunks on the workers that decode."""

from dataclasses import dataclass

from brgym._checks import keep_integers, keep_reals
from brgym.cluster.ranges import MAX_COEFFICIENT_S, MAX_COUNT, MAX_KV_TOKENS, MAX_RECOMPUTE_S_PER_TOKEN


@dataclass(frozen=True)
class PrefillTier:
    """Servers that prefill prompts before the router sees them, first come, first served (P/D disaggregation).

    A server starts the head of the queue when its context fits the buffer beside what is held there: the contexts of
    requests from their start on a server until they are admitted to a worker. So full workers stop the tier.

    Attributes:
        servers: How many prefill at once.
        base_s: Seconds for each request.
        per_token_s: Seconds for each token of its context.
        buffer_tokens: Tokens that the buffer holds; None for no limit.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter lies outside its range.
    """

    servers: int = 8
    base_s: float = 0.0
    per_token_s: float = 2e-5
    buffer_tokens: int | None = None

    def __post_init__(self) -> None:
        keep_integers(self, "servers", minimum=1, maximum=MAX_COUNT)
        keep_reals(self, "base_s", minimum=0.0, maximum=MAX_COEFFICIENT_S)
        keep_reals(self, "per_token_s", minimum=0.0, maximum=MAX_RECOMPUTE_S_PER_TOKEN)
        keep_integers(self, "buffer_tokens", minimum=2, maximum=MAX_KV_TOKENS, optional=True)


@dataclass(frozen=True)
class ChunkedPrefill:
    """Workers that prefill prompts themselves, some tokens in a step beside the requests that decode.

    Attributes:
        budget_tokens: Tokens that a worker processes in a step: those of its decoding requests first, then prompts.
        interval: Prompts are prefilled in every so many steps, and in each where nothing decodes anywhere.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter lies outside its range.
    """

    budget_tokens: int = 8192
    interval: int = 1

    def __post_init__(self) -> None:
        keep_integers(self, "budget_tokens", "interval", minimum=1, maximum=MAX_COUNT)

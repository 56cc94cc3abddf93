"""What is refused before a run begins: requests that could never fit, and parts that do not go together."""

from collections.abc import Sequence

from .chunked import ChunkedPrefill
from .prefill import PrefillTier
from .workers import Request


def refuse_what_never_fits(
    requests: Sequence[Request], kv_capacity: int | None, u: int, prefill: PrefillTier | ChunkedPrefill | None
) -> None:
    """On a worker a step may bring u tokens to one that lacks a single one; the buffer has no step to provide for."""
    buffer_tokens = prefill.buffer_tokens if isinstance(prefill, PrefillTier) else None
    for request in requests:
        whole = request.prompt_tokens + request.output_tokens
        if kv_capacity is not None and whole + u - 1 > kv_capacity:
            drafts = " + draft_tokens" if u > 1 else ""
            raise ValueError(f"row {request.row}: prompt + output{drafts} can never fit kv_capacity {kv_capacity}")
        if buffer_tokens is not None and whole > buffer_tokens:
            raise ValueError(f"row {request.row}: prompt + output can never fit buffer_tokens {buffer_tokens}")


def refuse_what_does_not_go_together(
    *,
    kv_reserve_share: float,
    max_tokens: Sequence[int] | None,
    concurrency: int | None,
    after: Sequence[int] | None,
    victim_returns: str,
    recompute_s_per_token: float,
    prefill: PrefillTier | ChunkedPrefill | None,
) -> None:
    """One clear error for each pair."""
    if kv_reserve_share > 0 and max_tokens is None:
        raise ValueError("kv_reserve_share needs max_tokens")
    if concurrency is not None and after is not None:
        raise ValueError("a closed loop has no turns: concurrency and after do not go together")
    if victim_returns == "prefill" and not isinstance(prefill, PrefillTier):
        raise ValueError("victim_returns='prefill' needs a tier: prefill must be a PrefillTier")
    if isinstance(prefill, ChunkedPrefill) and recompute_s_per_token != 0:
        raise ValueError(f"recompute_s_per_token must be 0 with a ChunkedPrefill, not {recompute_s_per_token}")

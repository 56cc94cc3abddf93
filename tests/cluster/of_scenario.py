"""Random scenarios, which the reference takes as plain dicts, as the package takes them."""

from typing import Any

from brgym import ClusterConfig, Power, StepTime, Workload
from brgym.cluster import ChunkedPrefill, PrefillTier, Speculation, StepTimeRow, WorkerEvent

ROW = ("base_s", "per_token_s", "per_worker_active_s", "per_active_s", "per_prefill_token_s")
POWER = ("idle_w", "peak_w", "exponent")
CLUSTER = ("workers", "slots", "kv_capacity", "candidates", "recompute_s_per_token")
REGIMES = ("kv_reserve_tokens", "kv_reserve_share", "kv_watermark", "victim", "victim_returns")
WORKLOAD = ("max_tokens", "after", "patience_s", "concurrency")
"""Names that the reference and the package share."""


def cluster_of(scenario: dict[str, Any]) -> ClusterConfig:
    return ClusterConfig(
        **{name: scenario[name] for name in (*CLUSTER, *REGIMES) if name in scenario},
        step_time=StepTime([StepTimeRow(**dict(zip(ROW, row, strict=False))) for row in scenario["rows"]]),
        power=None if scenario["power"] is None else Power(**dict(zip(POWER, scenario["power"], strict=True))),
        prefill=_same(scenario.get("prefill"), PrefillTier, ChunkedPrefill),
        speculation=_same(scenario.get("speculation"), Speculation),
        events=[WorkerEvent(**vars(event)) for event in scenario.get("events", ())],
    )


def _same(plain: Any, *kinds: type) -> Any:
    """What the package calls by the same name, with the same numbers; None where there is nothing."""
    named = {kind.__name__: kind for kind in kinds}
    return None if plain is None else named[type(plain).__name__](**vars(plain))


def workload_of(scenario: dict[str, Any]) -> Workload:
    return Workload(
        scenario["arrival_s"],
        scenario["prompt_tokens"],
        scenario["output_tokens"],
        **{name: scenario[name] for name in WORKLOAD if name in scenario},
    )

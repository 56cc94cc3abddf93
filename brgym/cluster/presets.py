"""Hardware presets: clusters whose constants come from somewhere, and say from where."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from brgym._checks import check_choice
from brgym.cluster.config import ClusterConfig, Power
from brgym.cluster.step_time import StepTime


@dataclass(frozen=True)
class Figure:
    """One constant of a preset and where it comes from.

    Attributes:
        value: The figure, in the unit that its field in `Preset` names.
        source: Where it was read, or how it was worked out.
        derived: Whether it was worked out from other figures rather than read in a source.
    """

    value: float | None
    source: str
    derived: bool


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One kind of worker, each figure with its source.

    Attributes:
        model: The language model that the figures belong to.
        base_s: Duration of an empty decode step, C, in seconds.
        per_token_s: Seconds for each KV token of the fullest worker, t_l.
        kv_capacity: KV tokens that a worker holds.
        slots: Requests that a worker decodes at once.
        power_source: Where the power figures come from; they are BF-IO's everywhere, for want of published ones.
    """

    model: str
    base_s: Figure
    per_token_s: Figure
    kv_capacity: Figure
    slots: Figure
    power_source: str = "BF-IO's power model (arXiv 2601.17855), not measured on this hardware"


def _tp4(ep: int, kv_capacity: int) -> Preset:
    """A worker of BalanceRoute's cluster: 4 dies, experts spread over `ep` dies."""
    return Preset(
        model=f"DeepSeek-V3, four Ascend 910C dies (TP 4, EP {ep})",
        base_s=Figure(0.020, "vllm-ascend's DyntraLB latency model; the unit (ms) is inferred", False),
        per_token_s=Figure(
            0.150e-6, "vllm-ascend's DyntraLB latency model: 19.2 us for each block of 128 tokens", False
        ),
        kv_capacity=Figure(kv_capacity, f"(58.9 GB - 654 / {ep} - 5.5 - 4) / 70,272 bytes a token", True),
        slots=Figure(72, "fits BalanceRoute's figures", True),
    )


_TOPOLOGIES = {
    f"ascend-910c-tp4-ep{ep}": _tp4(ep, kv_capacity)
    for ep, kv_capacity in ((16, 120_000), (32, 410_000), (64, 560_000))
}
"""BalanceRoute's topologies: G = 4, 8 and 16 workers."""

PRESETS: dict[str, Preset] = {
    "ascend-910c": Preset(
        model="DeepSeek-V3, one Ascend 910C die",
        base_s=Figure(0.020, "vllm-ascend's DyntraLB latency model; the unit (ms) is inferred", False),
        per_token_s=Figure(
            0.150e-6, "vllm-ascend's DyntraLB latency model: 19.2 us for each block of 128 tokens", False
        ),
        kv_capacity=Figure(246_000, "64 GB less the weights at EP32, divided by the KV bytes of a token", True),
        slots=Figure(28, "vllm-ascend's deployment tutorial; the BalanceRoute figures fit 72", False),
    ),
    **_TOPOLOGIES,
    "h800": Preset(
        model="DeepSeek-V3, one H800",
        base_s=Figure(0.0363, "published production step time less the attention share", True),
        per_token_s=Figure(0.0257e-6, "FlashMLA at 660 TFLOP/s", True),
        kv_capacity=Figure(598_000, "80 GB less the weights, divided by the KV bytes of a token", True),
        slots=Figure(88, "mean number of requests per device in production", True),
    ),
    "a100-80g": Preset(
        model="Llama-3-8B, one A100 80 GB",
        base_s=Figure(0.0105, "fit published with Preble (for Mistral-7B)", False),
        per_token_s=Figure(0.0777e-6, "fit published with Preble (for Mistral-7B)", False),
        kv_capacity=Figure(440_000, "80 GB less the weights, divided by the KV bytes of a token", True),
        slots=Figure(256, "vLLM's default limit of running sequences", False),
    ),
    "bf-io": Preset(
        model="DeepSeek-like MLA, the simulator of BF-IO",
        base_s=Figure(9.775e-3, "arXiv 2601.17855: (0.6e-3 B + 35e-3) / 8 s at B = 72", True),
        per_token_s=Figure(0.1005e-6, "arXiv 2601.17855: MLA KV bytes at 1.5 us per MiB", False),
        kv_capacity=Figure(None, "arXiv 2601.17855 models no limit", False),
        slots=Figure(72, "arXiv 2601.17855", False),
        power_source="arXiv 2601.17855: 100 + 300 (L_g / max L)^0.7 W",
    ),
}
"""The presets by name. C / t_l decides what balance can gain, so studies sweep it."""


def preset(name: str, **changes: Any) -> ClusterConfig:
    """A cluster of one of the `PRESETS`.

    Args:
        name: A key of `PRESETS`.
        **changes: Parameters of `ClusterConfig` that replace the preset's.

    Raises:
        ValueError: If the name is unknown; the message holds the nearest one.
    """
    chosen = PRESETS[check_choice("cluster", name, PRESETS)]
    assert chosen.base_s.value is not None
    assert chosen.per_token_s.value is not None
    assert chosen.slots.value is not None
    cluster = ClusterConfig(
        slots=int(chosen.slots.value),
        step_time=StepTime.barrier(base_s=chosen.base_s.value, per_token_s=chosen.per_token_s.value),
        kv_capacity=None if chosen.kv_capacity.value is None else int(chosen.kv_capacity.value),
        power=Power(),
    )
    return dataclasses.replace(cluster, **changes)

"""How real engines fill and empty their KV cache, as parameters of the cluster (DESIGN 2.12): nothing here is code."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brgym._checks import check_choice
from brgym.cluster.config import ClusterConfig


@dataclass(frozen=True, kw_only=True)
class EngineStyle:
    """An engine's rules for KV memory.

    Attributes:
        parameters: Fields of `ClusterConfig`.
        source: Where they were read, and what is ours.
    """

    parameters: Mapping[str, Any]
    source: str

    def of(self, cluster: ClusterConfig) -> ClusterConfig:
        """The cluster with these rules."""
        return dataclasses.replace(cluster, **self.parameters)


_RULES = ("kv_reserve_tokens", "kv_reserve_share", "kv_watermark", "victim", "victim_returns")


def _style(source: str, **parameters: Any) -> EngineStyle:
    defaults = {field.name: field.default for field in dataclasses.fields(ClusterConfig) if field.name in _RULES}
    return EngineStyle(parameters=defaults | parameters, source=source)


ENGINES: Mapping[str, EngineStyle] = {
    "vllm": _style(
        "vLLM: fills to the brim; the request admitted last is preempted, recomputed, and goes on where it was",
    ),
    "sglang": _style(
        "SGLang: reserves a ratio of what requests may yet generate, 0.7 at first, decaying to 0.1; here it stays at "
        "0.4, their middle (our choice). The shortest output is retracted first, of equals the longest prompt",
        kv_reserve_share=0.4,
        victim="least-generated",
    ),
    "trtllm-no-evict": _style(
        "TensorRT-LLM, GUARANTEED_NO_EVICT: reserves all that requests may yet generate, and never preempts",
        kv_reserve_share=1.0,
    ),
    "vllm-ascend": _style(
        "vllm-ascend: as vLLM, but the victim is aborted and routed anew; where the cluster has a prefill tier, set "
        "victim_returns='prefill', which sends it through that",
        victim_returns="router",
    ),
}
"""The styles by name. Those that reserve a share need a workload with `max_tokens`."""


def engine_style(name: str) -> EngineStyle:
    """The rules of an engine.

    Raises:
        ValueError: If the name is unknown; the message holds the nearest one.
    """
    return ENGINES[check_choice("engine", name, ENGINES)]

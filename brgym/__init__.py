"""brgym: a research instrument for load balancing in data-parallel LLM decoding.

`import brgym` registers the Gymnasium environments and nothing more; what the names below need is imported when they
are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from brgym.cluster import (
        ChunkedPrefill,
        ClusterConfig,
        Metrics,
        Power,
        PrefillTier,
        Result,
        RouterView,
        Slo,
        Speculation,
        StepTime,
        WorkerEvent,
    )
    from brgym.cluster import compiled_kernel as compiled_kernel
    from brgym.cluster import preset as preset
    from brgym.cluster import simulate as simulate
    from brgym.workload import Workload, load_workload, workload_names

__version__ = "0.1.0"

_HOME = {
    "ChunkedPrefill": "brgym.cluster",
    "ClusterConfig": "brgym.cluster",
    "Metrics": "brgym.cluster",
    "Power": "brgym.cluster",
    "PrefillTier": "brgym.cluster",
    "Result": "brgym.cluster",
    "RouterView": "brgym.cluster",
    "Slo": "brgym.cluster",
    "Speculation": "brgym.cluster",
    "StepTime": "brgym.cluster",
    "WorkerEvent": "brgym.cluster",
    "compiled_kernel": "brgym.cluster",
    "preset": "brgym.cluster",
    "simulate": "brgym.cluster",
    "Workload": "brgym.workload",
    "load_workload": "brgym.workload",
    "workload_names": "brgym.workload",
}

__all__ = [
    "ChunkedPrefill",
    "ClusterConfig",
    "Metrics",
    "Power",
    "PrefillTier",
    "Result",
    "RouterView",
    "Slo",
    "Speculation",
    "StepTime",
    "WorkerEvent",
    "Workload",
    "__version__",
    "compiled_kernel",
    "load_workload",
    "preset",
    "simulate",
    "workload_names",
]

for _name in ("StickyRouting", "ArrivalRouting"):
    gymnasium.register(
        id=f"brgym/{_name}-v0",
        entry_point=f"brgym.envs:{_name}Env",
        vector_entry_point=f"brgym.envs:{_name}VectorEnv",
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in {"afd", "cluster", "envs", "learning", "study", "testing", "workload"}:
        return importlib.import_module(f"brgym.{name}")
    raise AttributeError(f"module 'brgym' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

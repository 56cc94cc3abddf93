"""Wrappers and adapters: what other people's libraries want an environment to look like.

Each is imported when it is first used; `SB3VecEnv` needs stable-baselines3 (`pip install "brgym[rl]"`).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brgym.envs.wrappers.episode_metrics import RecordEpisodeMetrics
    from brgym.envs.wrappers.mask import MaskInObservation
    from brgym.envs.wrappers.one_choice import RequestOnly, WorkerOnly
    from brgym.envs.wrappers.sb3 import SB3VecEnv

_HOME = {
    "MaskInObservation": "mask",
    "RecordEpisodeMetrics": "episode_metrics",
    "RequestOnly": "one_choice",
    "SB3VecEnv": "sb3",
    "WorkerOnly": "one_choice",
}

__all__ = ["MaskInObservation", "RecordEpisodeMetrics", "RequestOnly", "SB3VecEnv", "WorkerOnly"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"brgym.envs.wrappers.{_HOME[name]}"), name)
    raise AttributeError(f"module 'brgym.envs.wrappers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

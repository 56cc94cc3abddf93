"""The physics: data-parallel decode workers in lockstep, and a router that decides who decodes where.

Here stands what policies, studies and users need. A compiled policy reads the cluster with the words of `vocabulary`;
whoever drives a cluster step by step, as an environment does, finds the rest in `brgym.cluster.engine`.
"""

from brgym.cluster import vocabulary
from brgym.cluster.asking import compiled_kernel, room_for_pairs
from brgym.cluster.bounds import Bound, envelope_token_steps, has_bound, lower_bound, recovered
from brgym.cluster.config import ClusterConfig, Power
from brgym.cluster.engine_styles import ENGINES, EngineStyle, engine_style
from brgym.cluster.figures import balance, imbalance
from brgym.cluster.layout import Layout, Memory
from brgym.cluster.memory import servable
from brgym.cluster.metrics import Distribution, Metrics, Slo
from brgym.cluster.policy import (
    ArrivalPolicy,
    Binding,
    CompiledPolicy,
    Kernel,
    Policy,
    PoolPolicy,
    is_clairvoyant,
    is_compiled,
)
from brgym.cluster.prefill import ChunkedPrefill, PrefillTier
from brgym.cluster.presets import PRESETS, Preset, preset
from brgym.cluster.records import UNLIMITED, Integers, Reals, Records
from brgym.cluster.simulate import Oversize, Result, simulate
from brgym.cluster.speculation import Speculation
from brgym.cluster.state import View
from brgym.cluster.step_time import StepTime, StepTimeRow
from brgym.cluster.view import ClairvoyantView, RouterView
from brgym.cluster.worker_events import WorkerEvent

__all__ = [
    "ENGINES",
    "PRESETS",
    "UNLIMITED",
    "ArrivalPolicy",
    "Binding",
    "Bound",
    "ChunkedPrefill",
    "ClairvoyantView",
    "ClusterConfig",
    "CompiledPolicy",
    "Distribution",
    "EngineStyle",
    "Integers",
    "Kernel",
    "Layout",
    "Memory",
    "Metrics",
    "Oversize",
    "Policy",
    "PoolPolicy",
    "Power",
    "PrefillTier",
    "Preset",
    "Reals",
    "Records",
    "Result",
    "RouterView",
    "Slo",
    "Speculation",
    "StepTime",
    "StepTimeRow",
    "View",
    "WorkerEvent",
    "balance",
    "compiled_kernel",
    "engine_style",
    "envelope_token_steps",
    "has_bound",
    "imbalance",
    "is_clairvoyant",
    "is_compiled",
    "lower_bound",
    "preset",
    "recovered",
    "room_for_pairs",
    "servable",
    "simulate",
    "vocabulary",
]

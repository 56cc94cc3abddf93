"""The physics: data-parallel decode workers in lockstep, and a router that decides who decodes where."""

from brgym.cluster.admission import fits
from brgym.cluster.bounds import Bound, envelope_token_steps, lower_bound, recovered
from brgym.cluster.config import ClusterConfig, Power
from brgym.cluster.drive import compiled_kernel, room_for_pairs
from brgym.cluster.metrics import Distribution, Metrics
from brgym.cluster.policy import ArrivalPolicy, Binding, CompiledPolicy, Kernel, Memory, Policy, PoolPolicy
from brgym.cluster.presets import PRESETS, Preset, preset
from brgym.cluster.simulate import Result, simulate
from brgym.cluster.state import Integers, Reals, Records, View
from brgym.cluster.step_time import StepTime, StepTimeRow
from brgym.cluster.view import ClairvoyantView, RouterView
from brgym.cluster.waiting import window_size

__all__ = [
    "PRESETS",
    "ArrivalPolicy",
    "Binding",
    "Bound",
    "ClairvoyantView",
    "ClusterConfig",
    "CompiledPolicy",
    "Distribution",
    "Integers",
    "Kernel",
    "Memory",
    "Metrics",
    "Policy",
    "PoolPolicy",
    "Power",
    "Preset",
    "Reals",
    "Records",
    "Result",
    "RouterView",
    "StepTime",
    "StepTimeRow",
    "View",
    "compiled_kernel",
    "envelope_token_steps",
    "fits",
    "lower_bound",
    "preset",
    "recovered",
    "room_for_pairs",
    "simulate",
    "window_size",
]

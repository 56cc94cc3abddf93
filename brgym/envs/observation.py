"""What an agent observes: the router's view as columns in 0..1 (DESIGN 2.8).

Everything is worked out from a `View`, which holds no output length. Quantities without an upper end are squashed, `x
/ (1 + x)`, which keeps their order and never leaves 0..1. The scales are constants and not taken from the workload,
so that what is learned on one workload can be used on another.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from brgym._compile import compiled, inlined
from brgym.cluster import UNLIMITED, ChunkedPrefill, ClusterConfig, View, balance
from brgym.cluster.engine import borrowed_view
from brgym.cluster.vocabulary import (
    active_requests,
    candidate_arrival_s,
    candidate_context_tokens,
    is_up,
    kv_capacity,
    now_s,
    slots,
    waiting,
    window_size,
    workers,
    workers_up,
)

Floats = npt.NDArray[np.float32]
Layout = Literal["flat", "dict"]

CLUSTER_COLUMNS = ("envelope", "mean_load", "imbalance", "free_slots", "waiting")
WORKER_COLUMNS = ("load", "kv_use", "margin", "active", "queued", "queued_tokens")
EVENT_COLUMNS = ("up",)
CHUNK_COLUMNS = ("to_prefill",)
CANDIDATE_COLUMNS = ("present", "context", "waited")
"""The columns, in order; the environments' docstrings say what they mean. A worker has `EVENT_COLUMNS` beside its own
where the cluster has worker events, and then `CHUNK_COLUMNS` where workers prefill in chunks."""

CONTEXT_SCALE_TOKENS = 4096
"""A typical context; loads are measured against a worker full of them (our choice)."""

WAIT_SCALE_S = 10.0
"""A typical wait of a request (our choice)."""

_CLUSTER, _WORKER, _CANDIDATE = len(CLUSTER_COLUMNS), len(WORKER_COLUMNS), len(CANDIDATE_COLUMNS)


def worker_columns(cluster: ClusterConfig) -> int:
    """Columns of a worker."""
    chunked = isinstance(cluster.prefill, ChunkedPrefill)
    return _WORKER + (len(EVENT_COLUMNS) if cluster.events else 0) + (len(CHUNK_COLUMNS) if chunked else 0)


def observation_space(layout: Layout, cluster: ClusterConfig, candidates: int) -> spaces.Box | spaces.Dict:
    """The space of observations, float32 in 0..1.

    Args:
        layout: "flat": one row, the cluster's columns, then those of each worker, then those of each candidate. "dict":
            keys `cluster`, shape (5,), `workers`, shape (workers, 6), one more each where the cluster has worker events
            and where workers prefill in chunks, and `candidates`, shape (candidates, 3).
        cluster: The cluster.
        candidates: Number of candidates shown.
    """
    if layout == "flat":
        return _unit_box((flat_size(cluster, candidates),))
    return spaces.Dict(
        {
            "cluster": _unit_box((_CLUSTER,)),
            "workers": _unit_box((cluster.workers, worker_columns(cluster))),
            "candidates": _unit_box((candidates, _CANDIDATE)),
        }
    )


def flat_size(cluster: ClusterConfig, candidates: int) -> int:
    """Length of a flat observation."""
    return _CLUSTER + cluster.workers * worker_columns(cluster) + candidates * _CANDIDATE


def as_dict(flat: Floats, cluster: ClusterConfig) -> dict[str, Floats]:
    """The parts of a flat observation, or of a batch of them, under their names, as views of it."""
    split = _CLUSTER + cluster.workers * worker_columns(cluster)
    batch = flat.shape[:-1]
    return {
        "cluster": flat[..., :_CLUSTER],
        "workers": flat[..., _CLUSTER:split].reshape(*batch, cluster.workers, -1),
        "candidates": flat[..., split:].reshape(*batch, -1, _CANDIDATE),
    }


@compiled
def write_observation(view: View, out: Floats) -> None:
    """Writes the flat observation; candidates that are not there are zeros."""
    view = borrowed_view(view)
    _write_cluster(view, out)
    width = _WORKER + view.constants[0].may_stop + (1 if view.constants[0].chunk_tokens > 0 else 0)
    _write_workers(view, out, _CLUSTER, width)
    _write_candidates(view, out, _CLUSTER + workers(view) * width)


@inlined
def _write_cluster(view: View, out: Floats) -> None:
    count = max(workers_up(view), 1)
    envelope, total = np.int64(0), np.int64(0)
    for worker in range(workers(view)):
        envelope = max(envelope, view.load_tokens[worker])
        total += view.load_tokens[worker]
    full = float(slots(view) * CONTEXT_SCALE_TOKENS)
    out[0] = _squashed_share(envelope, full)
    out[1] = _squashed_share(total, count * full)
    out[2] = 1.0 - balance(count, envelope, total) if envelope > 0 else 0.0
    out[3] = 1.0 - active_requests(view) / (count * slots(view))
    out[4] = _squashed_share(waiting(view), count * slots(view))


@inlined
def _write_workers(view: View, out: Floats, start: int, width: int) -> None:
    full = float(slots(view) * CONTEXT_SCALE_TOKENS)
    envelope, capacity = view.load_tokens.max(), kv_capacity(view)
    limited, queues = capacity < UNLIMITED, view.clock[0].queued > 0
    for worker in range(workers(view)):
        load, active = view.load_tokens[worker], view.active[worker]
        at = start + worker * width
        out[at] = _squashed_share(load, full)
        out[at + 1] = min(1.0, (load + active) / capacity) if limited else 0.0
        out[at + 2] = _squashed_share(envelope - load, CONTEXT_SCALE_TOKENS)
        out[at + 3] = np.float32(active) / np.float32(slots(view))
        out[at + 4] = _squashed_share(view.queued[worker], slots(view)) if queues else 0.0
        out[at + 5] = _squashed_share(view.queued_tokens[worker], full) if queues else 0.0
        if view.constants[0].may_stop != 0:
            out[at + _WORKER] = is_up(view, worker)
        if view.constants[0].chunk_tokens > 0:
            out[at + width - 1] = _squashed_share(view.to_prefill_tokens[worker], CONTEXT_SCALE_TOKENS)


@inlined
def _write_candidates(view: View, out: Floats, start: int) -> None:
    shown = window_size(view)
    for candidate in range(shown):
        at = start + candidate * _CANDIDATE
        out[at] = 1.0
        out[at + 1] = _squashed_share(candidate_context_tokens(view, candidate), CONTEXT_SCALE_TOKENS)
        out[at + 2] = _squashed_share(now_s(view) - candidate_arrival_s(view, candidate), WAIT_SCALE_S)
    out[start + shown * _CANDIDATE :] = 0.0


@inlined
def _squashed_share(amount: Any, scale: float) -> Any:
    """`x / (1 + x)` of x = amount / scale, with one division, in the precision in which it is shown."""
    part = np.float32(amount)
    return part / (part + np.float32(scale))


def _unit_box(shape: tuple[int, ...]) -> spaces.Box:
    return spaces.Box(0.0, 1.0, shape, np.float32)

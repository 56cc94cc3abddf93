"""What the learned router sees of a cluster: one definition of each feature, to train and to route.

Tokens are measured in the mean context of the active requests, ages in their mean age, so that what is learned on one
workload means the same on another; nothing depends on the numbers of workers and candidates, which are sets.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster import View
from brgym.cluster.vocabulary import (
    active_context_tokens,
    active_generated_tokens,
    active_requests,
    active_worker,
    candidate_context_tokens,
    free_slots,
    is_up,
    slots,
    window_size,
    workers,
    workers_up,
)

Floats = npt.NDArray[np.float32]

CLUSTER_FEATURES = ("mean_margin", "load_spread", "free_slots", "occupancy", "mean_context", "context_spread", "shown")
WORKER_FEATURES = ("deviation", "margin", "free_share", "free_slots", "relative_age", "old_share")
CANDIDATE_FEATURES = ("present", "context", "above_mean", "rank")
"""The columns, in order.

Cluster: mean margin and standard deviation of the loads, in contexts; free slots a worker, squashed; share of the slots
that is in use; mean and standard deviation of the candidates' contexts, in contexts; log2 of their number / 8.
Worker: load less the mean load of the others, and margin, in contexts; free slots as a share, and squashed; mean age of
its tokens over the mean age of all requests, less 1; share of its load held by requests of twice the mean age or more.
Candidate: 1, or 0 where there is none; its context, and that less the mean of the candidates, in contexts; its place in
the queue, 0..1.
"""

CLUSTER, WORKER, CANDIDATE = len(CLUSTER_FEATURES), len(WORKER_FEATURES), len(CANDIDATE_FEATURES)

_OLD = 2.0


class Features(NamedTuple):
    """The features of one moment.

    Attributes:
        cluster: Shape (CLUSTER,).
        workers: Shape (workers, WORKER).
        candidates: Shape (candidates, CANDIDATE).
    """

    cluster: Floats
    workers: Floats
    candidates: Floats


def columns(workers: int, candidates: int) -> int:
    """Length of a row that holds all features."""
    return CLUSTER + workers * WORKER + candidates * CANDIDATE


@compiled
def features_in(row: Floats, workers: int) -> Features:
    """A row's features, as views of it: the cluster's, then each worker's, then each candidate's."""
    split = CLUSTER + workers * WORKER
    return Features(row[:CLUSTER], row[CLUSTER:split].reshape(workers, WORKER), row[split:].reshape(-1, CANDIDATE))


@compiled
def write_row(view: View, row: Floats) -> None:
    """Writes all features into a row of `columns` entries."""
    write_features(view, features_in(row, workers(view)))


@compiled
def write_features(view: View, out: Features) -> None:
    """Writes the features of a moment; candidates that are not there are zeros."""
    shown = min(window_size(view), len(out.candidates))
    scale = context_scale(view, shown)
    _write_candidates(view, out, shown, scale)
    _write_workers(view, out, scale)
    _write_cluster(view, out, shown)


@compiled
def context_scale(view: View, shown: int) -> float:
    """Mean context of the active requests, or of the candidates where none is active, in tokens."""
    if active_requests(view) > 0:
        return view.load_tokens.sum() / active_requests(view)
    total = 0.0
    for candidate in range(shown):
        total += candidate_context_tokens(view, candidate)
    return max(total / max(shown, 1), 1.0)


@compiled
def _write_candidates(view: View, out: Features, shown: int, scale: float) -> None:
    mean, square = 0.0, 0.0
    for candidate in range(shown):
        context = candidate_context_tokens(view, candidate) / scale
        mean += context
        square += context * context
    mean /= max(shown, 1)
    for candidate in range(shown):
        context = candidate_context_tokens(view, candidate) / scale
        seen = out.candidates[candidate]
        seen[0] = 1.0
        seen[1] = context
        seen[2] = context - mean
        seen[3] = candidate / max(shown - 1, 1)
    out.candidates[shown:] = 0.0
    out.cluster[4] = mean
    out.cluster[5] = math.sqrt(max(square / max(shown, 1) - mean * mean, 0.0))
    out.cluster[6] = math.log2(1.0 + shown) / 8.0


@compiled
def _write_workers(view: View, out: Features, scale: float) -> None:
    envelope, total = float(view.load_tokens.max()), float(view.load_tokens.sum())
    _write_ages(view, out)
    for worker in range(workers(view)):
        seen = out.workers[worker]
        if not is_up(view, worker):
            seen[:4] = 0.0
            continue
        load = view.load_tokens[worker]
        free = free_slots(view, worker)
        seen[0] = (load - (total - load) / max(workers_up(view) - 1, 1)) / scale
        seen[1] = (envelope - load) / scale
        seen[2] = free / slots(view)
        seen[3] = free / (1.0 + free)


@compiled
def _write_ages(view: View, out: Features) -> None:
    out.workers[:, 4:] = 0.0
    active = active_requests(view)
    total_age = 0.0
    for place in range(active):
        total_age += active_generated_tokens(view, place)
    mean_age = max(total_age / max(active, 1), 1.0)
    for place in range(active):
        age = active_generated_tokens(view, place) / mean_age
        context = active_context_tokens(view, place)
        seen = out.workers[active_worker(view, place)]
        seen[4] += context * age
        if age >= _OLD:
            seen[5] += context
    for worker in range(workers(view)):
        seen = out.workers[worker]
        load = max(view.load_tokens[worker], 1)
        seen[4] = seen[4] / load - 1.0 if view.active[worker] > 0 else 0.0
        seen[5] /= load


@compiled
def _write_cluster(view: View, out: Features, shown: int) -> None:
    count, active = workers_up(view), active_requests(view)
    margin, square = 0.0, 0.0
    for worker in range(workers(view)):
        margin += out.workers[worker, 1]
        square += out.workers[worker, 1] ** 2
    margin /= count
    free = slots(view) - active / count
    out.cluster[0] = margin
    out.cluster[1] = math.sqrt(max(square / count - margin * margin, 0.0))
    out.cluster[2] = free / (1.0 + free)
    out.cluster[3] = active / (count * slots(view))

"""Simple policies that leave requests in the pool until a worker has room."""

import numpy as np

from baselines.choice import WORKER_CHOICES, WorkerChoice, next_worker
from baselines.compiled import CompiledPoolPolicy
from brgym._checks import check_choice
from brgym._compile import compiled, inlined
from brgym.cluster import ClusterConfig, Integers, Memory, View, compiled_kernel
from brgym.cluster.vocabulary import (
    Room,
    candidate_allowed_tokens,
    candidate_context_tokens,
    lowest_load_that_fits,
    room_of,
    takes,
    window_size,
    workers_up,
)


@compiled_kernel
def _least_kv(view: View, memory: Memory, pairs: Integers) -> int:
    for candidate in range(window_size(view)):
        context, allowed = candidate_context_tokens(view, candidate), candidate_allowed_tokens(view, candidate)
        worker = lowest_load_that_fits(view, context, allowed)
        if worker >= 0:
            pairs[0, 0] = candidate
            pairs[0, 1] = worker
            return 1
    return 0


class LeastKV(CompiledPoolPolicy):
    """The oldest candidate that fits anywhere goes to the worker with the lowest load on which it fits.

    A candidate that fits nowhere does not hold up the younger ones (our choice: work-conserving).
    """

    kernel = staticmethod(_least_kv)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """Nothing."""
        return Memory(np.zeros(0, np.int64), np.zeros(0))


@compiled_kernel
def _level(view: View, memory: Memory, pairs: Integers) -> int:
    choice, passed = memory.integers[0], memory.integers[1:]
    passed[:] = 0
    while True:
        worker = next_worker(view, passed, choice)
        if worker < 0:
            return 0
        candidate = _most_level(view, worker)
        if candidate >= 0:
            pairs[0, 0] = candidate
            pairs[0, 1] = worker
            return 1
        passed[worker] = 1


@compiled
def _most_level(view: View, worker: int) -> int:
    """The candidate that brings the worker nearest to the mean load of the others; -1 if none fits; ties: the older.

    Distances are compared times G - 1, in whole tokens; a worker that is alone takes the smallest.
    """
    room = room_of(view, worker)
    return _nearest(view, worker, room, True) if room.share > 0.0 else _nearest(view, worker, room, False)


@inlined
def _nearest(view: View, worker: int, room: Room, shares: bool) -> int:
    others = workers_up(view) - 1
    load = view.load_tokens[worker]
    target = view.load_tokens.sum() - load - others * load
    best, best_distance = -1, 0
    for candidate in range(window_size(view)):
        context = candidate_context_tokens(view, candidate)
        if not takes(view, room, candidate, shares):
            continue
        distance = abs(others * context - target) if others > 0 else context
        if best < 0 or distance < best_distance:
            best, best_distance = candidate, distance
    return best


class Level(CompiledPoolPolicy):
    """The freest worker gets the candidate that brings its load nearest to the others' mean load.

    BR-0 fills the gap under the envelope, and so keeps the envelope where it is: a worker that has just lost a request
    is filled up to the highest load again. This one aims at the mean, so that the envelope comes down as the fullest
    worker's requests end. It predicts nothing and has no parameter (our choice; found while training `learned`).

    Worker choice and ties are those of `BR0`. Work-conserving: something is admitted whenever something fits.

    Args:
        worker_choice: As in `BR0`.

    Raises:
        ValueError: If `worker_choice` is unknown.
    """

    kernel = staticmethod(_level)

    def __init__(self, *, worker_choice: WorkerChoice = "most-free-slots") -> None:
        self.worker_choice = check_choice("worker_choice", worker_choice, WORKER_CHOICES)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """How workers are chosen, and which are passed over."""
        memory = np.zeros(1 + cluster.workers, np.int64)
        memory[0] = WORKER_CHOICES.index(self.worker_choice)
        return Memory(memory, np.zeros(0))

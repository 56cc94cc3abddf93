"""How the learned router's network and its scratch space lie in a compiled policy's memory."""

from typing import NamedTuple

import numpy as np

from baselines.learned.features import CANDIDATE, CLUSTER, WORKER, Features, Floats, columns, features_in
from baselines.learned.forward import PAIR, Scratch, Weights
from brgym._compile import compiled
from brgym.cluster import Integers, Memory

_HIDDEN, _WORKER_WINDOW, _CANDIDATE_WINDOW, _FIXED = 0, 1, 2, 3


class Brain(NamedTuple):
    """Everything that a decision works with.

    Attributes:
        weights: The network.
        features: Room for the features.
        scratch: Room for what the network works out.
        passed: Room for a mark on each worker, shape (workers,).
        worker_window: Most workers that a decision considers.
    """

    weights: Weights
    features: Features
    scratch: Scratch
    passed: Integers
    worker_window: int


def memory_for(weights: Weights, *, workers: int, worker_window: int, candidate_window: int) -> Memory:
    """The memory of a learned router at the start of a run."""
    hidden = len(weights.score)
    integers = np.zeros(_FIXED + workers, np.int64)
    integers[:_FIXED] = (hidden, worker_window, candidate_window)
    flat = np.concatenate([array.reshape(-1) for array in weights])
    room = columns(workers, candidate_window) + _scratch_size(workers, candidate_window, hidden)
    floats = np.zeros((len(flat) + room + 1) // 2 * 2, np.float32)
    floats[: len(flat)] = flat
    return Memory(integers, floats.view(np.float64))


@compiled
def brain_of(memory: Memory, workers: int) -> Brain:
    """The brain that lies in a router's memory."""
    hidden, candidates = memory.integers[_HIDDEN], memory.integers[_CANDIDATE_WINDOW]
    floats = memory.reals.view(np.float32)
    weights, rest = _weights(floats, hidden)
    size = CLUSTER + workers * WORKER + candidates * CANDIDATE
    return Brain(
        weights,
        features_in(rest[:size], workers),
        _scratch(rest[size:], workers, candidates, hidden),
        memory.integers[_FIXED:],
        memory.integers[_WORKER_WINDOW],
    )


@compiled
def _weights(floats: Floats, hidden: int) -> tuple[Weights, Floats]:
    worker, rest = _grid(floats, WORKER, hidden)
    worker_bias, rest = rest[:hidden], rest[hidden:]
    candidate, rest = _grid(rest, CANDIDATE, hidden)
    candidate_bias, rest = rest[:hidden], rest[hidden:]
    context, rest = _grid(rest, CLUSTER + 4 * hidden, hidden)
    context_bias, rest = rest[:hidden], rest[hidden:]
    pair_worker, rest = _grid(rest, hidden, hidden)
    pair_bias, rest = rest[:hidden], rest[hidden:]
    pair_candidate, rest = _grid(rest, hidden, hidden)
    pair_context, rest = _grid(rest, hidden, hidden)
    pair, rest = _grid(rest, PAIR, hidden)
    score, direct, rest = rest[:hidden], rest[hidden : hidden + PAIR], rest[hidden + PAIR :]
    weights = Weights(
        worker,
        worker_bias,
        candidate,
        candidate_bias,
        context,
        context_bias,
        pair_worker,
        pair_bias,
        pair_candidate,
        pair_context,
        pair,
        score,
        direct,
    )
    return weights, rest


def _scratch_size(workers: int, candidates: int, hidden: int) -> int:
    return (workers + candidates + 4 + 3) * hidden + CLUSTER


@compiled
def _scratch(floats: Floats, workers: int, candidates: int, hidden: int) -> Scratch:
    embedded, rest = _grid(floats, workers, hidden)
    added, rest = _grid(rest, candidates, hidden)
    inputs, rest = rest[: CLUSTER + 4 * hidden], rest[CLUSTER + 4 * hidden :]
    return Scratch(embedded, added, inputs, rest[:hidden], rest[hidden : 2 * hidden], rest[2 * hidden : 3 * hidden])


@compiled
def _grid(floats: Floats, rows: int, row_length: int) -> tuple[Floats, Floats]:
    """The first rows x row_length numbers as a grid, and what follows."""
    size = rows * row_length
    return floats[:size].reshape(rows, row_length), floats[size:]

"""How the learned router's network and its scratch space lie in a compiled policy's memory."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from baselines.learned.features import CANDIDATE, CLUSTER, WORKER, Features
from baselines.learned.forward import Scratch, Weights
from brgym.cluster import Integers, Layout, Memory


class Brain(NamedTuple):
    """Everything that a decision works with.

    Attributes:
        weights: The network.
        features: Room for the features.
        scratch: Room for what the network works out.
        passed: Room for a mark on each worker, shape (workers,).
        worker_window: Most workers that a decision considers, shape (1,).
    """

    weights: Weights
    features: Features
    scratch: Scratch
    passed: Integers
    worker_window: Integers


_LAYOUT = Layout(
    Brain,
    grids=[
        *(
            f"weights.{name}"
            for name in ("worker", "candidate", "context", "pair_worker", "pair_candidate", "pair_context", "pair")
        ),
        *(f"{part}.{name}" for part in ("features", "scratch") for name in ("workers", "candidates")),
    ],
)

brain_of = _LAYOUT.reader()
"""The brain that lies in a router's memory."""


def memory_for(weights: Weights, *, workers: int, worker_window: int, candidate_window: int) -> Memory:
    """The memory of a learned router at the start of a run."""
    hidden = len(weights.score)
    return _LAYOUT.memory(
        Brain(
            weights=weights,
            features=Features(_zeros(CLUSTER), _zeros(workers, WORKER), _zeros(candidate_window, CANDIDATE)),
            scratch=Scratch(
                workers=_zeros(workers, hidden),
                candidates=_zeros(candidate_window, hidden),
                inputs=_zeros(CLUSTER + 4 * hidden),
                context=_zeros(hidden),
                base=_zeros(hidden),
                pair=_zeros(hidden),
            ),
            passed=np.zeros(workers, np.int64),
            worker_window=np.array([worker_window]),
        )
    )


def _zeros(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros(shape, np.float32)

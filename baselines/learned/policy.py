"""The learned router as a policy."""

import os
from functools import cache
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file

from baselines.choice import WORKER_CHOICES, next_worker
from baselines.compiled import CompiledPoolPolicy
from baselines.learned.features import write_features
from baselines.learned.forward import Weights, begin_worker, embed, score, weights_from
from baselines.learned.memory import Brain, brain_of, memory_for
from brgym._checks import check_integer, shown
from brgym._compile import inlined
from brgym.cluster import ClusterConfig, Integers, Memory, View, compiled_kernel
from brgym.cluster.vocabulary import Room, room_of, takes, window_size

_MAX_WINDOW = 2**16

SHIPPED = Path(__file__).with_name("weights.safetensors")
"""The weights that the router takes by default; docs/learned-router.md says how they were made."""

_MOST_FREE_SLOTS = WORKER_CHOICES.index("most-free-slots")

DEFAULT_WORKER_WINDOW = 8
DEFAULT_CANDIDATE_WINDOW = 32


@compiled_kernel
def _learned(view: View, memory: Memory, pairs: Integers) -> int:
    brain = brain_of(memory)
    shown = min(window_size(view), len(brain.features.candidates))
    write_features(view, brain.features)
    embed(brain.weights, brain.features, view.up, shown, brain.scratch)
    brain.passed[:] = 0
    considered, found, best = 0, 0, 0.0
    while considered < brain.worker_window[0]:
        worker = next_worker(view, brain.passed, _MOST_FREE_SLOTS)
        if worker < 0:
            break
        brain.passed[worker] = 1
        begin_worker(brain.weights, worker, brain.scratch)
        room = room_of(view, worker)
        if room.share > 0.0:
            candidate, points = _best_candidate(view, brain, worker, room, shown, True)
        else:
            candidate, points = _best_candidate(view, brain, worker, room, shown, False)
        if candidate < 0:
            continue
        considered += 1
        if found == 0 or points > best:
            found, best = 1, points
            pairs[0, 0], pairs[0, 1] = candidate, worker
    return found


@inlined
def _best_candidate(view: View, brain: Brain, worker: int, room: Room, shown: int, shares: bool) -> tuple[int, float]:
    """The candidate with the highest score of those that fit a worker, the older of equals, and its score; or -1."""
    best, most = -1, 0.0
    for candidate in range(shown):
        if not takes(view, room, candidate, shares):
            continue
        points = score(brain.weights, brain.features, candidate, worker, brain.scratch)
        if best < 0 or points > most:
            best, most = candidate, points
    return best, most


class Learned(CompiledPoolPolicy):
    """A neural network scores the pairs of waiting request and free worker; the best pair is admitted (our choice).

    It sees no output length and predicts none; it was trained in brgym's own environment, see docs/learned-router.md.
    Work-conserving: something is admitted whenever something fits. Ties: the worker with the more free slots, then the
    lower load, then the lower index; then the older candidate.

    Args:
        weights: A file that `python train.py router` has written; None for the one that comes with brgym.
        worker_window: Workers that a decision considers, those with the most free slots, 1..65,536. It bounds the
            time that a decision takes on a large cluster that is empty.
        candidate_window: Candidates that a decision considers, the oldest, 1..65,536.

    Raises:
        ValueError: If a parameter is outside its range, or if the file holds no weights of this network.
        OSError: If there is no such file.
    """

    kernel = staticmethod(_learned)

    def __init__(
        self,
        *,
        weights: str | os.PathLike[str] | None = None,
        worker_window: int = DEFAULT_WORKER_WINDOW,
        candidate_window: int = DEFAULT_CANDIDATE_WINDOW,
    ) -> None:
        if weights is not None and not isinstance(weights, str | os.PathLike):
            raise TypeError(f"weights must be the path of a file or None, got {shown(weights)}")
        self.weights = self.files(weights=weights)["weights"]
        self.worker_window = check_integer("worker_window", worker_window, minimum=1, maximum=_MAX_WINDOW)
        self.candidate_window = check_integer("candidate_window", candidate_window, minimum=1, maximum=_MAX_WINDOW)
        self._weights = read_weights(self.weights) if weights is not None else _shipped()

    @classmethod
    def files(cls, *, weights: str | os.PathLike[str] | None = None, **others: object) -> dict[str, Path]:
        """The files that decide what it does, by the parameter that names them."""
        return {"weights": Path(SHIPPED if weights is None else weights)}

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """The network and its scratch space; nothing here is random."""
        return memory_for(
            self._weights,
            workers=cluster.workers,
            worker_window=self.worker_window,
            candidate_window=self.candidate_window,
        )


def read_weights(file: Path) -> Weights:
    """Reads a network's weights.

    Raises:
        ValueError: If the file is no safetensors file, or holds the weights of another network.
        OSError: If it cannot be read.
    """
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder and no safetensors file")
    try:
        return weights_from(load_file(file))
    except (SafetensorError, AttributeError, KeyError, TypeError) as error:  # the others: a type that numpy lacks
        raise ValueError(f"{file} is no safetensors file: {error}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


@cache
def _shipped() -> Weights:
    return read_weights(SHIPPED)

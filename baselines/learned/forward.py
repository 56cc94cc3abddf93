"""The learned router's network as compiled code: the numbers of `RouterNetwork`, without torch and without a batch."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from baselines.learned.features import CANDIDATE, CLUSTER, WORKER, Features, Floats
from brgym._compile import compiled

PAIR = 4
"""Features of a pair, see `network.PAIR_FEATURES`."""


class Weights(NamedTuple):
    """The network's weights, transposed: a layer's rows are its inputs, so that loops run along its outputs.

    Attributes:
        worker: Shape (WORKER, hidden).
        worker_bias: Shape (hidden,).
        candidate: Shape (CANDIDATE, hidden).
        candidate_bias: Shape (hidden,).
        context: Shape (CLUSTER + 4 hidden, hidden).
        context_bias: Shape (hidden,).
        pair_worker: Shape (hidden, hidden).
        pair_bias: Shape (hidden,).
        pair_candidate: Shape (hidden, hidden).
        pair_context: Shape (hidden, hidden).
        pair: Shape (PAIR, hidden).
        score: Shape (hidden,).
        direct: Shape (PAIR,).
    """

    worker: Floats
    worker_bias: Floats
    candidate: Floats
    candidate_bias: Floats
    context: Floats
    context_bias: Floats
    pair_worker: Floats
    pair_bias: Floats
    pair_candidate: Floats
    pair_context: Floats
    pair: Floats
    score: Floats
    direct: Floats


class Scratch(NamedTuple):
    """Room for what the network works out.

    Attributes:
        workers: Embedded workers, shape (workers, hidden).
        candidates: What each candidate adds to its pairs, shape (candidates, hidden).
        inputs: The context's inputs, shape (CLUSTER + 4 hidden,).
        context: The context, shape (hidden,).
        base: What a worker and the context add to its pairs, shape (hidden,).
        pair: Shape (hidden,).
    """

    workers: Floats
    candidates: Floats
    inputs: Floats
    context: Floats
    base: Floats
    pair: Floats


_LAYERS = ("worker", "candidate", "context", "pair_worker", "pair_candidate", "pair_context", "pair", "score", "direct")


def weights_from(state: Mapping[str, npt.NDArray[Any]]) -> Weights:
    """Takes the weights of `RouterNetwork.state_dict()`, as arrays; what the value needs is left out.

    Raises:
        ValueError: If a weight is missing, has another shape than `RouterNetwork` gives it, is not of float32, or holds
            a number that is not finite.
    """
    try:
        layers = {name: state[f"{name}.weight"] for name in _LAYERS}
        biases = {name: state[f"{name}.bias"] for name in ("worker", "candidate", "context", "pair_worker")}
    except KeyError as error:
        raise ValueError(f"no weights of the learned router: {error} is missing") from None
    found = Weights(
        worker=layers["worker"].T,
        worker_bias=biases["worker"],
        candidate=layers["candidate"].T,
        candidate_bias=biases["candidate"],
        context=layers["context"].T,
        context_bias=biases["context"],
        pair_worker=layers["pair_worker"].T,
        pair_bias=biases["pair_worker"],
        pair_candidate=layers["pair_candidate"].T,
        pair_context=layers["pair_context"].T,
        pair=layers["pair"].T,
        score=layers["score"].reshape(-1),
        direct=layers["direct"].reshape(-1),
    )
    for name, array, shape in zip(Weights._fields, found, _shapes(len(found.score)), strict=True):
        if array.shape != shape:
            raise ValueError(f"weights of another network: {name} has shape {array.shape}, not {shape}")
        if array.dtype != np.float32 or array.size == 0 or not np.isfinite(array).all():
            raise ValueError(f"weights that are no network's: {name} must hold finite float32 and at least one")
    return Weights(*(np.ascontiguousarray(array, np.float32) for array in found))


def _shapes(hidden: int) -> list[tuple[int, ...]]:
    square = (hidden, hidden)
    return [
        (WORKER, hidden),
        (hidden,),
        (CANDIDATE, hidden),
        (hidden,),
        (CLUSTER + 4 * hidden, hidden),
        (hidden,),
        square,
        (hidden,),
        square,
        square,
        (PAIR, hidden),
        (hidden,),
        (PAIR,),
    ]


@compiled
def embed(weights: Weights, features: Features, up: npt.NDArray[np.bool_], shown: int, scratch: Scratch) -> None:
    """Works out all that does not depend on a pair.

    Args:
        weights: The network.
        features: Of the moment.
        up: Whether each worker is up, shape (workers,).
        shown: Candidates that are there.
        scratch: Receives embedded workers, what candidates add to pairs, and the context.
    """
    hidden = len(weights.score)
    scratch.inputs[:CLUSTER] = features.cluster
    pooled = scratch.inputs[CLUSTER:]
    pooled[:] = 0.0
    share = 1.0 / up.sum()
    for worker in range(len(scratch.workers)):
        if not up[worker]:
            continue
        embedded = scratch.workers[worker]
        _layer(weights.worker, weights.worker_bias, features.workers[worker], embedded)
        _pool(embedded, share, pooled[:hidden], pooled[hidden : 2 * hidden])
    embedded = scratch.pair
    for candidate in range(shown):
        _layer(weights.candidate, weights.candidate_bias, features.candidates[candidate], embedded)
        _pool(embedded, 1.0 / shown, pooled[2 * hidden : 3 * hidden], pooled[3 * hidden :])
        added = scratch.candidates[candidate]
        added[:] = 0.0
        _add_product(weights.pair_candidate, embedded, added)
    _layer(weights.context, weights.context_bias, scratch.inputs, scratch.context)


@compiled
def begin_worker(weights: Weights, worker: int, scratch: Scratch) -> None:
    """Works out what a worker adds to all its pairs."""
    scratch.base[:] = weights.pair_bias
    _add_product(weights.pair_worker, scratch.workers[worker], scratch.base)
    _add_product(weights.pair_context, scratch.context, scratch.base)


@compiled
def score(weights: Weights, features: Features, candidate: int, worker: int, scratch: Scratch) -> float:
    """The score of a pair; `begin_worker` came before for this worker."""
    context = features.candidates[candidate, 1]
    deviation = features.workers[worker, 0] + context
    over = max(context - features.workers[worker, 1], np.float32(0.0))
    under = max(features.workers[worker, 1] - context, np.float32(0.0))
    distance = abs(deviation)
    hidden, total = scratch.pair, np.float32(0.0)
    for unit in range(len(hidden)):
        raw = (
            scratch.base[unit]
            + scratch.candidates[candidate, unit]
            + weights.pair[0, unit] * deviation
            + weights.pair[1, unit] * distance
            + weights.pair[2, unit] * over
            + weights.pair[3, unit] * under
        )
        hidden[unit] = max(raw, np.float32(0.0)) * weights.score[unit]
    for unit in range(len(hidden)):
        total += hidden[unit]
    direct = weights.direct
    return total + direct[0] * deviation + direct[1] * distance + direct[2] * over + direct[3] * under


@compiled
def _layer(weight: Floats, bias: Floats, inputs: Floats, out: Floats) -> None:
    out[:] = bias
    _add_product(weight, inputs, out)
    for unit in range(len(out)):
        out[unit] = max(out[unit], np.float32(0.0))


@compiled
def _add_product(weight: Floats, inputs: Floats, out: Floats) -> None:
    for row in range(len(inputs)):
        value = inputs[row]
        for unit in range(len(out)):
            out[unit] += weight[row, unit] * value


@compiled
def _pool(embedded: Floats, share: float, mean: Floats, largest: Floats) -> None:
    """Adds to the mean and to the maximum, which begins at 0: what is embedded is never below."""
    for unit in range(len(embedded)):
        mean[unit] += embedded[unit] * np.float32(share)
        largest[unit] = max(largest[unit], embedded[unit])

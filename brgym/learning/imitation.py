"""Imitation: a network learns to answer as another router does, moment by moment."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from baselines.learned.features import Floats, columns, write_row
from baselines.learned.network import RouterNetwork
from brgym.cluster import ClusterConfig, Integers, PoolPolicy, RouterView, simulate
from brgym.workload import Workload

_LEARNING_RATE = 2e-3
_MINIBATCH = 1024


class Demonstrations(NamedTuple):
    """What a teacher saw and did.

    Attributes:
        rows: Features, shape (decisions, columns).
        masks: Allowed pairs, shape (decisions, candidates x workers).
        actions: The pair that it admitted first, shape (decisions,).
    """

    rows: Floats
    masks: Any
    actions: Integers


class Recorder:
    """A policy that asks another one, and writes down the first pair of each of its decisions.

    Args:
        teacher: The policy that decides; it binds from the pool. It may be clairvoyant: what it decides, not what it
            knows, is written down.
    """

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, teacher: PoolPolicy) -> None:
        self._teacher = teacher
        self.kept: list[tuple[Floats, Any, int]] = []

    @property
    def clairvoyant(self) -> bool:
        """Whether the teacher is."""
        return bool(getattr(self._teacher, "clairvoyant", False))

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Begins a run; what was written down stays."""
        self._window = cluster.candidates or 1
        self._teacher.reset(cluster, seed)

    def admit(self, view: RouterView) -> Integers:
        """The teacher's first pair."""
        pairs = np.asarray(self._teacher.admit(view), dtype=np.int64).reshape(-1, 2)[:1].copy()
        if len(pairs):
            row = np.empty(columns(view.workers, self._window), np.float32)
            write_row(view.arrays, row)
            mask = np.zeros((self._window, view.workers), np.bool_)
            fits = view.fits()
            mask[: len(fits)] = fits
            self.kept.append((row, mask.reshape(-1), int(pairs[0, 0]) * view.workers + int(pairs[0, 1])))
        return pairs


def demonstrate(cluster: ClusterConfig, teacher: PoolPolicy, runs: Iterable[Workload]) -> Demonstrations:
    """Lets a teacher serve some workloads.

    Args:
        cluster: The cluster; it shows a fixed number of candidates.
        teacher: See `Recorder`.
        runs: The workloads.
    """
    recorder = Recorder(teacher)
    for workload in runs:
        simulate(cluster, workload, recorder)
    rows, masks, actions = zip(*recorder.kept, strict=True)
    return Demonstrations(np.stack(rows), np.stack(masks), np.array(actions))


def imitate(
    network: RouterNetwork,
    shown: Demonstrations,
    *,
    workers: int,
    epochs: int,
    seed: int,
    device: torch.device,
    tell: Callable[[int, float], None],
) -> None:
    """Trains a network, in place, to give the teacher's pair the highest score.

    Args:
        network: The network, on `device`.
        shown: What the teacher did.
        workers: Workers of its cluster.
        epochs: Passes over it.
        seed: Decides the order.
        device: Where to train.
        tell: Told of each epoch and its mean loss.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
    rows, masks, actions = (torch.as_tensor(part, device=device) for part in shown)
    shuffle = torch.Generator().manual_seed(seed)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for chosen in torch.split(torch.randperm(len(actions), generator=shuffle).to(device), _MINIBATCH):
            scores = network(rows[chosen], masks[chosen], workers).pairs
            loss = functional.cross_entropy(scores, actions[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(chosen)
        tell(epoch, total / len(actions))

"""The learned router's network, as torch trains it: a score for each (candidate, worker) pair.

Workers and candidates are sets. Each is embedded by itself; the mean and the maximum over each set, with the cluster's
features, make the context; a pair is scored from its worker, its candidate, the context, and what the candidate would
do to that worker's load. So one set of weights serves any number of workers and candidates, and exchanging two of
either exchanges their scores (Zaheer et al., Deep Sets, NeurIPS 2017).
"""

from typing import NamedTuple

import torch
from torch import nn

from baselines.learned.features import CANDIDATE, CLUSTER, WORKER
from baselines.learned.forward import PAIR

PAIR_FEATURES = ("deviation", "distance", "over", "under")
"""Of a pair, in contexts: the worker's load after the admission less the mean of the others' loads; that without its
sign; by how much it would stand above the envelope of before; by how much below."""

assert len(PAIR_FEATURES) == PAIR

HIDDEN = 32


class Scores(NamedTuple):
    """What the network says of a batch of moments.

    Attributes:
        pairs: Score of each pair, minus infinity where it is not allowed, shape (batch, candidates x workers).
        value: What is to be expected of the moment, shape (batch,).
    """

    pairs: torch.Tensor
    value: torch.Tensor


class RouterNetwork(nn.Module):
    """Scores pairs, and the moment as a whole.

    Args:
        hidden: Units of each layer.
    """

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.worker = nn.Linear(WORKER, hidden)
        self.candidate = nn.Linear(CANDIDATE, hidden)
        self.context = nn.Linear(CLUSTER + 4 * hidden, hidden)
        self.pair_worker = nn.Linear(hidden, hidden)
        self.pair_candidate = nn.Linear(hidden, hidden, bias=False)
        self.pair_context = nn.Linear(hidden, hidden, bias=False)
        self.pair = nn.Linear(PAIR, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.direct = nn.Linear(PAIR, 1, bias=False)
        self.value = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        nn.init.zeros_(self.score.weight)

    def forward(self, rows: torch.Tensor, mask: torch.Tensor, workers: int) -> Scores:
        """Scores a batch.

        Args:
            rows: Features, see `features_in`, shape (batch, columns).
            mask: Whether each pair is allowed, shape (batch, candidates x workers), candidate by candidate.
            workers: Number of workers.
        """
        cluster, worker, candidate = _split(rows, workers)
        present = candidate[..., :1]
        hidden_worker = torch.relu(self.worker(worker))
        hidden_candidate = torch.relu(self.candidate(candidate)) * present
        count = present.sum(dim=1).clamp(min=1.0)
        pooled = [
            hidden_worker.mean(dim=1),
            hidden_worker.amax(dim=1),
            hidden_candidate.sum(dim=1) / count,
            hidden_candidate.amax(dim=1),
        ]
        context = torch.relu(self.context(torch.cat([cluster, *pooled], dim=1)))
        at, row = mask.nonzero(as_tuple=True)  # allowed pairs only: they are few
        of_candidate = torch.div(row, workers, rounding_mode="floor")
        of_worker = row - of_candidate * workers
        pair = _pair_features(worker[at, of_worker], candidate[at, of_candidate])
        hidden = torch.relu(
            self.pair_worker(hidden_worker)[at, of_worker]
            + self.pair_candidate(hidden_candidate)[at, of_candidate]
            + self.pair_context(context)[at]
            + self.pair(pair)
        )
        scores = (self.score(hidden) + self.direct(pair)).squeeze(1)
        pairs = torch.full(mask.shape, -torch.inf, dtype=scores.dtype, device=scores.device)
        pairs[at, row] = scores
        return Scores(pairs, self.value(context).squeeze(1))


def _split(rows: torch.Tensor, workers: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    stop = CLUSTER + workers * WORKER
    worker = rows[:, CLUSTER:stop].reshape(len(rows), workers, WORKER)
    return rows[:, :CLUSTER], worker, rows[:, stop:].reshape(len(rows), -1, CANDIDATE)


def _pair_features(worker: torch.Tensor, candidate: torch.Tensor) -> torch.Tensor:
    """Features of pairs, shape (pairs, PAIR)."""
    context = candidate[:, 1]
    deviation = worker[:, 0] + context
    margin = worker[:, 1]
    return torch.stack(
        [deviation, deviation.abs(), (context - margin).clamp(min=0.0), (margin - context).clamp(min=0.0)], dim=1
    )

"""A neural network that gives the hazards of the coming steps."""

from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from brgym._checks import check_integer
from brgym.cluster import Integers, Reals
from classifiers.features import FEATURES
from classifiers.hazard import HazardPredictor, Standardizer
from classifiers.learned import STORED_MAXIMA
from classifiers.snapshots import STEP_S


class MLPHazard(HazardPredictor):
    """Discrete-time hazards from a multi-layer perceptron (Gensheimer and Narasimhan, PeerJ 2019).

    The horizon is cut into intervals that grow with the distance; within one the hazard is constant, after the last one
    it stays as it is there.

    Args:
        horizon: H, in steps.
        hidden: Units of each of the two hidden layers, at least 1.
        intervals: Intervals that the horizon is cut into, at least 1; fewer where steps are not to be split.
        max_epochs: The most passes over the snapshots, at least 1.
        patience: Passes without a better loss on the later requests after which training stops, at least 1.
        batch_size: Snapshots in a step of Adam, at least 1.
        learning_rate: Of Adam, above 0.
        device: "auto", "cpu" or "cuda", to train on.
        samples: Snapshots to learn from.
        step_s: Duration of a decode step for censoring, see `classifiers.snapshots.observed_steps`.
        random_state: Seed.
    """

    wanted_features: ClassVar[tuple[str, ...]] = FEATURES

    def __init__(
        self,
        *,
        horizon: int = 80,
        hidden: int = 32,
        intervals: int = 10,
        max_epochs: int = 20,
        patience: int = 3,
        batch_size: int = 1024,
        learning_rate: float = 3e-3,
        device: str = "auto",
        samples: int = 100_000,
        step_s: float | None = STEP_S,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.hidden = hidden
        self.intervals = intervals
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.samples = samples
        self.step_s = step_s
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("hidden", self.hidden, minimum=1, maximum=STORED_MAXIMA["hidden"])
        check_integer("intervals", self.intervals, minimum=1, maximum=STORED_MAXIMA["intervals"])

    @property
    def _edges(self) -> Integers:
        """Ends of the intervals, in steps from now, the last one H; shape (intervals + 1,), from 0."""
        ends = np.geomspace(1.0, self.horizon, self.intervals) if self.intervals > 1 else np.array([self.horizon])
        return np.unique(np.append(0, np.rint(ends))).astype(np.int64)

    @property
    def _interval(self) -> Integers:
        return np.repeat(np.arange(len(self._edges) - 1), np.diff(self._edges))

    def _offset(self, rows: Reals) -> Integers:
        return np.zeros(len(rows), np.int64)

    def _network(self, features: int) -> torch.nn.Module:
        last = torch.nn.Linear(self.hidden, len(self._edges) - 1)
        torch.nn.init.constant_(last.bias, -5.0)  # requests are long: a step is seldom the last
        return torch.nn.Sequential(
            Standardizer(features),
            torch.nn.Linear(features, self.hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(self.hidden, self.hidden),
            torch.nn.ReLU(),
            last,
        )

    def _loss(self, network: torch.nn.Module, batch: list[torch.Tensor]) -> torch.Tensor:
        rows, survived, ended = batch
        log_odds = network(rows)
        edges = torch.from_numpy(self._edges).to(rows.device)
        start, width = edges[:-1], edges.diff()
        steps = (survived[:, None] - start).clamp(min=0).minimum(width)
        last = (survived[:, None] >= start) & (survived[:, None] < start + width) & ended[:, None]
        likelihood = steps * functional.logsigmoid(-log_odds) + last * functional.logsigmoid(log_odds)
        return -likelihood.sum(dim=1).mean()

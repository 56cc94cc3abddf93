"""A small set of hazards, one for each bin of a request's age, with bins that are learned."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from brgym._checks import check_integer
from brgym.cluster import Integers, Reals
from classifiers.features import FEATURES
from classifiers.hazard import HazardPredictor, Standardizer
from classifiers.layout import MAX_OUTPUT_TOKENS
from classifiers.learned import STORED_MAXIMA, Examples, Monitor
from classifiers.snapshots import STEP_S

_SHARPNESS = 40.0
_POINTS = 5


class BinnedHazards(torch.nn.Module):
    """Log odds of the hazard in each bin of the age, linear in the other features; and the edges between the bins.

    While they are learned the edges are soft, so that the loss has a slope in them.

    Args:
        features: Columns; the first is the age, in tokens.
        bins: Number of bins.
        longest: The largest age that was seen, in tokens.
    """

    log_longest: torch.Tensor

    def __init__(self, features: int, bins: int, longest: int) -> None:
        super().__init__()
        self.standardize = Standardizer(features)
        self.of_bin = torch.nn.Linear(features - 1, bins)
        torch.nn.init.zeros_(self.of_bin.weight)
        torch.nn.init.constant_(self.of_bin.bias, -5.0)  # requests are long: a step is seldom the last
        self.log_width = torch.nn.Parameter(torch.zeros(bins))
        self.register_buffer("log_longest", torch.log1p(torch.tensor(float(longest))))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Log odds of each bin's hazard, shape (rows, bins)."""
        log_odds: torch.Tensor = self.of_bin(self.standardize(rows)[:, 1:])
        return log_odds

    def edges(self) -> torch.Tensor:
        """log(1 + age) between the bins, ascending, shape (bins - 1,)."""
        return torch.cumsum(functional.softmax(self.log_width, dim=0), dim=0)[:-1] * self.log_longest

    def membership(self, age: torch.Tensor) -> torch.Tensor:
        """How far ages belong to each bin, adding up to 1; shape that of `age` and an axis for the bins."""
        above = torch.sigmoid((torch.log1p(age)[..., None] - self.edges()) * _SHARPNESS)
        one = torch.ones_like(age)[..., None]
        return torch.cat([one, above], dim=-1) - torch.cat([above, 0.0 * one], dim=-1)


class BinnedHazard(HazardPredictor):
    """Piecewise constant hazard over the age, with learned bins and an effect of the other features in each.

    `Survival` with as few numbers as will do, which can also tell prompts apart. The bins' edges are found by gradient
    descent, as shares of the logarithm of the largest age (our choice).

    Args:
        horizon: H, in steps.
        bins: Bins of the age, at least 2.
        max_epochs: The most passes over the snapshots, at least 1.
        patience: Passes without a better loss on the later requests after which training stops, at least 1.
        batch_size: Snapshots in a step of Adam, at least 1.
        learning_rate: Of Adam, above 0.
        device: "auto", "cpu" or "cuda", to train on.
        samples: Snapshots to learn from.
        step_s: Duration of a decode step for censoring, see `classifiers.snapshots.observed_steps`.
        random_state: Seed.

    Attributes:
        longest_: The largest age that was seen, in tokens.
    """

    wanted_features: ClassVar[tuple[str, ...]] = (
        "age_tokens",
        *(name for name in FEATURES if name not in ("age_tokens", "log_age", "age_to_prompt")),
    )
    longest_: int
    network_: BinnedHazards

    def __init__(
        self,
        *,
        horizon: int = 80,
        bins: int = 24,
        max_epochs: int = 20,
        patience: int = 3,
        batch_size: int = 1024,
        learning_rate: float = 1e-2,
        device: str = "auto",
        samples: int = 100_000,
        step_s: float | None = STEP_S,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.bins = bins
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
        check_integer("bins", self.bins, minimum=2, maximum=STORED_MAXIMA["bins"])

    def _learn(self, examples: Examples, monitor: Monitor) -> None:
        self.longest_ = _longest_age(examples)
        super()._learn(examples, monitor)

    def _tune(self, training: Examples, validation: Examples, monitor: Monitor) -> None:
        self.longest_ = _longest_age(training)
        super()._tune(training, validation, monitor)

    def _dump_model(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        settings, arrays, estimators = super()._dump_model()
        return settings | {"longest": self.longest_}, arrays, estimators

    def _settings(self) -> dict[str, Callable[[Any], object]]:
        return {"longest": partial(check_integer, "longest", minimum=1, maximum=MAX_OUTPUT_TOKENS)}

    def _network_for(self, settings: Mapping[str, Any]) -> torch.nn.Module:
        return BinnedHazards(len(settings["features"]), self.bins, settings["longest"])

    def _restore_model(
        self, settings: Mapping[str, Any], arrays: Mapping[str, Any], estimators: Mapping[str, Any]
    ) -> None:
        self.longest_ = settings["longest"]
        super()._restore_model(settings, arrays, estimators)

    @property
    def _interval(self) -> Integers:
        edges = self.network_.edges().detach().numpy()
        return np.searchsorted(edges, np.log1p(np.arange(self.longest_ + 1)), side="right")

    def _offset(self, rows: Reals) -> Integers:
        return rows[:, 0].astype(np.int64)

    def _network(self, features: int) -> torch.nn.Module:
        return BinnedHazards(features, self.bins, self.longest_)

    def _loss(self, network: torch.nn.Module, batch: list[torch.Tensor]) -> torch.Tensor:
        """The steps survived are taken at a few ages between, each standing for as many (quadrature)."""
        assert isinstance(network, BinnedHazards)
        rows, survived, ended = batch
        log_odds = network(rows)
        share = (torch.arange(_POINTS, device=rows.device) + 0.5) / _POINTS
        ages = rows[:, :1] + survived[:, None] * torch.cat([share, torch.ones(1, device=rows.device)])
        at_ages = (network.membership(ages) * log_odds[:, None, :]).sum(dim=2)
        survival = functional.logsigmoid(-at_ages[:, :-1]).mean(dim=1) * survived
        return -(survival + ended * functional.logsigmoid(at_ages[:, -1])).mean()


def _longest_age(examples: Examples) -> int:
    return int((examples.rows[:, 0] + examples.seen_steps).max())

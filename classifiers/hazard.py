"""What the two torch models share: the training loop, and survival curves from hazards."""

import copy
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from brgym._checks import check_choice, check_integer, check_real
from brgym.cluster import Integers, Reals
from classifiers.curves import hazard_curves, hazard_sums
from classifiers.layout import MAX_OUTPUT_TOKENS, Array, Part
from classifiers.learned import Examples, LearnedPredictor, Monitor

_MAX_LEARNING_RATE = 1e3

DEVICES = ("auto", "cpu", "cuda")

WEIGHT_RANGES = {
    "mean": (-1e10, 1e10),
    "scale": (1e-30, 1e10),
    "log_longest": (0.0, math.log1p(2 * MAX_OUTPUT_TOKENS)),
    "weight": (-1e6, 1e6),
    "bias": (-1e6, 1e6),
    "log_width": (-1e6, 1e6),
}
"""Smallest and largest value of a stored weight, by the last part of its name."""


class Standardizer(torch.nn.Module):
    """Shifts and scales features to mean 0 and standard deviation 1, and cuts off what is further out than 6."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def learn(self, rows: Reals) -> None:
        """Takes mean and standard deviation from rows; a feature that never varies is left unscaled."""
        spread = rows.std(axis=0)
        self.mean.copy_(torch.from_numpy(rows.mean(axis=0)))
        self.scale.copy_(torch.from_numpy(np.where(spread > 0.0, spread, 1.0)))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The standardized rows."""
        return ((rows - self.mean) / self.scale).clamp(-6.0, 6.0)


class HazardPredictor(LearnedPredictor):
    """Gives each request a hazard in every interval of steps: the probability to end with the step, if it gets there.

    Learns by the likelihood of what was seen within the horizon; requests that went on beyond it, or whose end is not
    known, count as having survived as far as they were seen. The number of epochs is chosen on the later requests.

    Attributes:
        network_: The fitted torch module, on the CPU.
    """

    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    device: str
    network_: torch.nn.Module

    def expected_on(self, rows: Reals, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)], in steps, from rows of features."""
        expected = np.empty(len(rows))
        hazard_sums(self._hazard(rows), self._interval, self._offset(rows), horizon, expected)
        return expected

    def survival_on(self, rows: Reals, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, from rows of features."""
        curves = np.empty((len(rows), horizon + 1))
        hazard_curves(self._hazard(rows), self._interval, self._offset(rows), curves)
        return curves

    @property
    @abstractmethod
    def _interval(self) -> Integers:
        """The interval of each step."""

    @abstractmethod
    def _offset(self, rows: Reals) -> Integers:
        """The step at which each request stands, as `_interval` counts them."""

    @abstractmethod
    def _network(self, features: int) -> torch.nn.Module:
        """A new network; called with float32 features it gives the log odds of the hazards."""

    @abstractmethod
    def _loss(self, network: torch.nn.Module, batch: list[torch.Tensor]) -> torch.Tensor:
        """Mean negative log likelihood of a batch: features, seen steps within the horizon, whether it ended."""

    def _dump_model(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        weights = {f"network.{name}": weight.numpy() for name, weight in self.network_.state_dict().items()}
        return {}, dict(weights), {}

    def _model_layout(self, settings: Mapping[str, Any]) -> tuple[Mapping[str, Part], Mapping[str, Part]]:
        with torch.device("meta"):  # shapes without numbers
            shapes = self._network_for(settings).state_dict()
        arrays = {}
        for name, weight in shapes.items():
            low, high = WEIGHT_RANGES[name.rpartition(".")[2]]
            shape = tuple(weight.shape) or (1,)  # a single number is stored as an array of one
            arrays[f"network.{name}"] = Array(shape=shape, dtype=np.float32, low=low, high=high)
        return arrays, {}

    def _network_for(self, settings: Mapping[str, Any]) -> torch.nn.Module:
        """The network that settings are of, untrained."""
        return self._network(len(settings["features"]))

    def _restore_model(
        self, settings: Mapping[str, Any], arrays: Mapping[str, Any], estimators: Mapping[str, Any]
    ) -> None:
        with torch.device("meta"):
            network = self._network_for(settings)
        kept = {name.removeprefix("network."): weight for name, weight in arrays.items() if name.startswith("network.")}
        network.load_state_dict({name: torch.tensor(weight) for name, weight in kept.items()}, assign=True)
        self.network_ = network.eval()

    def _hazard(self, rows: Reals) -> Reals:
        with one_thread(), torch.inference_mode():
            log_odds = self.network_(torch.from_numpy(rows.astype(np.float32)))
            return np.asarray(torch.sigmoid(log_odds).numpy(), dtype=np.float64)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("max_epochs", self.max_epochs, minimum=1)
        check_integer("patience", self.patience, minimum=1)
        check_integer("batch_size", self.batch_size, minimum=1)
        check_real("learning_rate", self.learning_rate, minimum=0.0, maximum=_MAX_LEARNING_RATE, exclusive=True)
        check_choice("device", self.device, DEVICES)

    def _check_machine(self) -> None:
        device_of(self.device)

    def _tune(self, training: Examples, validation: Examples, monitor: Monitor) -> None:
        held_out = self._tensors(validation)
        best, self._epochs = np.inf, 1

        def worse(network: torch.nn.Module, epoch: int) -> bool:
            nonlocal best
            with torch.no_grad():
                loss = float(self._loss(network, held_out))
            monitor("epochs", epoch, {"validation_loss": loss})
            if loss < best:
                best, self._epochs = loss, epoch
            return epoch - self._epochs >= self.patience

        with one_thread():
            self._train(training, self.max_epochs, worse)

    def _learn(self, examples: Examples, monitor: Monitor) -> None:
        def tell(network: torch.nn.Module, epoch: int) -> bool:
            monitor("final epochs", epoch, {})
            return False

        with one_thread():
            self.network_ = self._train(examples, self._epochs, tell)

    def _train(self, examples: Examples, epochs: int, stop: Callable[[torch.nn.Module, int], bool]) -> torch.nn.Module:
        device = device_of(self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            network = self._network(examples.rows.shape[1])
        standardizer = next(part for part in network.modules() if isinstance(part, Standardizer))
        standardizer.learn(examples.rows)
        network.to(device)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        data = self._tensors(examples)
        shuffle = torch.Generator().manual_seed(self.random_state)
        for epoch in range(1, epochs + 1):
            for chosen in torch.randperm(len(data[0]), generator=shuffle).split(self.batch_size):  # type: ignore[no-untyped-call]
                optimizer.zero_grad()
                self._loss(network, [column[chosen.to(device)] for column in data]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            if stop(network, epoch):
                break
        return copy.deepcopy(network).cpu().eval()

    def _tensors(self, examples: Examples) -> list[torch.Tensor]:
        """Features, steps survived for sure within the horizon, and whether the next was the last, on the device."""
        device = device_of(self.device)
        ended = examples.ended & (examples.seen_steps <= self.horizon)
        survived = np.where(ended, examples.seen_steps - 1, np.minimum(examples.seen_steps, self.horizon))
        columns = (examples.rows.astype(np.float32), survived, ended)
        return [torch.from_numpy(np.ascontiguousarray(column)).to(device) for column in columns]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps torch to one thread: for small networks, several spend their time waiting for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def device_of(name: str) -> torch.device:
    """The device that a name stands for; "auto": CUDA where there is one.

    Raises:
        ValueError: If the name is unknown, or there is no CUDA device where one is asked for.
    """
    check_choice("device", name, DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda': there is none here; 'auto' takes what there is")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")

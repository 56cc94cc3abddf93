"""What all predictors share that learn from features: data sets from a workload, and the way from a view to a row."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator

from brgym._checks import check_integer, check_real
from brgym.cluster import Integers, Reals
from brgym.workload import Workload
from classifiers.features import Features, PromptHistory, check_names, has_history
from classifiers.fitted import check_fitted
from classifiers.interface import ActiveRequests
from classifiers.layout import MAX_OUTPUT_TOKENS, Layout, Part, check_settings
from classifiers.snapshots import (
    Flags,
    admissions,
    check_both_classes,
    check_step_s,
    sample_snapshots,
    training_fingerprint,
)

VALIDATION_SHARE = 0.2
"""Latest share of the training requests on which the number of rounds is chosen and probabilities are calibrated."""

STORED_MAXIMA = {"horizon": 2**16, "intervals": 2**16, "hidden": 2**16, "bins": 2**16}
"""The largest parameters of a predictor on disk that decide how much memory a prediction takes (our choice)."""

_MAX_SAMPLES = 10**9

MAX_RANDOM_STATE = 2**32 - 2  # scikit-learn's, and the validation takes the next

Monitor = Callable[[str, int, Mapping[str, float]], None]
"""Told of progress: what is being learned, how many rounds are done, and figures such as the loss."""


class Examples(NamedTuple):
    """Rows to learn from.

    Attributes:
        rows: Shape (examples, features).
        seen_steps: As in `Snapshots`.
        ended: As in `Snapshots`.
    """

    rows: Reals
    seen_steps: Integers
    ended: Flags


class LearnedPredictor(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn is not typed
    """A termination predictor that learns from features; subclasses are the models.

    Parameters of all of them: `horizon`, the H that it is made for, in steps (it answers for any other); `samples`, how
    many snapshots it draws; `step_s`, see `classifiers.snapshots.observed_steps`; `random_state`.

    `fit` first learns from the earlier requests and tunes on the later ones (`VALIDATION_SHARE`), then learns from all.

    Attributes:
        features_: The features that it reads.
        mean_output_tokens: Mean output length of the training requests.
        workload_fingerprint_: Digest of the workload, and of the admissions, that it was fitted on.
    """

    wanted_features: ClassVar[tuple[str, ...]]
    horizon: int
    samples: int
    step_s: float | None
    random_state: int
    features_: Features
    mean_output_tokens: float
    workload_fingerprint_: str

    def fit(self, workload: Workload, *, admit_s: Reals | None = None, monitor: Monitor | None = None) -> Self:
        """Learns from a workload.

        Args:
            workload: The requests, all of which may be learned from: hold some out before.
            admit_s: When each was admitted in a run, see `classifiers.snapshots.admissions`; only with it can queueing
                be learned from.
            monitor: Told of progress.

        Raises:
            ValueError: If a parameter is out of range, if the horizon is longer than every output, if no request was
                seen to end within it, or as `admissions`.
        """
        self._check_parameters()
        self._check_machine()
        admitted_s = admissions(workload, admit_s)
        longest = int(workload.output_tokens.max())
        if self.horizon >= longest:
            raise ValueError(
                f"horizon {self.horizon} is not shorter than the longest output of the training workload ({longest} "
                "tokens): every request ends within it and there is nothing to tell apart"
            )
        earlier, later = workload.split_by_time(1.0 - VALIDATION_SHARE)
        features, training = self._examples(earlier, admitted_s[: len(earlier)])
        drawn = sample_snapshots(
            later,
            max(self.samples // 4, 1),
            seed=self.random_state + 1,
            step_s=self.step_s,
            admit_s=admitted_s[len(earlier) :],
        )
        validation = Examples(features.matrix(drawn), drawn.seen_steps, drawn.ended)
        tell = monitor or (lambda stage, done, figures: None)
        self._tune(training, validation, tell)
        self.features_, everything = self._examples(workload, admitted_s)
        self._learn(everything, tell)
        self.mean_output_tokens = float(workload.output_tokens.mean())
        self.workload_fingerprint_ = training_fingerprint(workload, admit_s)
        return self

    def expected_remaining(self, view: ActiveRequests, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] of each active request, in steps, shape (active requests,)."""
        check_integer("horizon", horizon, minimum=0)
        rows = self._rows(view)
        return self.expected_on(rows, horizon) if len(rows) else np.empty(0)

    def survival(self, view: ActiveRequests, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, of each active request, shape (active requests, horizon + 1)."""
        check_integer("horizon", horizon, minimum=0)
        rows = self._rows(view)
        return self.survival_on(rows, horizon) if len(rows) else np.empty((0, horizon + 1))

    def dump(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """What `classifiers.save` writes: settings, arrays, scikit-learn estimators."""
        settings, arrays, estimators = self._dump_model()
        history = self.features_.history
        if history is not None:
            arrays |= {"hashes": history.hashes, "hash_moments": history.moments, "hash_prior": history.prior}
        common = {"features": list(self.features_.names), "mean_output_tokens": self.mean_output_tokens}
        return settings | common, arrays, estimators

    def layout(self, settings: Mapping[str, Any]) -> Layout:
        """What the parts that `dump` gives have to be, with these parameters and settings.

        Raises:
            TypeError: If a parameter or a setting is of the wrong type.
            ValueError: If one is out of range.
        """
        self._check_parameters()
        for name, value in self.get_params().items():
            if name in STORED_MAXIMA:
                check_integer(name, value, minimum=1, maximum=STORED_MAXIMA[name])
        common: dict[str, Callable[[Any], object]] = {
            "features": partial(check_names, wanted=self.wanted_features),
            "mean_output_tokens": partial(check_real, "mean_output_tokens", minimum=1.0, maximum=MAX_OUTPUT_TOKENS),
        }
        check_settings(settings, self._settings() | common)
        features = settings["features"]
        arrays, estimators = self._model_layout(settings)
        if has_history(features):
            arrays = {**arrays, **PromptHistory.STORED}
        return Layout(arrays, estimators, {"features": len(features)})

    def restore(self, settings: Mapping[str, Any], arrays: Mapping[str, Any], estimators: Mapping[str, Any]) -> None:
        """Takes back what `dump` gave."""
        history = None
        if "hashes" in arrays:
            history = PromptHistory(arrays["hashes"], arrays["hash_moments"], arrays["hash_prior"])
        self.features_ = Features(tuple(settings["features"]), history)
        self.mean_output_tokens = settings["mean_output_tokens"]
        self._restore_model(settings, arrays, estimators)

    @abstractmethod
    def expected_on(self, rows: Reals, horizon: int) -> Reals:
        """As `expected_remaining`, from rows of features, shape (requests, features)."""

    @abstractmethod
    def survival_on(self, rows: Reals, horizon: int) -> Reals:
        """As `survival`, from rows of features, shape (requests, features)."""

    @abstractmethod
    def _tune(self, training: Examples, validation: Examples, monitor: Monitor) -> None:
        """Learns from the earlier requests, and what the later ones say of it: rounds, calibration."""

    @abstractmethod
    def _learn(self, examples: Examples, monitor: Monitor) -> None:
        """Learns from all requests, as tuned."""

    @abstractmethod
    def _dump_model(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """The model's own part of `dump`."""

    def _settings(self) -> dict[str, Callable[[Any], object]]:
        """The model's own part of the settings: what checks each of them."""
        return {}

    @abstractmethod
    def _model_layout(self, settings: Mapping[str, Any]) -> tuple[Mapping[str, Part], Mapping[str, Part]]:
        """The model's own part of `layout`: arrays and estimators; the settings are checked."""

    @abstractmethod
    def _restore_model(
        self, settings: Mapping[str, Any], arrays: Mapping[str, Any], estimators: Mapping[str, Any]
    ) -> None:
        """Takes back what `_dump_model` gave."""

    def _check_parameters(self) -> None:
        check_integer("horizon", self.horizon, minimum=1)
        check_integer("samples", self.samples, minimum=1, maximum=_MAX_SAMPLES)
        check_integer("random_state", self.random_state, minimum=0, maximum=MAX_RANDOM_STATE)
        check_step_s(self.step_s)

    def _check_machine(self) -> None:
        """Checks that there is what training needs; a prediction needs nothing."""

    def _examples(self, workload: Workload, admit_s: Reals) -> tuple[Features, Examples]:
        features = Features.of(workload, self.wanted_features, step_s=self.step_s, admit_s=admit_s)
        drawn = sample_snapshots(workload, self.samples, seed=self.random_state, step_s=self.step_s, admit_s=admit_s)
        check_both_classes(drawn, self.horizon)
        return features, Examples(features.training_matrix(drawn), drawn.seen_steps, drawn.ended)

    def _rows(self, view: ActiveRequests) -> Reals:
        check_fitted(self, "features_")
        return self.features_.matrix(view)

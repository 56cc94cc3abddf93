"""Predictors in two parts: whether a request ends within the horizon, and if so, how long it goes on until then."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brgym._checks import check_choice
from brgym.cluster import Reals
from classifiers.calibration import CALIBRATIONS, STORED, Calibration
from classifiers.curves import EndingCurve
from classifiers.layout import Part
from classifiers.learned import Examples, LearnedPredictor, Monitor

CERTAIN = 1e-6
"""Probabilities of ending within the horizon stay this far from 0 and 1: no model is that sure (our choice)."""


class TwoPartPredictor(LearnedPredictor):
    """Gives p_fin and mu_rem, the two numbers of which BalanceRoute's r̂ is made, from two models over the same rows.

    Attributes:
        classifier_: The fitted scikit-learn model of ending within the horizon.
        regressor_: The fitted scikit-learn model of the steps until then.
        calibration_: What turns the classifier's probabilities into calibrated ones; None for "none".
    """

    calibration: str
    calibration_: Calibration | None
    classifier_: Any
    regressor_: Any

    def expected_on(self, rows: Reals, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)], in steps, from rows of features."""
        return EndingCurve(self.horizon).expected(self.ending_on(rows), self.mean_steps_on(rows), horizon)

    def survival_on(self, rows: Reals, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, from rows of features, see `EndingCurve`."""
        return EndingCurve(self.horizon).survival(self.ending_on(rows), self.mean_steps_on(rows), horizon)

    def ending_on(self, rows: Reals) -> Reals:
        """p_fin = P(remaining <= H), calibrated, shape (requests,)."""
        if len(rows) == 0:  # scikit-learn refuses none
            return np.zeros(0)
        ending = self._ending(rows)
        if self.calibration_ is not None:
            ending = self.calibration_.apply(ending)
        return np.clip(ending, CERTAIN, 1.0 - CERTAIN)

    def mean_steps_on(self, rows: Reals) -> Reals:
        """mu_rem = E[remaining | remaining <= H], in steps, 1..H, shape (requests,)."""
        if len(rows) == 0:
            return np.zeros(0)
        return np.clip(self._mean_steps(rows), 1.0, float(self.horizon))

    @abstractmethod
    def _ending(self, rows: Reals) -> Reals:
        """P(remaining <= H) as the classifier says it."""

    @abstractmethod
    def _mean_steps(self, rows: Reals) -> Reals:
        """E[remaining | remaining <= H] as the regressor says it."""

    @abstractmethod
    def _use(self, classifier: Any, regressor: Any) -> None:
        """Takes the fitted scikit-learn models."""

    @abstractmethod
    def _choose_rounds(self, training: Examples, validation: Examples, monitor: Monitor) -> None:
        """Fits both models on the earlier requests, and keeps what the later ones say of their size."""

    def _dump_model(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        arrays: dict[str, Any] = {}
        settings = {"straight": self.calibration == "platt"}
        if self.calibration_ is not None:
            arrays = {"calibration_logit": self.calibration_.logit, "calibrated": self.calibration_.probability}
        return settings, arrays, {"classifier": self.classifier_, "regressor": self.regressor_}

    def _settings(self) -> dict[str, Callable[[Any], object]]:
        return {"straight": self._check_straight}

    def _check_straight(self, value: object) -> None:
        if value is not (self.calibration == "platt"):
            raise ValueError(f"straight must be {self.calibration == 'platt'} with calibration {self.calibration!r}")

    def _model_layout(self, settings: Mapping[str, Any]) -> tuple[Mapping[str, Part], Mapping[str, Part]]:
        return STORED[self.calibration], self._estimators()

    @abstractmethod
    def _estimators(self) -> Mapping[str, Part]:
        """What the classifier and the regressor have to be, by these names."""

    def _restore_model(
        self, settings: Mapping[str, Any], arrays: Mapping[str, Any], estimators: Mapping[str, Any]
    ) -> None:
        self.calibration_ = None
        if "calibrated" in arrays:
            points = arrays["calibration_logit"], arrays["calibrated"]
            self.calibration_ = Calibration(*points, straight=settings["straight"])
        self._use(estimators["classifier"], estimators["regressor"])

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("calibration", self.calibration, CALIBRATIONS)

    def _tune(self, training: Examples, validation: Examples, monitor: Monitor) -> None:
        self._choose_rounds(training, validation, monitor)
        self.calibration_ = None
        if self.calibration != "none":
            rows, ends = self._labelled(validation)
            self.calibration_ = Calibration.fitted(self.calibration, self._ending(rows), ends)

    def _labelled(self, examples: Examples) -> tuple[Reals, Reals]:
        """Rows of which it is known whether they end within the horizon, and whether they do, as 0 or 1."""
        known = examples.ended | (examples.seen_steps >= self.horizon)
        ends = examples.ended & (examples.seen_steps <= self.horizon)
        return examples.rows[known], ends[known].astype(np.float64)

    def _finishing(self, examples: Examples) -> tuple[Reals, Reals]:
        """Rows that end within the horizon, and after how many steps."""
        ends = examples.ended & (examples.seen_steps <= self.horizon)
        return examples.rows[ends], examples.seen_steps[ends].astype(np.float64)

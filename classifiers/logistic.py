"""Logistic regression: the plainest model that can use more than the age."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from brgym._checks import check_real
from brgym.cluster import Reals
from classifiers.features import FEATURES
from classifiers.layout import Array, Model, Part, Size
from classifiers.learned import Examples, Monitor
from classifiers.snapshots import STEP_S
from classifiers.two_part import TwoPartPredictor

_MIN_PENALTY, _MAX_PENALTY = 1e-12, 1e12  # its inverse times any number of rows is finite

_SCALER = Model(
    kind=StandardScaler,
    attributes={
        "n_features_in_": Size("features"),
        "mean_": Array(shape=("features",), low=-1e10, high=1e10),
        "scale_": Array(shape=("features",), low=1e-30, high=1e10),
    },
)
_STORED: Mapping[str, Part] = {
    "classifier": Model(
        kind=Pipeline,
        attributes={},
        method="predict_proba",
        columns=(2,),
        steps=(
            _SCALER,
            Model(
                kind=LogisticRegression,
                attributes={
                    "n_features_in_": Size("features"),
                    "classes_": Array(shape=(2,), low=0.0, high=1.0, order="strictly rising", starts=0, ends=1),
                    "coef_": Array(shape=(1, "features"), low=-1e6, high=1e6),
                    "intercept_": Array(shape=(1,), low=-1e6, high=1e6),
                },
            ),
        ),
    ),
    "regressor": Model(
        kind=Pipeline,
        attributes={},
        method="predict",
        steps=(
            _SCALER,
            Model(
                kind=PoissonRegressor,
                attributes={
                    "n_features_in_": Size("features"),
                    "coef_": Array(shape=("features",), low=-1e6, high=1e6),
                    "intercept_": Array(shape=(), low=-1e6, high=1e6),
                },
            ),
        ),
    ),
}


class Logistic(TwoPartPredictor):
    """Logistic regression for ending within the horizon, Poisson regression for the steps until then.

    Args:
        horizon: H, in steps.
        penalty: Strength of the L2 penalty of both, in 1e-12..1e12.
        calibration: "none", "isotonic" or "platt".
        samples: Snapshots to learn from.
        step_s: Duration of a decode step for censoring, see `classifiers.snapshots.observed_steps`.
        random_state: Seed.

    Attributes:
        classifier_: The fitted pipeline of `StandardScaler` and `LogisticRegression`.
        regressor_: The fitted pipeline of `StandardScaler` and `PoissonRegressor`.
    """

    wanted_features: ClassVar[tuple[str, ...]] = FEATURES

    def __init__(
        self,
        *,
        horizon: int = 80,
        penalty: float = 1e-4,
        calibration: str = "none",
        samples: int = 150_000,
        step_s: float | None = STEP_S,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.penalty = penalty
        self.calibration = calibration
        self.samples = samples
        self.step_s = step_s
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_real("penalty", self.penalty, minimum=_MIN_PENALTY, maximum=_MAX_PENALTY)

    def _choose_rounds(self, training: Examples, validation: Examples, monitor: Monitor) -> None:
        self._learn(training, monitor)

    def _learn(self, examples: Examples, monitor: Monitor) -> None:
        rows, ends = self._labelled(examples)
        weight = 1.0 / (self.penalty * len(rows))  # scikit-learn weighs the sum of the losses, not their mean
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=weight, max_iter=300))
        regressor = make_pipeline(StandardScaler(), PoissonRegressor(alpha=self.penalty, max_iter=300))
        self._use(classifier.fit(rows, ends), regressor.fit(*self._finishing(examples)))

    def _estimators(self) -> Mapping[str, Part]:
        return _STORED

    def _use(self, classifier: Pipeline, regressor: Pipeline) -> None:
        self.classifier_, self.regressor_ = classifier, regressor

    def _ending(self, rows: Reals) -> Reals:
        return np.asarray(self.classifier_.predict_proba(rows)[:, 1])

    def _mean_steps(self, rows: Reals) -> Reals:
        return np.asarray(self.regressor_.predict(rows))

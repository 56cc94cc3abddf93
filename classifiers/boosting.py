"""Gradient-boosted trees."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from brgym._checks import check_choice, check_integer, check_real
from brgym.cluster import Reals
from classifiers.forest import MAX_LEAVES, Forest, Trees
from classifiers.layout import Array, Model, Part, Size
from classifiers.learned import Examples, Monitor
from classifiers.snapshots import STEP_S
from classifiers.two_part import TwoPartPredictor

_MAX_TREES = 100_000
_MAX_SAMPLES_LEAF = 2**31 - 1  # of 32 bits in scikit-learn

STEPS_LOSSES = ("poisson", "quantile")

_TREES: Mapping[str, Part] = {
    "n_features_in_": Size("features"),
    "_baseline_prediction": Array(shape=(1, 1), low=-1e6, high=1e6),
    "_predictors": Trees(),
}
_STORED: Mapping[str, Part] = {
    "classifier": Model(kind=HistGradientBoostingClassifier, attributes=_TREES),
    "regressor": Model(kind=HistGradientBoostingRegressor, attributes=_TREES),
}


class HistGB(TwoPartPredictor):
    """Histogram gradient boosting: a classifier for ending within the horizon and a regressor for the steps until then.

    Small trees, few of them: a prediction for ten thousand requests is to take milliseconds. How many is chosen on the
    later requests, by the loss there.

    Args:
        horizon: H, in steps.
        max_trees: The most trees of each model, at least 1.
        max_leaves: Leaves of a tree, 2..63.
        learning_rate: Above 0, at most 1.
        min_samples_leaf: Snapshots in a leaf, at least 1: about so many times a snapshot of the same request comes.
        steps_loss: What the regressor minimises: "poisson" (gives mu_rem) or "quantile" (gives the median).
        calibration: "none", "isotonic" or "platt".
        samples: Snapshots to learn from.
        step_s: Duration of a decode step for censoring, see `classifiers.snapshots.observed_steps`.
        random_state: Seed.

    Attributes:
        classifier_: The fitted `HistGradientBoostingClassifier`.
        regressor_: The fitted `HistGradientBoostingRegressor`.
    """

    # Logarithms are left out: a tree asks only which of two values is larger.
    wanted_features: ClassVar[tuple[str, ...]] = (
        "age_tokens",
        "prompt_tokens",
        "age_to_prompt",
        "log_queueing",
        "hour_sine",
        "hour_cosine",
        "hash_log_count",
        "hash_mean_log_output",
        "hash_sd_log_output",
    )

    def __init__(
        self,
        *,
        horizon: int = 80,
        max_trees: int = 60,
        max_leaves: int = 8,
        learning_rate: float = 0.2,
        min_samples_leaf: int = 400,
        steps_loss: str = "poisson",
        calibration: str = "none",
        samples: int = 100_000,
        step_s: float | None = STEP_S,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.max_trees = max_trees
        self.max_leaves = max_leaves
        self.learning_rate = learning_rate
        self.min_samples_leaf = min_samples_leaf
        self.steps_loss = steps_loss
        self.calibration = calibration
        self.samples = samples
        self.step_s = step_s
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("max_trees", self.max_trees, minimum=1, maximum=_MAX_TREES)
        check_integer("max_leaves", self.max_leaves, minimum=2, maximum=MAX_LEAVES)
        check_real("learning_rate", self.learning_rate, minimum=0.0, maximum=1.0, exclusive=True)
        check_integer("min_samples_leaf", self.min_samples_leaf, minimum=1, maximum=_MAX_SAMPLES_LEAF)
        check_choice("steps_loss", self.steps_loss, STEPS_LOSSES)

    def _choose_rounds(self, training: Examples, validation: Examples, monitor: Monitor) -> None:
        rows, ends = self._labelled(validation)
        if len(rows) == 0:
            raise ValueError(
                f"of none of the {len(validation.rows)} snapshots of the latest requests it is known whether they end "
                f"within horizon {self.horizon}: choose another horizon, more requests or more samples"
            )
        self._fit_models(training, self.max_trees, self.max_trees)
        losses = [_log_loss(ends, odds[:, 1]) for odds in self.classifier_.staged_predict_proba(rows)]
        for tree, loss in enumerate(losses, start=1):
            monitor("trees", tree, {"validation_log_loss": loss})
        self._trees = int(np.argmin(losses)) + 1
        rows, steps = self._finishing(validation)
        errors = (
            [np.square(steps - guess).sum() for guess in self.regressor_.staged_predict(rows)] if len(rows) else [0]
        )
        self._steps_trees = int(np.argmin(errors)) + 1
        self._fit_models(training, self._trees, self._steps_trees)

    def _learn(self, examples: Examples, monitor: Monitor) -> None:
        self._fit_models(examples, self._trees, self._steps_trees)

    def _fit_models(self, examples: Examples, trees: int, steps_trees: int) -> None:
        size: dict[str, Any] = {
            "max_leaf_nodes": self.max_leaves,
            "learning_rate": self.learning_rate,
            "min_samples_leaf": self.min_samples_leaf,
            "early_stopping": False,
            "random_state": self.random_state,
        }
        quantile = 0.5 if self.steps_loss == "quantile" else None
        classifier = HistGradientBoostingClassifier(max_iter=trees, **size)
        regressor = HistGradientBoostingRegressor(loss=self.steps_loss, quantile=quantile, max_iter=steps_trees, **size)
        with threadpool_limits(1, user_api="openmp"):  # its threads wait for each other, for ages on a busy machine
            self._use(classifier.fit(*self._labelled(examples)), regressor.fit(*self._finishing(examples)))

    def _estimators(self) -> Mapping[str, Part]:
        return _STORED

    def _use(self, classifier: HistGradientBoostingClassifier, regressor: HistGradientBoostingRegressor) -> None:
        self.classifier_, self.regressor_ = classifier, regressor
        self._ending_trees = Forest.of(classifier)
        self._mean_steps_trees = Forest.of(regressor)

    def _ending(self, rows: Reals) -> Reals:
        return 1.0 / (1.0 + np.exp(-self._ending_trees.scores(rows)))

    def _mean_steps(self, rows: Reals) -> Reals:
        scores = self._mean_steps_trees.scores(rows)
        return np.exp(scores) if self.steps_loss == "poisson" else scores


def _log_loss(ends: Reals, probability: Reals) -> float:
    inside = np.clip(probability, 1e-6, 1.0 - 1e-6)
    return float(-np.mean(ends * np.log(inside) + (1.0 - ends) * np.log(1.0 - inside)))

"""Calibration: makes probabilities mean what they say, as measured on requests later than those learned from."""

from collections.abc import Mapping
from typing import Self

import numpy as np

from brgym._checks import check_choice
from brgym.cluster import Reals
from classifiers.layout import Array

CALIBRATIONS = ("none", "isotonic", "platt")

STORED: Mapping[str, Mapping[str, Array]] = {
    "none": {},
    "isotonic": {
        "calibration_logit": Array(shape=("points",), low=-100.0, high=100.0, order="rising"),
        "calibrated": Array(shape=("points",), low=0.0, high=1.0, order="rising"),
    },
    "platt": {
        "calibration_logit": Array(shape=(2,), starts=-1, ends=1),
        "calibrated": Array(shape=(2,), low=-1e6, high=1e6),
    },
}
"""What the points have to be that are stored of each."""


class Calibration:
    """A monotone map of probabilities, linear between its points in the logit.

    "isotonic": the monotone step function closest to the outcomes (Zadrozny and Elkan, KDD 2002). "platt": a straight
    line in the logit (Platt, 1999), which needs two points only.

    Attributes:
        logit: Logits of the raw probabilities, ascending, shape (points,).
        probability: Calibrated probability ("isotonic") or its logit ("platt") at each, shape (points,).
        straight: Whether `probability` holds logits.
    """

    def __init__(self, logit: Reals, probability: Reals, *, straight: bool) -> None:
        self.logit, self.probability, self.straight = logit, probability, straight

    @classmethod
    def fitted(cls, kind: str, probability: Reals, outcome: Reals) -> Self:
        """Learns a calibration.

        Args:
            kind: "isotonic" or "platt".
            probability: Raw probabilities, shape (examples,).
            outcome: What came of them, 0 or 1, shape (examples,).

        Raises:
            ValueError: If the kind is unknown or the outcomes are all the same.
        """
        check_choice("calibration", kind, CALIBRATIONS[1:])
        if outcome.min() == outcome.max():
            raise ValueError("one class only: calibration needs later requests that end within the horizon and others")
        logit = _logit(probability)
        if kind == "isotonic":
            from sklearn.isotonic import IsotonicRegression

            steps = IsotonicRegression(y_min=0.0, y_max=1.0).fit(logit, outcome)
            return cls(steps.X_thresholds_, steps.y_thresholds_, straight=False)
        from sklearn.linear_model import LogisticRegression

        line = LogisticRegression(C=1e6).fit(logit[:, None], outcome)
        ends = np.array([-1.0, 1.0])
        return cls(ends, line.intercept_[0] + line.coef_[0, 0] * ends, straight=True)

    def apply(self, probability: Reals) -> Reals:
        """The calibrated probabilities."""
        logit = _logit(probability)
        if not self.straight:
            return np.interp(logit, self.logit, self.probability)
        low, high = self.probability
        return 1.0 / (1.0 + np.exp(-((low + high) / 2.0 + (high - low) / 2.0 * logit)))


def _logit(probability: Reals) -> Reals:
    inside = np.clip(probability, 1e-12, 1.0 - 1e-12)
    return np.log(inside / (1.0 - inside))

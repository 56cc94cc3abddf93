"""How good predictions are: weighted figures, in an order of rows that is found once, so that a bootstrap is cheap."""

from dataclasses import dataclass

import numpy as np

from brgym.cluster import Integers, Reals
from classifiers.interface import FromThePast
from classifiers.snapshots import Flags, Snapshots

FLOOR = 1e-6
"""The log loss cuts probabilities off so far from 0 and 1: an empirical table says 0 where it has seen nothing."""

BINS = 15
"""Bins of equal width for the calibration error (as in Guo et al., ICML 2017)."""

_PAIRS = 50_000

LOWER_IS_BETTER = {
    "log_loss": True,
    "brier": True,
    "ece": True,
    "auc": False,
    "average_precision": False,
    "mae_steps": True,
    "concordance": False,
}
"""The figures, and which way they get better."""


@dataclass(frozen=True)
class Predictions:
    """What a predictor says of snapshots with known ends, and what came of them.

    Attributes:
        horizon: H, in steps.
        ending: P(remaining <= H), shape (snapshots,).
        expected_steps: r̂ = E[min(remaining, H + 1)], shape (snapshots,).
        remaining_steps: Shape (snapshots,).
    """

    horizon: int
    ending: Reals
    expected_steps: Reals
    remaining_steps: Integers

    @property
    def ends(self) -> Reals:
        """Whether each ends within the horizon, as 0 or 1."""
        return (self.remaining_steps <= self.horizon).astype(np.float64)


def log_losses(ending: Reals, ends: Reals | Flags) -> Reals:
    """Log loss of each probability of ending, in nats, shape that of `ending`."""
    inside = np.clip(ending, FLOOR, 1.0 - FLOOR)
    return -np.log(np.where(ends, inside, 1.0 - inside))


class Scorer:
    """The figures of `Predictions` under weights of the snapshots.

    AUC and average precision as scikit-learn has them; ECE, expected calibration error, over `BINS` bins; MAE of r̂
    against min(remaining, H + 1) (BalanceRoute's second figure); concordance: the share of random pairs with different
    min(remaining, H + 1) that r̂ puts in the right order, ties counting half (Harrell's C).

    Args:
        predictions: The predictions.
        seed: Decides the pairs.
    """

    def __init__(self, predictions: Predictions, *, seed: int = 0) -> None:
        self._ends = predictions.ends
        self._losses = log_losses(predictions.ending, self._ends)
        self._squares = (predictions.ending - self._ends) ** 2
        capped = np.minimum(predictions.remaining_steps, predictions.horizon + 1)
        self._errors = np.abs(predictions.expected_steps - capped)
        self._ending = predictions.ending
        self._bin = np.minimum((predictions.ending * BINS).astype(np.int64), BINS - 1)
        self._order = np.argsort(-predictions.ending, kind="stable")
        ranked = predictions.ending[self._order]
        self._last_of_tie = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        self._pairs, self._agree = _pairs(predictions.expected_steps, capped, np.random.default_rng(seed))

    def scores(self, weight: Reals) -> dict[str, float]:
        """The figures; NaN where they are not defined, as AUC is where all or none end.

        Args:
            weight: Not negative, shape (snapshots,).
        """
        total = weight.sum()
        auc, average_precision = self._ranking(weight)
        return {
            "log_loss": float(weight @ self._losses / total),
            "brier": float(weight @ self._squares / total),
            "ece": self._calibration_error(weight),
            "auc": auc,
            "average_precision": average_precision,
            "mae_steps": float(weight @ self._errors / total),
            "concordance": self._concordance(weight),
        }

    def _calibration_error(self, weight: Reals) -> float:
        gap = np.bincount(self._bin, weights=weight * (self._ending - self._ends), minlength=BINS)
        return float(np.abs(gap).sum() / weight.sum())

    def _ranking(self, weight: Reals) -> tuple[float, float]:
        ranked, ends = weight[self._order], self._ends[self._order]
        hits = np.cumsum(ranked * ends)[self._last_of_tie]
        false = np.cumsum(ranked * (1.0 - ends))[self._last_of_tie]
        if hits[-1] == 0.0 or false[-1] == 0.0:
            return float("nan"), float("nan")
        new_hits = np.diff(hits, prepend=0.0)
        auc = 1.0 - float(new_hits @ (false - np.diff(false, prepend=0.0) / 2.0)) / (hits[-1] * false[-1])
        seen = np.maximum(hits + false, np.finfo(np.float64).tiny)
        return float(auc), float(new_hits @ (hits / seen) / hits[-1])

    def _concordance(self, weight: Reals) -> float:
        pair_weight = weight[self._pairs[0]] * weight[self._pairs[1]]
        total = pair_weight.sum()
        return float(pair_weight @ self._agree / total) if total > 0.0 else float("nan")


def _pairs(expected: Reals, capped: Integers, rng: np.random.Generator) -> tuple[tuple[Integers, Integers], Reals]:
    first, second = rng.integers(len(capped), size=(2, _PAIRS))
    differ = capped[first] != capped[second]
    first, second = first[differ], second[differ]
    gap = (expected[first] - expected[second]) * (capped[first] - capped[second])
    return (first, second), np.where(gap > 0.0, 1.0, np.where(gap == 0.0, 0.5, 0.0))


def predictions_of(predictor: FromThePast, snapshots: Snapshots, horizon: int) -> Predictions:
    """Asks a predictor that learns from the past about snapshots whose ends are all known.

    Raises:
        ValueError: If some are censored.
    """
    if not snapshots.ended.all():
        raise ValueError("snapshots to be scored must have known ends: sample them with step_s=None")
    ending = 1.0 - predictor.survival(snapshots, horizon)[:, -1]
    expected = predictor.expected_remaining(snapshots, horizon)
    return Predictions(horizon, ending, expected, snapshots.seen_steps)

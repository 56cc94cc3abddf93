"""An oracle made worse on purpose, to ask how good a prediction has to be."""

import math
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from brgym._checks import check_integer, check_real, check_seed
from brgym.cluster import Integers, Reals, RouterView
from classifiers.oracle import clairvoyant, remaining_steps

_MAX_LOG_ERROR = 10.0


class Noisy:
    """The oracle seen through noise of a chosen size; give one of the two (our choice of forms).

    With `log_error` s, each request's remaining length is multiplied by exp(s z), z standard normal. With `auc` A, the
    predictor sees of each request only a score that ranks those that end within the horizon above the others with area
    under the ROC curve A (binormal, equal variances), turns it into a probability with the share of the active requests
    that do end as prior, and takes a request that ends to do so at the active requests' mean.

    The noise z belongs to the row of the workload: it is the same at every step, so errors do not average out over
    time, and in every run, so that all policies meet the same errors.

    Args:
        auc: Area under the ROC curve of "ends within the horizon", 0.5..1 (1 excluded).
        log_error: Standard deviation of the log of the remaining length, in 0..10.
        seed: Decides the noise.

    Raises:
        ValueError: If not exactly one of `auc` and `log_error` is given, or one is outside its range.
    """

    clairvoyant: ClassVar[bool] = True

    def __init__(self, *, auc: float | None = None, log_error: float | None = None, seed: int = 0) -> None:
        if (auc is None) == (log_error is None):
            raise ValueError("give one of auc and log_error")
        self.auc = None if auc is None else check_real("auc", auc, minimum=0.5, maximum=1.0 - 1e-9)
        self.log_error = (
            None if log_error is None else check_real("log_error", log_error, minimum=0.0, maximum=_MAX_LOG_ERROR)
        )
        self.seed = check_seed("seed", seed)

    def expected_remaining(self, view: RouterView, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] as the noise lets it appear, in steps, shape (active requests,)."""
        check_integer("horizon", horizon, minimum=0)
        if self.log_error is not None:
            return np.minimum(self._blurred(view), horizon + 1.0)
        finishing, mean_steps = self._finishing(view, horizon)
        return (1.0 - finishing) * (horizon + 1.0) + finishing * mean_steps

    def survival(self, view: RouterView, horizon: int) -> Reals:
        """P(remaining > h) as the noise lets it appear, shape (active requests, horizon + 1).

        With `auc`, a request that ends within the horizon does so at the end of any of its steps, all equally likely.
        """
        check_integer("horizon", horizon, minimum=0)
        ahead = np.arange(horizon + 1)
        if self.log_error is not None:
            return (self._blurred(view)[:, None] > ahead).astype(np.float64)
        finishing, _ = self._finishing(view, horizon)
        return 1.0 - finishing[:, None] * ahead / max(horizon, 1)

    def _blurred(self, view: RouterView) -> Reals:
        noise = np.exp((self.log_error or 0.0) * self._noise(clairvoyant(view).active_row))
        return np.maximum(1.0, np.rint(remaining_steps(view) * noise))

    def _finishing(self, view: RouterView, horizon: int) -> tuple[Reals, float]:
        remaining = remaining_steps(view)
        ends = remaining <= horizon
        if ends.all() or not ends.any():
            return ends.astype(np.float64), float(remaining.mean()) if len(remaining) else 0.0
        distance = math.sqrt(2.0) * NormalDist().inv_cdf(self.auc or 0.5)
        score = self._noise(clairvoyant(view).active_row) + np.where(ends, distance, 0.0)
        log_odds = distance * score - distance**2 / 2 + math.log(ends.mean() / (1.0 - ends.mean()))
        return 1.0 / (1.0 + np.exp(-log_odds)), float(remaining[ends].mean())

    def _noise(self, row: Integers) -> Reals:
        """A standard normal number for each row, always the same (SplitMix64 and Box-Muller)."""
        first = _uniform(row, 2 * self.seed)
        second = _uniform(row, 2 * self.seed + 1)
        return np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * math.pi * second)


def _uniform(row: Integers, stream: int) -> Reals:
    bits = row.astype(np.uint64) + np.uint64(((stream + 1) * 0x9E3779B97F4A7C15) % (1 << 64))
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

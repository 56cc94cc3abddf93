"""The conformance suite for termination predictors."""

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

import baselines
from brgym.cluster import ClusterConfig, Reals, RouterView, is_clairvoyant, simulate
from brgym.testing.failure import require, require_all, require_an_object, rule
from brgym.testing.scenarios import scenarios, with_secrets_changed
from classifiers.answers import TOLERANCE, checked_remaining, checked_survival
from classifiers.interface import Predictor

_HORIZONS = (0, 1, 20)
_LOOK_EVERY = 7

_PROTOCOL = "2.9 (a predictor has expected_remaining(view, horizon) and survival(view, horizon))"
_ANSWERS = "2.9 (it answers for any active requests, none included, from the view alone, and leaves the view as it is)"
_EXPECTED = "2.9 (expected_remaining is E[min(remaining, horizon + 1)]: floats in 1..horizon + 1, shape (active,))"
_SURVIVAL = "2.9 (survival is P(remaining > h), h = 0..horizon: 1 at h = 0, never rising, shape (active, horizon + 1))"
_CONSISTENT = "2.9 (expected_remaining is the sum of survival over h = 0..horizon)"
_REPEATED = "2.9 (deterministic: the same view gets the same answer)"
_BOUNDARY = "2.8 (hidden output lengths of requests not yet finished change no prediction)"


def check_predictor(predictor: Predictor) -> None:
    """Checks that a predictor keeps the contract, by asking it during runs on small clusters.

    Its answers have their shapes and ranges; survival starts at 1 and never rises; both methods agree; the same view
    gets the same answer; and, unless it declares itself clairvoyant, hidden output lengths do not reach it.

    Args:
        predictor: The predictor, fitted.

    Raises:
        ConformanceError: If it breaks a rule.
    """
    with rule(predictor, _PROTOCOL):
        require_an_object(predictor)
        require(isinstance(predictor, Predictor), f"there is no such method in {predictor!r}")
    for scenario in scenarios():
        first = _Asked(predictor, scenario.name)
        finished = simulate(scenario.cluster, scenario.workload, first).requests
        if is_clairvoyant(predictor):
            continue
        until_s = float(np.median(finished["finish_s"]))
        changed = with_secrets_changed(scenario.workload, finished, until_s)
        again = _Asked(predictor, scenario.name)
        simulate(scenario.cluster, changed, again)
        with rule(predictor, _BOUNDARY, where=scenario.name):
            for told, other in zip(first.until(until_s), again.until(until_s), strict=True):
                require(told == other, "its answers differ when the future is another")


class _Asked:
    """Routes as least-kv does, and asks the predictor about the active requests every few boundaries."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, predictor: Predictor, where: str) -> None:
        self.clairvoyant = is_clairvoyant(predictor)
        self._predictor, self._where = predictor, where
        self._policy: Any = baselines.make("least-kv")
        self._answers: list[tuple[float, bytes]] = []

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Begins with the first boundary."""
        self._policy.reset(cluster, seed)
        self._answers = []
        self._next_boundary = 0

    def admit(self, view: RouterView) -> npt.ArrayLike:
        """Asks, checks, and leaves the decision to least-kv."""
        if view.boundary >= self._next_boundary:
            self._next_boundary = view.boundary + _LOOK_EVERY
            answers = [_checked(self._predictor, view, horizon, self._where) for horizon in _HORIZONS]
            self._answers.append((view.now_s, b"".join(answers)))
        pairs: npt.ArrayLike = self._policy.admit(view)
        return pairs

    def until(self, time_s: float) -> list[tuple[float, bytes]]:
        """What was answered before `time_s`."""
        return [answer for answer in self._answers if answer[0] <= time_s]


def _checked(predictor: Predictor, view: RouterView, horizon: int, where: str) -> bytes:
    """Asks twice, checks, and returns both methods' answers."""
    active = len(view.running)
    where = f"{where}, {active} active requests, horizon {horizon}"
    with rule(predictor, _ANSWERS, where=where):
        expected, survival = _asked(predictor, view, horizon)
        again = _asked(predictor, view, horizon)
    with rule(predictor, _EXPECTED, where=where):
        checked_remaining(predictor, expected, active=active, horizon=horizon)
    with rule(predictor, _SURVIVAL, where=where):
        checked_survival(predictor, survival, active=active, horizon=horizon)
    with rule(predictor, _CONSISTENT, where=where):
        difference = expected - survival.sum(axis=1)
        require_all(np.abs(difference) <= TOLERANCE * (horizon + 1), difference, "the difference")
    with rule(predictor, _REPEATED, where=where):
        same = np.array_equal(expected, again[0]) and np.array_equal(survival, again[1])
        require(same, "two answers differ")
    return expected.tobytes() + survival.tobytes()


def _asked(predictor: Predictor, view: RouterView, horizon: int) -> tuple[Reals, Reals]:
    return np.array(predictor.expected_remaining(view, horizon)), np.array(predictor.survival(view, horizon))

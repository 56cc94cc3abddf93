"""What BR-H believes about the active requests: predictions, refreshed every so often and aged in between."""

from typing import Literal

import numpy as np

from brgym.cluster import Integers, Reals, RouterView
from classifiers import Predictor
from classifiers.answers import checked_remaining, checked_survival
from classifiers.lookup import KeyIndex

Form = Literal["blend", "threshold"]
FORMS = ("blend", "threshold")


class Forecast:
    """A predictor's answers, kept for a number of steps.

    Between refreshes a prediction ages: after k steps, a request of which r steps were expected is expected to have
    r - k left, and its survival curve is read from k on, given that it is still there. Refreshed predictions therefore
    look further ahead than the horizon. Requests admitted since the refresh are taken to outlast the horizon.

    Args:
        predictor: The predictor.
        horizon: Steps ahead that are asked for, H.
        form: "blend" takes E[min(remaining, H + 1)]; "threshold" takes the mean remaining length of those that end
            within the horizon where ending is at least as likely as not, and H + 1 elsewhere.
        refresh_every: Steps for which a prediction is kept, at least 1.
    """

    def __init__(self, predictor: Predictor, *, horizon: int, form: Form, refresh_every: int) -> None:
        self._predictor = predictor
        self._horizon = horizon
        self._reach = horizon + refresh_every - 1
        self._form = form
        self._refresh_every = refresh_every
        self._refreshed_step = -refresh_every
        self._index = KeyIndex(np.zeros(0, np.int64))
        self._remaining: Reals = np.zeros(0)
        self._survival: Reals = np.zeros((0, 0))

    def remaining(self, view: RouterView) -> Reals:
        """Estimated remaining steps of each active request, 1..horizon + 1, shape (active requests,)."""
        if self._refresh_every == 1:
            return self._estimate(view)
        age = self._age(view)
        if age == 0:
            self._remaining = np.append(self._estimate(view), np.inf)
        rows = self._rows(view, age)
        return np.clip(self._remaining[rows] - age, 1.0, self._horizon + 1.0)

    def survival(self, view: RouterView) -> Reals:
        """P(remaining > h), h = 0..horizon, of each active request, shape (active requests, horizon + 1)."""
        if self._refresh_every == 1:
            return self._asked_survival(view)
        age = self._age(view)
        if age == 0:
            curves = self._asked_survival(view)
            self._survival = np.concatenate([curves, np.ones((1, self._reach + 1))])
        ahead = self._survival[self._rows(view, age), age : age + self._horizon + 1]
        alive = ahead[:, :1]
        return np.ascontiguousarray(np.divide(ahead, alive, out=np.zeros_like(ahead), where=alive > 0.0))

    def _estimate(self, view: RouterView) -> Reals:
        answer = self._predictor.expected_remaining(view, self._reach)
        blended = checked_remaining(self._predictor, answer, active=view.active_requests, horizon=self._reach)
        if self._form == "blend":
            return blended
        finishing = 1.0 - self._asked_survival(view)[:, -1]
        unfinished = (1.0 - finishing) * (self._reach + 1)
        mean = np.divide(blended - unfinished, finishing, out=np.zeros_like(blended), where=finishing > 0.0)
        return np.where(finishing >= 0.5, mean, self._reach + 1.0)

    def _asked_survival(self, view: RouterView) -> Reals:
        answer = self._predictor.survival(view, self._reach)
        return checked_survival(self._predictor, answer, active=view.active_requests, horizon=self._reach)

    def _age(self, view: RouterView) -> int:
        """Steps since the last refresh; 0 if it is time for the next, which is then noted."""
        age = view.step - self._refreshed_step
        if age < self._refresh_every:
            return age
        self._refreshed_step = view.step
        return 0

    def _rows(self, view: RouterView, age: int) -> Integers:
        """Where the prediction of each active request stands; the last row is that of requests without one."""
        requests = view.running["request"]
        if age == 0:
            self._index = KeyIndex(requests)
            return np.arange(len(requests))
        return self._index.places(requests)  # MISSING, -1, is the last row

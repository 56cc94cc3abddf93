"""The predictor that knows."""

from typing import ClassVar

import numpy as np

from brgym._checks import check_integer
from brgym.cluster import ClairvoyantView, Integers, Reals, RouterView


def remaining_steps(view: RouterView) -> Integers:
    """Remaining steps of each active request, shape (active requests,).

    Raises:
        TypeError: If the view hides them: the policy that asks has not declared itself clairvoyant.
    """
    return clairvoyant(view).active_remaining_tokens


def clairvoyant(view: RouterView) -> ClairvoyantView:
    """The view itself, if it hides nothing.

    Raises:
        TypeError: As `remaining_steps`.
    """
    if not isinstance(view, ClairvoyantView):
        raise TypeError("this predictor needs remaining lengths, but the policy that asks is not clairvoyant")
    return view


class Oracle:
    """Knows every remaining length: the upper end of what prediction can give (BalanceRoute's "oracle")."""

    clairvoyant: ClassVar[bool] = True

    def expected_remaining(self, view: RouterView, horizon: int) -> Reals:
        """min(remaining, horizon + 1), in steps, shape (active requests,)."""
        check_integer("horizon", horizon, minimum=0)
        return np.minimum(remaining_steps(view), horizon + 1).astype(np.float64)

    def survival(self, view: RouterView, horizon: int) -> Reals:
        """Whether remaining > h, h = 0..horizon, as 0 or 1, shape (active requests, horizon + 1)."""
        check_integer("horizon", horizon, minimum=0)
        return (remaining_steps(view)[:, None] > np.arange(horizon + 1)).astype(np.float64)

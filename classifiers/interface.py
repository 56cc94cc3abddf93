"""What a termination predictor is: how long each active request will go on, as far as anybody can know."""

from typing import Protocol, runtime_checkable

from brgym.cluster import Reals, RouterView


@runtime_checkable
class Predictor(Protocol):
    """Says how many decode steps each active request has left, the coming one included.

    Rows stand in the order of the view's active requests. A predictor that also has `clairvoyant = True` needs a
    `ClairvoyantView`, and a policy that uses it is clairvoyant too.
    """

    def expected_remaining(self, view: RouterView, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] of each active request, in steps, 1..horizon + 1, shape (active requests,)."""

    def survival(self, view: RouterView, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, of each active request, shape (active requests, horizon + 1)."""

"""What a termination predictor is: how long each active request will go on, as far as anybody can know."""

from typing import Protocol, runtime_checkable

from brgym.cluster import Integers, Reals, RouterView


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


class ActiveRequests(Protocol):
    """All that a predictor which learns from the past may know of the active requests (DESIGN 2.8).

    A `RouterView` is such a thing when routing, `classifiers.snapshots.Snapshots` when training and evaluating: a
    predictor cannot tell them apart, so no feature can mean one thing here and another there.
    """

    @property
    def active_generated_tokens(self) -> Integers:
        """Tokens generated so far, shape (active requests,)."""
        ...

    @property
    def active_prompt_tokens(self) -> Integers:
        """Prompt tokens, shape (active requests,)."""
        ...

    @property
    def active_prompt_hash(self) -> Integers:
        """Prompt hash, -1 where there is none, shape (active requests,)."""
        ...

    @property
    def active_arrival_s(self) -> Reals:
        """Arrival, in seconds, shape (active requests,)."""
        ...

    @property
    def active_admit_s(self) -> Reals:
        """First admission, in seconds, shape (active requests,)."""
        ...


class FromThePast(Protocol):
    """A predictor that needs no more than an `ActiveRequests`: all that learn, and none that is clairvoyant."""

    def expected_remaining(self, view: ActiveRequests, horizon: int) -> Reals:
        """As `Predictor.expected_remaining`."""

    def survival(self, view: ActiveRequests, horizon: int) -> Reals:
        """As `Predictor.survival`."""

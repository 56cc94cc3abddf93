"""Where requests come from (2.2, 2.13): at times of their own, after others have finished, or one for one.

Part letters are those of 2.11, "part 1 of a boundary".
"""

import math
from collections.abc import Sequence
from typing import Protocol

from .workers import Request


class Source(Protocol):
    """What the cluster asks about requests to come, and what it tells."""

    def due(self, now: float) -> list[Request]:
        """Part a: takes out what has arrived by now, by (arrival, index)."""

    def refill(self, now: float, in_system: int) -> list[Request]:
        """Part d: takes out what a closed loop lets in now, while `in_system` requests are there."""

    def times(self) -> list[float]:
        """The arrivals to come, as far as they are known."""

    def has_finished(self, request: Request) -> None:
        """Hears that a request has all its tokens."""

    def is_cancelled(self, request: Request) -> None:
        """Hears that a request has left before that."""


class OpenLoop:
    """Requests come at times of their own, or as turns: some time after another has finished."""

    def __init__(self, requests: Sequence[Request], after: Sequence[int] | None = None) -> None:
        self.to_come: list[Request] = []
        self.turns: list[tuple[int, float, Request]] = []  # (row that it follows, seconds after its end, request)
        for request, before in zip(requests, [-1] * len(requests) if after is None else after, strict=True):
            if before < 0:
                self.to_come.append(request)
            else:
                self.turns.append((before, request.arrival_s, request))
                request.arrival_s = math.nan

    def due(self, now: float) -> list[Request]:
        arrived = [request for request in self.to_come if request.arrival_s <= now]
        self.to_come = [request for request in self.to_come if request.arrival_s > now]
        return sorted(arrived, key=lambda request: (request.arrival_s, request.row))

    def refill(self, now: float, in_system: int) -> list[Request]:
        return []

    def times(self) -> list[float]:
        return [request.arrival_s for request in self.to_come]

    def has_finished(self, request: Request) -> None:
        """What follows this request is to arrive."""
        assert request.finish_s is not None
        for before, delay_s, turn in self.turns:
            if before == request.row:
                turn.arrival_s = request.finish_s + delay_s
                self.to_come.append(turn)

    def is_cancelled(self, request: Request) -> None:
        """What follows this request is cancelled, and so on."""
        for before, _, turn in self.turns:
            if before == request.row:
                turn.cancelled = True
                self.is_cancelled(turn)


class ClosedLoop:
    """So many requests are in the system as long as there are any; when one leaves, the next comes."""

    def __init__(self, requests: Sequence[Request], concurrency: int) -> None:
        self.to_come = list(requests)
        self.concurrency = concurrency
        for request in requests:
            request.arrival_s = math.nan

    def due(self, now: float) -> list[Request]:
        return []

    def refill(self, now: float, in_system: int) -> list[Request]:
        newcomers = self.to_come[: max(0, self.concurrency - in_system)]
        self.to_come = self.to_come[len(newcomers) :]
        for request in newcomers:
            request.arrival_s = now
        return newcomers

    def times(self) -> list[float]:
        return []

    def has_finished(self, request: Request) -> None:
        pass

    def is_cancelled(self, request: Request) -> None:
        pass

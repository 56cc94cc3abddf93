"""Workers that slow down, stop and come back (2.16): what is to happen to them, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class WorkerEvent:
    """What happens to a worker, and when.

    "slow": the worker needs `factor` times as long from now on, up or not. "stop": it loses all that it has; a worker
    that is stopped already stays so. "start": it is up again, and empty; a worker that is up goes on as it was.
    """

    time_s: float
    worker: int
    kind: Literal["slow", "stop", "start"]
    factor: float = 1.0


class EventsToCome:
    """The events that have not taken effect yet, by time; those of one time as they were listed."""

    def __init__(self, events: Sequence[WorkerEvent]) -> None:
        self.left = sorted(events, key=lambda event: event.time_s)  # stable

    def due(self, now: float) -> list[WorkerEvent]:
        """Takes out what happens by now."""
        happening = [event for event in self.left if event.time_s <= now]
        self.left = [event for event in self.left if event.time_s > now]
        return happening

    def times(self) -> list[float]:
        return [event.time_s for event in self.left]

    def start_something(self) -> bool:
        """Whether a worker is yet to start."""
        return any(event.kind == "start" for event in self.left)

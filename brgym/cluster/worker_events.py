"""What happens to workers in the course of a run: they slow down, stop and come back (DESIGN 2.16)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from brgym._checks import check_choice, check_type, keep_integers, keep_reals, shown
from brgym.cluster.ranges import MAX_COUNT
from brgym.cluster.records import EVENT, Records

EventKind = Literal["slow", "stop", "start"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
SLOW, STOP, START = range(3)
"""Their places in `EVENT_KINDS`."""

MAX_TIME_S = 2.0**33
"""The latest time of an event, as that of an arrival."""

_MAX_FACTOR = 1e6


@dataclass(frozen=True)
class WorkerEvent:
    """One thing that happens to a worker, at the first step boundary at or after its time.

    Attributes:
        time_s: When, in seconds.
        worker: Which, from 0.
        kind: "slow": from now on it needs `factor` times as long for what it does in a step. "stop": it loses all KV
            and takes nothing. "start": it is there again, empty, as fast as it was.
        factor: Of "slow", above 0; 1 is the speed of the model.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter lies outside its range, or a factor is given that means nothing.
    """

    time_s: float
    worker: int
    kind: EventKind
    factor: float = 1.0

    def __post_init__(self) -> None:
        keep_reals(self, "time_s", minimum=0.0, maximum=MAX_TIME_S)
        keep_integers(self, "worker", minimum=0, maximum=MAX_COUNT)
        check_choice("kind", self.kind, EVENT_KINDS)
        keep_reals(self, "factor", minimum=0.0, maximum=_MAX_FACTOR, exclusive=True)
        if self.kind != "slow" and self.factor != 1.0:
            raise ValueError(f"factor belongs to kind 'slow', got {self.factor:g} with {self.kind!r}")


def checked_events(events: Any, workers: int) -> tuple[WorkerEvent, ...]:
    """The events of a cluster as a tuple.

    Raises:
        TypeError: If they are no sequence of `WorkerEvent`.
        ValueError: If one names a worker that is not there; the message says which.
    """
    if isinstance(events, str) or not isinstance(events, Iterable):
        raise TypeError(f"events must be a sequence of WorkerEvent, got {shown(events)}")
    listed = tuple(check_type(f"events[{place}]", event, WorkerEvent) for place, event in enumerate(events))
    for place, event in enumerate(listed):
        if event.worker >= workers:
            raise ValueError(f"events[{place}].worker must be in 0..{workers - 1}, got {event.worker}")
    return listed


def as_records(events: tuple[WorkerEvent, ...]) -> Records:
    """The events by time, those of one time as listed, fields of `EVENT`."""
    records = np.zeros(len(events), EVENT)
    for record, event in zip(records, sorted(events, key=lambda event: event.time_s), strict=True):
        record["time_s"], record["factor"] = event.time_s, event.factor
        record["worker"], record["kind"] = event.worker, EVENT_KINDS.index(event.kind)
    return records

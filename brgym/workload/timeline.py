"""From the stamps of a trace to arrivals in seconds: conversations linked, requests sorted, coarse clocks spread."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brgym.workload._validation import MAX_ARRIVAL_S, FloatArray, IntArray, WorkloadError, first_true
from brgym.workload.checked_rows import CheckedRows
from brgym.workload.turns import beginnings, renumbered

Turns = Literal["drop", "keep"]

_TICK_JITTER_S = 0.05
"""How far a stamp may lie from the grid and still be on it (our choice; the Mooncake conversation trace: 3 ms)."""


@dataclass(frozen=True)
class Spread:
    """How a coarse clock's stamps are spread.

    Attributes:
        tick_s: Its resolution in seconds.
        rng: Draws the places within a tick.
        strict: Whether stamps off the grid are an error; if not, the file is left as it is.
    """

    tick_s: float
    rng: np.random.Generator
    strict: bool


@dataclass(frozen=True)
class Timeline:
    """When the requests of a file arrive, and in which order.

    Attributes:
        order: Shape `(requests,)`, the kept rows in the workload's order; None where that is the file's.
        arrival_s: Shape `(requests,)`, as in a `Workload`.
        after: As in a `Workload`.
        notes: What was done to them, for whoever reads the file.
    """

    order: IntArray | None
    arrival_s: FloatArray
    after: IntArray | None
    notes: tuple[str, ...] = ()


def timeline(rows: CheckedRows, turns: Turns, spread: Spread | None) -> Timeline:
    """Puts the kept rows on one clock.

    Raises:
        WorkloadError: If a request follows one that is not there or stands behind it, or if stamps are off the grid of
            a clock that `spread` names.
    """
    stamps, delay = rows.column("arrival"), rows.column("delay")
    if stamps is None:
        return Timeline(None, np.zeros(rows.count), None)
    linked, stamped = _links(rows), np.ones(len(stamps), dtype=np.bool_)
    if linked is not None and rows.schema.after is not None:
        stamped = linked < 0
    elif rows.schema.delay is not None and delay is not None:
        stamped = np.isnan(delay)
    after, notes = _chosen_turns(linked, stamped, turns)
    bad = first_true(~stamped if after is None else ~stamped & (after < 0))
    if bad is not None:
        raise rows.error(rows.place(bad), rows.schema.delay, "stands where no request of that conversation is above")
    order = None
    if not rows.ordered:  # by stamps where all have one, else by the stamps that conversations begin with
        key = stamps if after is None or stamped.all() else stamps[beginnings(after)]
        order = np.argsort(key, kind="stable").astype(np.int64)
        stamps, stamped, delay = stamps[order], stamped[order], None if delay is None else delay[order]
        after = None if after is None else renumbered(after, order)
    if after is None:
        seconds, spread_notes = _arrival_s(rows, stamps, spread, order)
    else:
        alone, seconds = np.flatnonzero(after < 0), _delays_s(rows, stamps, delay, after, stamped, order)
        places = alone if order is None else order[alone]
        seconds[alone], spread_notes = _arrival_s(rows, stamps[alone], spread, places)
    return Timeline(order, seconds, after, (*notes, *spread_notes))


def _links(rows: CheckedRows) -> IntArray | None:
    """Which kept row each kept row follows, -1 for none; None where the format knows no such thing."""
    after, numbers = rows.column("after"), rows.column("numbers")
    if after is not None and numbers is not None:
        place = np.full(rows.read, -2, dtype=np.int64)
        place[numbers] = np.arange(len(numbers))
        links: IntArray = np.where(after < 0, -1, place[after])
        bad = first_true(links == -2)
        if bad is not None:
            raise rows.error(rows.place(bad), rows.schema.after, f"{after[bad]} is a request that was dropped")
        return links
    if rows.schema.chain:
        return np.arange(-1, rows.count - 1)
    if rows.parents:
        known = {name: place for place, name in enumerate(rows.names) if name is not None}
        return np.array([known.get(parent, -1) for parent in rows.parents], dtype=np.int64)
    return _within_sessions(rows.names) if rows.schema.session is not None else None


def _within_sessions(names: list[Any]) -> IntArray:
    latest: dict[Any, int] = {}
    links = np.full(len(names), -1, dtype=np.int64)
    for place, name in enumerate(names):
        if name is not None:
            links[place] = latest.get(name, -1)
            latest[name] = place
    return links


def _chosen_turns(
    linked: IntArray | None, stamped: NDArray[np.bool_], turns: Turns
) -> tuple[IntArray | None, tuple[str, ...]]:
    """`after`, as far as it was asked for; turns without a stamp are kept in any case."""
    if linked is None or not (linked >= 0).any():
        return None, ()
    follows = linked >= 0
    kept = follows if turns == "keep" else follows & ~stamped
    notes = []
    if kept.any():
        notes.append(f"linked to the turn before: {kept.sum()}")
    if kept.sum() < follows.sum():
        notes.append(f"later turns at their own stamps: {(follows & ~kept).sum()} (turns='keep' links them)")
    return np.where(kept, linked, -1) if kept.any() else None, tuple(notes)


def _delays_s(
    rows: CheckedRows,
    stamps: NDArray[Any],
    delay: FloatArray | None,
    after: IntArray,
    stamped: NDArray[np.bool_],
    order: IntArray | None,
) -> FloatArray:
    """Seconds between the end of the request before and each request that follows one.

    Where a trace has stamps alone, the gap between two turns' stamps stands for it (our choice: when an answer ended
    nobody wrote down, so these delays are too long by the time that the answer took).
    """
    if rows.schema.after is not None:
        return np.where(after >= 0, stamps, 0) / rows.per_second
    given = np.zeros(len(stamps), dtype=np.bool_) if delay is None else ~np.isnan(delay)
    gap = stamps - stamps[after]
    for wrong, message in (
        (after >= np.arange(len(after)), "stands before row {before}, which it follows"),
        (~given & ~stamped[after], "follows row {before}, which has no stamp to count from"),
        (~given & (gap < 0), "lies before row {before}, which it follows"),
    ):
        bad = first_true((after >= 0) & wrong)
        if bad is not None:
            row, before = (rows.place(i if order is None else int(order[i])) for i in (bad, int(after[bad])))
            raise rows.error(row, rows.schema.arrival, message.format(before=before))
    delay_s = 0.0 if delay is None else np.where(given, delay, 0.0) / rows.delays_per_second
    return np.where(after >= 0, np.where(given, delay_s, gap / rows.per_second), 0.0)


def _arrival_s(
    rows: CheckedRows, stamps: NDArray[Any], spread: Spread | None, places: IntArray | None
) -> tuple[FloatArray, tuple[str, ...]]:
    """Sorted stamps as seconds; whole numbers are subtracted before they lose digits to float64."""
    if stamps[-1].item() - stamps[0].item() > MAX_ARRIVAL_S * rows.per_second:
        raise WorkloadError(f"{rows.path}: the arrivals span more than 2**33 s (272 years)")
    arrival_s: FloatArray = (stamps - stamps[0] if rows.relative else stamps) / rows.per_second
    if spread is None:
        return arrival_s, ()
    tick_start_s = np.rint(arrival_s / spread.tick_s) * spread.tick_s
    bad = first_true(np.abs(arrival_s - tick_start_s) > _TICK_JITTER_S)
    if bad is not None and spread.strict:
        row = rows.place(bad if places is None else int(places[bad]))
        message = f"{arrival_s[bad]:.9g} s does not lie on a grid of spread = {spread.tick_s:g} s"
        raise rows.error(row, rows.schema.arrival, message)
    if bad is not None:
        return arrival_s, ()
    spread_s = np.sort(tick_start_s + spread.rng.uniform(0.0, spread.tick_s, len(arrival_s)))
    return spread_s, (f"spread over ticks of {spread.tick_s:g} s",)

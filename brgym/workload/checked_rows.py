"""The rows of a trace file: each batch is checked as it comes, and the columns are kept."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brgym.workload._validation import (
    MAX_ARRIVAL_S,
    MAX_TOKENS,
    TOKENS_RANGE,
    IntArray,
    WorkloadError,
    decreases,
    first_true,
    malformed_tokens,
)
from brgym.workload.readers.schema import PER_SECOND, Schema, Unit
from brgym.workload.readers.trace_file import Batch, Clock, cell_error

_COLUMNS = ("arrival", "prompt", "output", "prompt_hash", "delay", "after", "max_tokens", "patience_s")


@dataclass(kw_only=True)
class CheckedRows:
    """The rows of a file that passed every check, column by column in chunks.

    Attributes:
        path: The file.
        schema: Its format.
        clock: How its stamps are written.
        unit: The unit of its stamps, if it was told; the format's counts where it was not.
        drop: Whether rows of less than one token are left out.
        ordered: Whether stamps must be in order.
        located: Whether the place of each row in the file is kept; it is also where requests follow others.
        dropped: Rows left out.
        read: Rows read, those left out included.
        names: See `Batch`.
        parents: See `Batch`.
    """

    path: Path
    schema: Schema
    clock: Clock
    unit: Unit | None
    drop: bool
    ordered: bool
    located: bool
    dropped: int = 0
    read: int = 0
    names: list[Any] = field(default_factory=list)
    parents: list[Any] = field(default_factory=list)
    _chunks: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    _last: NDArray[Any] | None = None

    @property
    def count(self) -> int:
        """Rows kept."""
        return sum(map(len, self._chunks.get("prompt", [])))

    @property
    def counted_in(self) -> Unit | None:
        """The unit of the stamps; None where they are dates, or where nobody knows it."""
        return None if self.clock.dated else self.unit or self.schema.unit

    @property
    def per_second(self) -> float:
        """How many of the stamps' units make a second; dates are in nanoseconds."""
        return PER_SECOND[self.counted_in or "ns"]

    def column(self, name: str) -> NDArray[Any] | None:
        """One column, which is given up; read-only, so that the `Workload` takes it without another copy."""
        chunks = self._chunks.pop(name, None)
        if not chunks:
            return None
        column = np.concatenate(chunks)
        column.flags.writeable = False
        return column

    def place(self, index: int) -> int:
        """Where a kept row stands in the file; known if places are kept."""
        return int(np.concatenate(self._chunks["rows"])[index])

    @property
    def relative(self) -> bool:
        """Whether arrivals are counted from the first stamp; not where they are given as seconds of a workload."""
        return self.schema.relative or bool(self.clock.dated) or self.unit not in (None, "s")

    @property
    def delays_per_second(self) -> float:
        """How many of the delays' units make a second; they are numbers even where the stamps are dates."""
        return PER_SECOND[self.unit or self.schema.unit or "s"]

    def add(self, batch: Batch) -> None:
        """Checks a batch and keeps it.

        Raises:
            WorkloadError: If a cell is out of range; the message names file, row and column.
        """
        numbers = np.arange(self.read, self.read + len(batch.rows))
        self.read += len(batch.rows)
        kept = self._with_tokens(batch)
        if not kept.any():
            return
        self._check_wishes(batch, kept, numbers)
        if batch.arrival is not None:
            self._check_arrivals(batch, kept)
        for name in _COLUMNS:
            values = getattr(batch, name)
            if values is not None:
                dtype = values.dtype if name in ("arrival", "delay", "patience_s") else np.int64
                self._chunks.setdefault(name, []).append(values[kept].astype(dtype, copy=False))
        if self.located or batch.names or batch.after is not None or self.schema.chain:
            self._chunks.setdefault("rows", []).append(batch.rows[kept])
            self._chunks.setdefault("numbers", []).append(numbers[kept])
        for mine, theirs in ((self.names, batch.names), (self.parents, batch.parents)):
            mine.extend(name for name, keep in zip(theirs, kept.tolist(), strict=False) if keep)

    def _with_tokens(self, batch: Batch) -> NDArray[np.bool_]:
        kept = np.ones(len(batch.rows), dtype=np.bool_)
        for column, values in ((self.schema.prompt, batch.prompt), (self.schema.output, batch.output)):
            self._refuse(malformed_tokens(values), batch.rows, column, values, f"is not {TOKENS_RANGE}")
            if not self.drop:
                hint = f"is not {TOKENS_RANGE}; invalid='drop' leaves such rows out"
                self._refuse(values < 1, batch.rows, column, values, hint)
            kept &= values >= 1
        self.dropped += int(len(kept) - kept.sum())
        return kept

    def _check_wishes(self, batch: Batch, kept: NDArray[np.bool_], numbers: IntArray) -> None:
        if batch.max_tokens is not None:
            bad = malformed_tokens(batch.max_tokens) | (batch.max_tokens < batch.output)
            allowed = f"is not a whole number from the output's length to {MAX_TOKENS}"
            self._refuse(bad & kept, batch.rows, self.schema.max_tokens, batch.max_tokens, allowed)
        if batch.patience_s is not None:
            bad = ~(batch.patience_s > 0)
            self._refuse(bad & kept, batch.rows, self.schema.patience_s, batch.patience_s, "is not above 0")
        if batch.after is not None:
            bad = ~((batch.after >= -1) & (batch.after < numbers)) | (np.floor(batch.after) != batch.after)
            allowed = "is not the number of an earlier request, from 0, or -1"
            self._refuse(bad & kept, batch.rows, self.schema.after, batch.after, allowed)

    def _check_arrivals(self, batch: Batch, kept: NDArray[np.bool_]) -> None:
        if batch.delay is not None:
            column = self.schema.delay or self.schema.think
            bad = ~(
                (batch.delay >= 0) & (batch.delay <= MAX_ARRIVAL_S * self.delays_per_second) | np.isnan(batch.delay)
            )
            self._refuse(bad & kept, batch.rows, column, batch.delay, "is not a delay in 0..2**33 s (272 years)")
        stamped = kept if self.schema.delay is None or batch.delay is None else kept & np.isnan(batch.delay)
        arrival, rows = np.asarray(batch.arrival)[stamped], batch.rows[stamped]
        if not self.clock.dated:
            self._check_unit(arrival, rows)
        if not self.relative:
            self._refuse(arrival < 0, rows, self.schema.arrival, arrival, "is negative")
        if batch.after is not None:
            alone = (batch.after < 0)[stamped]
            delays = ~alone if self.clock.dated else ~alone & (arrival < 0)
            self._refuse(delays, rows, self.schema.arrival, arrival, "is no delay after the request that it follows")
            arrival, rows = arrival[alone], rows[alone]
        if self.ordered and len(arrival):
            last = arrival[:1] if self._last is None else self._last
            earlier = decreases(np.concatenate((last, arrival)))[1:]
            hint = "lies before the row above; sort=True sorts the requests"
            self._refuse(earlier, rows, self.schema.arrival, arrival, hint)
            self._last = arrival[-1:]

    def _check_unit(self, arrival: NDArray[Any], rows: IntArray) -> None:
        """Numbers are stamps only in a unit that is known, and in which they make sense."""
        column, unit = self.schema.arrival, self.counted_in
        self._refuse(~np.isfinite(arrival), rows, column, arrival, "is not finite")
        if unit is None:
            hint = "is no date, and the unit of these stamps is not known; unit='s' says it (or 'ms', 'us', 'ns')"
            self._refuse(np.ones(len(arrival), dtype=np.bool_), rows, column, arrival, hint)
            return
        if self.schema.whole and self.unit is None:
            hint = f"is no whole number of {unit}, so the unit of these stamps is open; unit='s' says it (or 'ms', ...)"
            self._refuse(np.floor(arrival) != arrival, rows, column, arrival, hint)
        hint = f"in {unit} is beyond 2**33 s (272 years); if it counts another unit, unit='us' says so (or 'ms', 'ns')"
        self._refuse(np.abs(arrival) > MAX_ARRIVAL_S * PER_SECOND[unit], rows, column, arrival, hint)

    def _refuse(
        self, bad: NDArray[np.bool_], rows: IntArray, column: str | None, values: NDArray[Any], message: str
    ) -> None:
        index = first_true(bad)
        if index is not None:
            raise self.error(int(rows[index]), column, f"{self._written(values[index], column)} {message}")

    def _written(self, value: Any, column: str | None) -> str:
        if self.clock.dated and column == self.schema.arrival:
            return str(np.datetime64(int(value), "ns"))
        return str(value) if isinstance(value, np.integer) else f"{value:.16g}"

    def error(self, row: int, column: str | None, message: str) -> WorkloadError:
        """The error for one cell of the file."""
        return cell_error(self.path, row, column or "", message)

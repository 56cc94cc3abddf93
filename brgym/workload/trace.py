"""From a trace file to a `Workload`: rows checked as they stream in, arrivals put on one clock in seconds."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from brgym._checks import check_choice, check_integer
from brgym.workload._validation import (
    TOKENS_RANGE,
    FloatArray,
    IntArray,
    WorkloadError,
    decreases,
    first_true,
    malformed_tokens,
)
from brgym.workload.readers.schema import Container, Schema, choose_schema
from brgym.workload.readers.trace_file import Batch, cell_error, detect_container
from brgym.workload.workload import Workload

Invalid = Literal["error", "drop"]

_TICK_JITTER_S = 0.05
"""How far a stamp may lie from the grid and still be on it (our choice; the Mooncake conversation trace: 3 ms)."""


class TraceReading(NamedTuple):
    """A trace file's requests, and how many of its rows were left out."""

    workload: Workload
    dropped_rows: int


def read_trace(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    sort: bool = False,
    invalid: Invalid = "error",
    spread_ticks: bool = True,
    seed: int = 0,
) -> TraceReading:
    """Reads a trace: CSV, JSONL or Parquet, plain or gzip.

    The file streams through in batches: memory is about three times that of the columns returned, whatever else the
    file holds (27 million rows of the Azure 2024 trace: 0.6 GiB of columns, 1.9 GiB at the most).

    Args:
        path: The file.
        format: One of `brgym.workload.FORMATS`; by default the columns tell it.
        sort: Whether to sort requests by arrival (stable); by default an unsorted file is an error.
        invalid: Real traces have rows without tokens (BurstGPT's failed requests). "error" reports the first row whose
            prompt or output is shorter than one token, "drop" leaves such rows out and counts them.
        spread_ticks: Most Mooncake traces stamp requests on a grid of 3 s, give or take some milliseconds. Where all
            stamps of such a file do, each tick's requests are spread uniformly over its 3 s, in file order, so that
            they do not come in bursts of the recorder's making (our choice). Stamps off the grid are left alone.
        seed: Seed of that spreading.

    Returns:
        The workload, its arrivals counted from the first stamp (in the format "plain" they are left as they are), and
        the number of rows dropped.

    Raises:
        WorkloadError: If the file is empty, damaged, not UTF-8, lacks a column, or has a cell that is no number, not
            finite or out of range; the message names file, row and column.
        ValueError: If an option is unknown.
        OSError: If the file cannot be opened.
    """
    file = Path(path)
    check_choice("invalid", invalid, get_args(Invalid))
    try:
        container = detect_container(file)
        read_columns, read_batches = _reader(container)
        columns = read_columns(file)
        schema = choose_schema(str(file), container, columns, name=format)
        rows = _CheckedRows(file, schema, drop=invalid == "drop", ordered=not sort)
        for batch in read_batches(file, schema, columns):
            rows.add(batch)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WorkloadError(f"{file}: damaged or truncated gzip: {error}") from error
    if not rows.count:
        dropped = f" ({rows.dropped} dropped)" if rows.dropped else ""
        raise WorkloadError(f"{file}: no requests below the header{dropped}")
    rng = np.random.default_rng(check_integer("seed", seed, minimum=0)) if spread_ticks else None
    return TraceReading(_workload(rows, schema, rng), rows.dropped)


_Columns = Callable[[Path], list[str]]
_Batches = Callable[[Path, Schema, Sequence[str]], Iterator[Batch]]


def _reader(container: Container) -> tuple[_Columns, _Batches]:
    if container == "jsonl":
        from brgym.workload.readers import jsonl_reader

        return jsonl_reader.jsonl_columns, jsonl_reader.jsonl_batches
    from brgym.workload.readers import arrow_reader  # pyarrow takes a while to import: only where it is needed

    if container == "parquet":
        return arrow_reader.parquet_columns, arrow_reader.parquet_batches
    return arrow_reader.csv_columns, arrow_reader.csv_batches


@dataclass
class _CheckedRows:
    """The rows of a file that passed every check, column by column in chunks."""

    path: Path
    schema: Schema
    drop: bool
    ordered: bool
    dropped: int = 0
    arrival: list[NDArray[Any]] = field(default_factory=list)
    prompt: list[IntArray] = field(default_factory=list)
    output: list[IntArray] = field(default_factory=list)
    prompt_hash: list[IntArray] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(map(len, self.prompt))

    def add(self, batch: Batch) -> None:
        kept = self._with_tokens(batch)
        if not kept.any():
            return
        if batch.arrival is not None:
            self.arrival.append(self._checked_arrivals(batch.arrival[kept], batch.rows[kept]))
        self.prompt.append(batch.prompt[kept].astype(np.int64))
        self.output.append(batch.output[kept].astype(np.int64))
        if batch.prompt_hash is not None:
            self.prompt_hash.append(batch.prompt_hash[kept])

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

    def _checked_arrivals(self, arrival: NDArray[Any], rows: IntArray) -> NDArray[Any]:
        column = self.schema.arrival or ""
        self._refuse(~np.isfinite(arrival), rows, column, arrival, "is not finite")
        if not self.schema.relative:
            self._refuse(arrival < 0, rows, column, arrival, "is negative")
        if self.ordered:
            last = self.arrival[-1][-1:] if self.arrival else arrival[:1]
            earlier = decreases(np.concatenate((last, arrival)))[1:]
            self._refuse(earlier, rows, column, arrival, "lies before the row above; sort=True sorts the requests")
        return arrival

    def _refuse(self, bad: NDArray[np.bool_], rows: IntArray, column: str, values: NDArray[Any], message: str) -> None:
        index = first_true(bad)
        if index is not None:
            value = np.datetime64(int(values[index]), "ns") if values.dtype == np.int64 else f"{values[index]:.15g}"
            raise cell_error(self.path, int(rows[index]), column, f"{value} {message}")


def _workload(rows: _CheckedRows, schema: Schema, rng: np.random.Generator | None) -> Workload:
    prompt, output = _joined(rows.prompt), _joined(rows.output)
    prompt_hash = _joined(rows.prompt_hash) if rows.prompt_hash else None
    if schema.arrival is None:
        return Workload(np.zeros(len(prompt)), prompt, output, prompt_hash)
    stamps = _joined(rows.arrival)
    if not rows.ordered:
        order = np.argsort(stamps, kind="stable")
        stamps, prompt, output = stamps[order], prompt[order], output[order]
        prompt_hash = None if prompt_hash is None else prompt_hash[order]
    return Workload(_arrival_s(stamps, schema, rng), prompt, output, prompt_hash)


def _joined(chunks: list[NDArray[Any]]) -> NDArray[Any]:
    """One column of the chunks, which are given up; read-only, so that the `Workload` takes it without another copy."""
    column = np.concatenate(chunks)
    chunks.clear()
    column.flags.writeable = False
    return column


def _arrival_s(stamps: NDArray[Any], schema: Schema, rng: np.random.Generator | None) -> FloatArray:
    """Sorted stamps as seconds; dates are subtracted as whole nanoseconds before they lose digits to float64."""
    arrival_s: FloatArray = (stamps - stamps[0] if schema.relative else stamps) / schema.units_per_s
    if rng is None or schema.tick_s is None:
        return arrival_s
    tick_start_s = np.rint(arrival_s / schema.tick_s) * schema.tick_s
    if np.any(np.abs(arrival_s - tick_start_s) > _TICK_JITTER_S):
        return arrival_s
    return np.sort(tick_start_s + rng.uniform(0.0, schema.tick_s, len(arrival_s)))

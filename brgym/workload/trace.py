"""From a trace file to a `Workload`: rows checked as they stream in, arrivals put on one clock in seconds."""

import gzip
import os
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from brgym._checks import check_choice, check_real, check_seed
from brgym.workload._validation import WorkloadError, shown_names
from brgym.workload.catalogue import TraceSource
from brgym.workload.checked_rows import CheckedRows
from brgym.workload.download import known_source
from brgym.workload.readers.lines import detect_container
from brgym.workload.readers.schema import Container, Schema, Unit, choose_schema
from brgym.workload.readers.trace_file import Batch, Clock, refuse_repeated
from brgym.workload.timeline import Spread, Timeline, Turns, timeline
from brgym.workload.workload import Workload

Invalid = Literal["error", "drop"]

_CONTAINERS = {"csv": "CSV", "jsonl": "JSON", "parquet": "Parquet"}


class TraceReading(NamedTuple):
    """A trace file's requests, and how many of its rows were left out."""

    workload: Workload
    dropped_rows: int


class ReadingNotice(UserWarning):
    """One line on how a file was read: format, unit of time, requests, span, and what was not taken from it."""


def read_trace(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    sort: bool = False,
    invalid: Invalid = "error",
    unit: Unit | None = None,
    spread: float | None = None,
    turns: Turns = "drop",
    seed: int = 0,
) -> TraceReading:
    """Reads a trace: CSV, JSON or Parquet, plain or gzip.

    The file streams through in batches: memory is about three times that of the columns returned, whatever else the
    file holds (27 million rows of the Azure 2024 trace: 0.6 GiB of columns, 1.9 GiB at the most). JSON that is one
    array or document is read as a whole.

    A file of the catalogue is known by its content. Of any other a `ReadingNotice`, a warning, says how it was read.

    Args:
        path: The file.
        format: One of `brgym.workload.FORMATS`; by default the columns tell it.
        sort: Whether to sort requests by arrival (stable); by default an unsorted file is an error.
        invalid: Real traces have rows without tokens (BurstGPT's failed requests). "error" reports the first row whose
            prompt or output is shorter than one token, "drop" leaves such rows out and counts them.
        unit: What the stamps count: "s", "ms", "us" or "ns". By default what the format says or the column's name,
            such as `timestamp_ms`, and dates need none; where none of these tells, a file is an error.
        spread: Resolution of a coarse clock, in seconds: each tick's requests are spread uniformly over it, in file
            order, so that they do not come in bursts of the recorder's making (our choice). Stamps may lie 50 ms off
            the grid, but no further. By default only traces of the catalogue are spread that are known to need it (most
            Mooncake traces stamp requests every 3 s; where one does not it is left alone); 0: none.
        turns: What to do where a request follows another and has a stamp as well: "drop" takes its stamp, "keep" links
            it (`Workload.after`). Requests with a delay instead of a stamp are linked in any case.
        seed: Seed of the spreading.

    Returns:
        The workload, its arrivals counted from the first stamp (in the format "plain" seconds are left as they are),
        and the number of rows dropped.

    Raises:
        WorkloadError: If the file is empty, damaged, not UTF-8, lacks a column or has it twice, has a cell that is no
            number, not finite or out of range, or stamps whose unit is open; the message names file, row and column.
        ValueError: If an option is unknown or out of range.
        OSError: If the file cannot be opened.
    """
    options = {"format": format, "sort": sort, "invalid": invalid, "unit": unit, "spread": spread, "turns": turns}
    reading, notice = read(Path(path), None, seed=seed, **options)  # type: ignore[arg-type]
    if notice:
        warnings.warn(notice, ReadingNotice, stacklevel=2)
    return reading


def read(
    path: Path,
    source: TraceSource | None,
    *,
    format: str | None,
    sort: bool,
    invalid: Invalid,
    unit: Unit | None,
    spread: float | None,
    turns: Turns,
    seed: int,
) -> tuple[TraceReading, str]:
    """As `read_trace`, of a file that may be known to be the catalogue's.

    Returns:
        The reading, and one line on how the file was read; empty for a trace of the catalogue.
    """
    check_choice("invalid", invalid, get_args(Invalid))
    check_choice("turns", turns, get_args(Turns))
    if unit is not None:
        check_choice("unit", unit, get_args(Unit))
    if spread is not None:
        spread = check_real("spread", spread, minimum=0.0)
    seed = check_seed("seed", seed)
    try:
        container = detect_container(path)
        source = source or known_source(path)
        known_unit = unit or (source.unit if source else None)
        read_columns, read_batches = _reader(container)
        columns = read_columns(path)
        refuse_repeated(path, columns)
        schema = choose_schema(str(path), container, columns, name=format)
        clock = Clock(dated=False if known_unit is not None else schema.dated or None)
        rows = CheckedRows(
            path=path,
            schema=schema,
            clock=clock,
            unit=known_unit,
            drop=invalid == "drop",
            ordered=not sort,
            located=bool(spread),
        )
        for batch in read_batches(path, schema, columns, clock):
            rows.add(batch)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WorkloadError(f"{path}: damaged or truncated gzip: {error}") from error
    if not rows.count:
        dropped = f" ({rows.dropped} dropped)" if rows.dropped else ""
        raise WorkloadError(f"{path}: no requests below the header{dropped}")
    found = timeline(rows, turns, _spread(spread, source, seed))
    workload = _workload(rows, found)
    notice = "" if source else _notice(rows, workload, found, container, columns, sure=unit is not None)
    return TraceReading(workload, rows.dropped), notice


_Columns = Callable[[Path], list[str]]
_Batches = Callable[[Path, Schema, Sequence[str], Clock], Iterator[Batch]]


def _reader(container: Container) -> tuple[_Columns, _Batches]:
    if container == "jsonl":
        from brgym.workload.readers import jsonl_reader

        return jsonl_reader.jsonl_columns, jsonl_reader.jsonl_batches
    from brgym.workload.readers import arrow_reader  # pyarrow takes a while to import: only where it is needed

    if container == "parquet":
        return arrow_reader.parquet_columns, arrow_reader.parquet_batches
    return arrow_reader.csv_columns, arrow_reader.csv_batches


def _spread(asked_s: float | None, source: TraceSource | None, seed: int) -> Spread | None:
    tick_s = asked_s if asked_s is not None else source.spread_s if source else None
    return Spread(tick_s, np.random.default_rng(seed), strict=asked_s is not None) if tick_s else None


def _workload(rows: CheckedRows, found: Timeline) -> Workload:
    names = {"prompt": "prompt_tokens", "output": "output_tokens"}
    names |= {name: name for name in ("prompt_hash", "max_tokens", "patience_s")}
    columns = {name: rows.column(kept) for kept, name in names.items()}
    if found.order is not None:
        columns = {name: None if column is None else column[found.order] for name, column in columns.items()}
    found.arrival_s.flags.writeable = False  # so that it is taken without another copy
    return Workload(arrival_s=found.arrival_s, after=found.after, **columns)  # type: ignore[arg-type]


def _notice(
    rows: CheckedRows,
    workload: Workload,
    found: Timeline,
    container: Container,
    columns: Sequence[str],
    *,
    sure: bool,
) -> str:
    schema, summary = rows.schema, workload.summary()
    parts = [f"{rows.path}: read as {_CONTAINERS[container]}, format {schema.name!r}: {summary.requests} requests"]
    if schema.arrival is None:
        parts[0] += " without arrivals, all waiting at time 0"
    else:
        clock = "dates" if rows.clock.dated else f"in {rows.counted_in}"
        parts[0] += f" over {summary.span_s:.6g} s, stamps {schema.arrival!r} {clock}"
        if schema.whole and not sure and not rows.clock.dated:
            parts[0] += ", as whole numbers there are (unit='s' if they count seconds)"
    unread = [column for column in columns if column and column not in schema.columns()]
    if unread:
        parts.append(f"columns not read: {shown_names(unread)}")
    return "; ".join([*parts[:1], *found.notes, *parts[1:]])

"""JSON traces: the columns of their records, and batches of them as numbers."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brgym._checks import shown
from brgym.workload._validation import FloatArray, IntArray, WorkloadError
from brgym.workload.readers.json_records import Record, json_records
from brgym.workload.readers.schema import Schema
from brgym.workload.readers.trace_file import Batch, Clock, cell_error, wanted_columns

_BATCH_ROWS = 1 << 16
_EXACT = 2**53  # from here on a double skips whole numbers


def jsonl_columns(path: Path) -> list[str]:
    """The names in the first record."""
    for _, record in json_records(path):
        return list(record)
    raise WorkloadError(f"{path}: no requests in the list")


def jsonl_batches(path: Path, schema: Schema, columns: Sequence[str], clock: Clock) -> Iterator[Batch]:
    """The records. Each must have the columns that the first one told, but for those that depend on the turn."""
    records = json_records(path)
    while chunk := list(islice(records, _BATCH_ROWS)):
        cells = _Cells(path, chunk)
        optional = {
            column: cells.numbers(column)
            for column in wanted_columns([schema.max_tokens, schema.patience_s, schema.after], columns)
        }
        prompt_hash = _prompt_hash(cells, schema, columns)
        delay = None
        if schema.delay is not None:
            delay = cells.delays(schema.delay, instead_of=schema.arrival)
        elif schema.think is not None and schema.think in columns:
            delay = cells.numbers(schema.think)
        stamped = None if schema.delay is None or delay is None else np.isnan(delay)
        name = schema.request or schema.session
        yield Batch(
            rows=np.array([row for row, _ in chunk], dtype=np.int64),
            arrival=None if schema.arrival is None else cells.stamps(schema.arrival, clock, stamped),
            prompt=cells.numbers(schema.prompt),
            output=cells.numbers(schema.output),
            prompt_hash=prompt_hash,
            delay=delay,
            names=[] if name is None else cells.names(name),
            parents=cells.names(schema.parent) if schema.parent is not None and schema.parent in columns else [],
            after=optional.get(schema.after or ""),
            max_tokens=optional.get(schema.max_tokens or ""),
            patience_s=optional.get(schema.patience_s or ""),
        )


def hash_of_blocks(hash_ids: Sequence[int]) -> int:
    """One hash for a prompt given as a list of block hashes: 63 bits of BLAKE2b, the same in every process."""
    digest = hashlib.blake2b(",".join(map(str, hash_ids)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _prompt_hash(cells: "_Cells", schema: Schema, columns: Sequence[str]) -> IntArray | None:
    for column, read in ((schema.hash_ids, cells.block_hashes), (schema.prompt_hash, cells.integers)):
        if column is not None and column in columns:
            return read(column)
    return None


class _Cells:
    """The columns of numbered records, converted on request; what cannot be converted is reported with its row."""

    def __init__(self, path: Path, records: list[tuple[int, Record]]) -> None:
        self._path = path
        self._records = records

    def numbers(self, column: str) -> FloatArray:
        return np.array(self._column(column, _is_number, _to_float, "a number"), dtype=np.float64)

    def integers(self, column: str) -> IntArray:
        return np.array(self._column(column, _is_int64, int, "a 64-bit integer"), dtype=np.int64)

    def block_hashes(self, column: str) -> IntArray:
        hashes = self._column(column, _is_integer_list, hash_of_blocks, "a list of integers")
        return np.array(hashes, dtype=np.int64)

    def names(self, column: str) -> list[Any]:
        """What requests or conversations are called: integers, text or null."""
        return self._column(column, _is_name, lambda name: name, "an integer or text")

    def delays(self, column: str, *, instead_of: str | None) -> FloatArray:
        """Delays, NaN where a record has none but a stamp; each has one of the two."""
        delays = np.full(len(self._records), np.nan)
        for index, (row, record) in enumerate(self._records):
            value = record.get(column)
            if value is None:
                continue
            if record.get(instead_of or "") is not None:
                raise cell_error(self._path, row, column, f"stands beside {instead_of!r}; a request has one of the two")
            if not _is_number(value) or math.isnan(value):
                raise cell_error(self._path, row, column, f"{shown(value)} is not a number")
            delays[index] = _to_float(value)
        return delays

    def stamps(self, column: str, clock: Clock, stamped: NDArray[np.bool_] | None) -> NDArray[Any]:
        """Stamps as in `arrow_cells.Cells.stamps`; 0 where `stamped` says that there is none."""
        records, whole = self._records, self
        if stamped is not None and not stamped.all():
            chosen = np.flatnonzero(stamped)
            whole = _Cells(self._path, [records[index] for index in chosen.tolist()])
        values = whole._stamps(column, clock) if whole._records else np.zeros(0)
        if whole is self:
            return values
        spaced = np.zeros(len(records), dtype=values.dtype)
        spaced[chosen] = values
        return spaced

    def _stamps(self, column: str, clock: Clock) -> NDArray[Any]:
        if clock.sees(self._records[0][1].get(column)):
            return self._dates(column, clock)
        values = self._column(column, _is_number, lambda value: value, "a number")
        if all(type(value) is int for value in values) and any(abs(value) >= _EXACT for value in values):
            bad = next((i for i, value in enumerate(values) if not _is_int64(value)), None)
            if bad is not None:
                raise cell_error(self._path, self._records[bad][0], column, f"{shown(values[bad])} is beyond 64 bits")
            return np.array(values, dtype=np.int64)
        return np.array([_to_float(value) for value in values], dtype=np.float64)

    def _dates(self, column: str, clock: Clock) -> IntArray:
        import pyarrow as pa  # takes a while to import: only where it is needed

        from brgym.workload.readers.arrow_cells import Cells

        texts = self._column(column, _is_text, lambda text: text.encode(), "a date and time")
        rows = np.array([row for row, _ in self._records], dtype=np.int64)
        cells = Cells(self._path, pa.record_batch({column: pa.array(texts, pa.binary())}), rows)
        return cells.stamps(column, clock)

    def _column(
        self, column: str, accept: Callable[[Any], bool], convert: Callable[[Any], Any], expected: str
    ) -> list[Any]:
        values = []
        for row, record in self._records:
            if column not in record:
                raise cell_error(self._path, row, column, "is missing")
            value = record[column]
            if not accept(value):
                raise cell_error(self._path, row, column, f"{shown(value)} is not {expected}")
            values.append(convert(value))
        return values


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)  # not isinstance: a bool is an int


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_integer_list(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _is_name(value: Any) -> bool:
    return value is None or type(value) in (int, str)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isascii()


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits; the check for finite numbers reports it
        return math.inf

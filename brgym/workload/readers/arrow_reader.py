"""CSV and Parquet traces, converted with pyarrow a few megabytes at a time."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from brgym.workload._validation import IntArray, WorkloadError, shown_reason
from brgym.workload.readers.arrow_cells import Cells
from brgym.workload.readers.lines import Records, csv_records, split_first
from brgym.workload.readers.schema import Schema
from brgym.workload.readers.trace_file import Batch, Clock, decoded, open_bytes, row_error, wanted_columns

_BATCH_ROWS = 1 << 16
_WRONG_COLUMNS = re.compile(r"Row #(?P<record>\d+): Expected (?P<expected>\d+) columns, got (?P<found>\d+)")
"""How Arrow says it; its hook for such rows fails on bytes that are no UTF-8."""


def csv_columns(path: Path) -> list[str]:
    """The names in the header line, the first that is neither blank nor a comment."""
    records = next(records for records in csv_records(path) if len(records.rows))
    header, _ = split_first(records)
    row = int(records.rows[0])
    try:
        return [name.strip() for name in next(csv.reader([decoded(path, row, header)]))]
    except csv.Error as error:
        raise row_error(path, row, f"malformed header: {shown_reason(error)}") from error


def parquet_columns(path: Path) -> list[str]:
    """The names in the file's schema."""
    with open_bytes(path) as stream:
        try:
            return list(pa_parquet.read_schema(stream).names)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(path, error) from error


def csv_batches(path: Path, schema: Schema, columns: Sequence[str], clock: Clock) -> Iterator[Batch]:
    """The rows below the header. Cells are read as bytes and converted here, so that an error can name its row."""
    used = _used_columns(schema, columns)
    header = True
    for records in csv_records(path):
        if header and len(records.rows):
            _, records = split_first(records)
            header = False
        if len(records.rows):
            yield from _csv_block(path, schema, records, list(columns), used, clock)


def parquet_batches(path: Path, schema: Schema, columns: Sequence[str], clock: Clock) -> Iterator[Batch]:
    """The records, counted from 1."""
    first_row = 1
    with open_bytes(path) as stream:
        try:
            with pa_parquet.ParquetFile(stream) as file:
                for record in file.iter_batches(batch_size=_BATCH_ROWS, columns=_used_columns(schema, columns)):
                    rows = np.arange(first_row, first_row + len(record), dtype=np.int64)
                    yield _batch(path, schema, record, rows, clock)
                    first_row += len(record)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(path, error) from error


def _csv_block(
    path: Path, schema: Schema, records: Records, columns: list[str], used: list[str], clock: Clock
) -> Iterator[Batch]:
    try:
        table = pa_csv.read_csv(
            pa.py_buffer(records.text),
            pa_csv.ReadOptions(column_names=columns, block_size=len(records.text) + 1, use_threads=False),
            pa_csv.ParseOptions(ignore_empty_lines=False, newlines_in_values=b'"' in records.text),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(used, pa.binary()), include_columns=used),
        )
    except pa.ArrowException as error:
        raise _malformed(path, records.rows, error) from error
    if len(table) != len(records.rows):  # quotation marks that stand where none belongs
        raise _malformed(path, records.rows, f"{len(table)} records where {len(records.rows)} begin")
    first = 0
    for record in table.to_batches():
        yield _batch(path, schema, record, records.rows[first : first + len(record)], clock)
        first += len(record)


def _malformed(path: Path, rows: IntArray, reason: Exception | str) -> WorkloadError:
    """The error for a block of records, or for the one of them that Arrow names."""
    named = _WRONG_COLUMNS.search(str(reason))
    if named is not None and 1 <= int(named["record"]) <= len(rows):
        row = int(rows[int(named["record"]) - 1])
        return row_error(path, row, f"{named['found']} columns, the header has {named['expected']}")
    return WorkloadError(f"{path}, rows {rows[0]} to {rows[-1]}: malformed CSV: {shown_reason(reason)}")


def _damaged(path: Path, error: Exception) -> WorkloadError:
    return WorkloadError(f"{path}: damaged Parquet file: {shown_reason(error)}")


def _used_columns(schema: Schema, columns: Sequence[str]) -> list[str]:
    return wanted_columns(schema.columns(), columns)


def _batch(path: Path, schema: Schema, record: pa.RecordBatch, rows: IntArray, clock: Clock) -> Batch:
    cells = Cells(path, record, rows)
    hashed, limited, patient, following = (
        bool(wanted_columns([column], record.schema.names))
        for column in (schema.prompt_hash, schema.max_tokens, schema.patience_s, schema.after)
    )
    return Batch(
        rows=rows,
        arrival=None if schema.arrival is None else cells.stamps(schema.arrival, clock),
        prompt=cells.numbers(schema.prompt),
        output=cells.numbers(schema.output),
        prompt_hash=cells.integers(schema.prompt_hash or "") if hashed else None,
        max_tokens=cells.numbers(schema.max_tokens or "") if limited else None,
        patience_s=cells.numbers(schema.patience_s or "") if patient else None,
        after=cells.numbers(schema.after or "") if following else None,
    )

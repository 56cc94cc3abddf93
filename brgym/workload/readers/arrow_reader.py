"""CSV and Parquet traces, streamed with pyarrow a few megabytes at a time."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from brgym.workload._validation import WorkloadError
from brgym.workload.readers.arrow_cells import Cells
from brgym.workload.readers.schema import Schema
from brgym.workload.readers.trace_file import Batch, decoded, open_bytes, row_error, wanted_columns

_BLOCK_BYTES = 4 << 20
_BATCH_ROWS = 1 << 16


def csv_columns(path: Path) -> list[str]:
    """The names in the header line."""
    with open_bytes(path) as stream:
        header = decoded(path, 1, stream.readline())
    return [name.strip() for name in next(csv.reader([header]))]


def parquet_columns(path: Path) -> list[str]:
    """The names in the file's schema."""
    with open_bytes(path) as stream:
        try:
            return list(pa_parquet.read_schema(stream).names)
        except (pa.ArrowInvalid, OSError) as error:
            raise WorkloadError(f"{path}: damaged Parquet file: {error}") from error


def csv_batches(path: Path, schema: Schema, columns: Sequence[str]) -> Iterator[Batch]:
    """The rows below the header. Cells are read as bytes and converted here, so that an error can name its row."""
    malformed: list[WorkloadError] = []

    def on_malformed_row(row: Any) -> str:
        message = f"{row.actual_columns} columns, the header has {row.expected_columns}"
        malformed.append(row_error(path, row.number + 1, message))
        return "error"

    used = _used_columns(schema, columns)
    first_row = 2
    with open_bytes(path) as stream:
        stream.readline()
        try:
            reader = pa_csv.open_csv(
                stream,
                pa_csv.ReadOptions(column_names=list(columns), block_size=_BLOCK_BYTES, use_threads=False),
                pa_csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=on_malformed_row),
                pa_csv.ConvertOptions(column_types=dict.fromkeys(used, pa.binary()), include_columns=used),
            )
            for record in reader:
                yield _batch(path, schema, record, first_row)
                first_row += len(record)
        except pa.ArrowInvalid as error:
            if str(error) != "Empty CSV file":
                raise (malformed[0] if malformed else WorkloadError(f"{path}: malformed CSV: {error}")) from error


def parquet_batches(path: Path, schema: Schema, columns: Sequence[str]) -> Iterator[Batch]:
    """The records, counted from 1."""
    first_row = 1
    with open_bytes(path) as stream, pa_parquet.ParquetFile(stream) as file:
        try:
            for record in file.iter_batches(batch_size=_BATCH_ROWS, columns=_used_columns(schema, columns)):
                yield _batch(path, schema, record, first_row)
                first_row += len(record)
        except (pa.ArrowException, OSError) as error:
            raise WorkloadError(f"{path}: damaged Parquet file: {error}") from error


def _used_columns(schema: Schema, columns: Sequence[str]) -> list[str]:
    return wanted_columns((schema.arrival, schema.prompt, schema.output, schema.prompt_hash), columns)


def _batch(path: Path, schema: Schema, record: pa.RecordBatch, first_row: int) -> Batch:
    cells = Cells(path, record, first_row)
    arrival: NDArray[Any] | None = None
    if schema.arrival is not None:
        arrival = cells.nanoseconds(schema.arrival) if schema.dated else cells.numbers(schema.arrival)
    hashed = wanted_columns([schema.prompt_hash], record.schema.names)
    return Batch(
        rows=np.arange(first_row, first_row + len(record), dtype=np.int64),
        arrival=arrival,
        prompt=cells.numbers(schema.prompt),
        output=cells.numbers(schema.output),
        prompt_hash=cells.integers(hashed[0]) if hashed else None,
    )

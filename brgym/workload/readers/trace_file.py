"""A trace file as a stream of bytes, unpacked where it is gzip, and the batches of rows that readers make of it."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from numpy.typing import NDArray

from brgym.workload._validation import FloatArray, IntArray, WorkloadError
from brgym.workload.readers.schema import Container

_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class Batch:
    """Consecutive requests of a file: numbers as they stand in it, not yet checked.

    Attributes:
        rows: Shape `(requests,)`, where each stands: the line, from 1, header counted; in Parquet the record.
        arrival: Shape `(requests,)`, stamps in the format's own unit (int64 if dated, else float64); None in a backlog.
        prompt: Shape `(requests,)`, tokens.
        output: Shape `(requests,)`, tokens.
        prompt_hash: Shape `(requests,)`, or None.
    """

    rows: IntArray
    arrival: NDArray[Any] | None
    prompt: FloatArray
    output: FloatArray
    prompt_hash: IntArray | None


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacking gzip whatever the file is called."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def detect_container(path: Path) -> Container:
    """Parquet by its magic bytes, JSONL by an opening brace, else CSV.

    Raises:
        WorkloadError: If the file is empty.
    """
    with open_bytes(path) as stream:
        head = stream.read(4096)
    if not head.strip():
        raise WorkloadError(f"{path}: the file is empty")
    if head.startswith(_PARQUET_MAGIC):
        return "parquet"
    return "jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else "csv"


def cell_error(path: Path, row: int, column: str, message: str) -> WorkloadError:
    """The error for one cell: file, row, column, and what is wrong."""
    return WorkloadError(f"{path}, row {row}, column {column!r}: {message}")


def row_error(path: Path, row: int, message: str) -> WorkloadError:
    """The error for one whole row."""
    return WorkloadError(f"{path}, row {row}: {message}")


def decoded(path: Path, row: int, line: bytes) -> str:
    """A line as text, without a byte order mark.

    Raises:
        WorkloadError: If it is not UTF-8.
    """
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise row_error(path, row, f"not UTF-8 text (byte {error.start} of the line)") from error


def wanted_columns(columns: Sequence[str | None], present: Sequence[str]) -> list[str]:
    """Those of `columns` that the file has, without repetition."""
    return [column for column in dict.fromkeys(columns) if column is not None and column in present]

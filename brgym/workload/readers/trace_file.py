"""A trace file as a stream of bytes, unpacked where it is gzip, and the batches of rows that readers make of it."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from numpy.typing import NDArray

from brgym._checks import shown
from brgym.workload._validation import FloatArray, IntArray, WorkloadError

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Consecutive requests of a file: numbers as they stand in it, not yet checked.

    Attributes:
        rows: Shape `(requests,)`, where each stands: the line, from 1, header counted; in Parquet and in a JSON array
            the record.
        arrival: Shape `(requests,)`, stamps in the file's own unit (int64 nanoseconds of dates); None in a backlog.
        prompt: Shape `(requests,)`, tokens.
        output: Shape `(requests,)`, tokens.
        prompt_hash: Shape `(requests,)`, or None.
        delay: Shape `(requests,)`, time after the request before, NaN where none is given; or None.
        names: What each request is called, or its conversation is; empty where nothing is.
        parents: What the request is called that each follows, None where it follows none; empty where nothing is.
        after: Shape `(requests,)`, number of the request in the file that each follows, from 0, or -1; or None.
        max_tokens: Shape `(requests,)`, or None.
        patience_s: Shape `(requests,)`, or None.
    """

    rows: IntArray
    arrival: NDArray[Any] | None
    prompt: FloatArray
    output: FloatArray
    prompt_hash: IntArray | None
    delay: FloatArray | None = None
    names: list[Any] = field(default_factory=list)
    parents: list[Any] = field(default_factory=list)
    after: FloatArray | None = None
    max_tokens: FloatArray | None = None
    patience_s: FloatArray | None = None


class Clock:
    """How the stamps of one file are written, as its first stamp tells.

    Attributes:
        dated: Whether stamps are dates with a time of day; None until it is known.
        zoned: Whether these have a zone; None until it is known.
    """

    def __init__(self, *, dated: bool | None) -> None:
        self.dated = dated
        self.zoned: bool | None = None

    def sees(self, first: object) -> bool:
        """Whether stamps are dates, given the first one."""
        if self.dated is None:
            text = first.decode("utf-8", "replace") if isinstance(first, bytes) else first
            self.dated = isinstance(text, str) and _like_a_date(text.strip())
        return self.dated


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacking gzip whatever the file is called."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def cell_error(path: Path, row: int, column: str, message: str) -> WorkloadError:
    """The error for one cell: file, row, column, and what is wrong."""
    return WorkloadError(f"{path}, row {row}, column {shown(column)}: {message}")


def row_error(path: Path, row: int, message: str) -> WorkloadError:
    """The error for one whole row."""
    return WorkloadError(f"{path}, row {row}: {message}")


def decoded(path: Path, row: int, line: bytes) -> str:
    """A line as text.

    Raises:
        WorkloadError: If it is not UTF-8.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise row_error(path, row, f"not UTF-8 text (byte {error.start} of the line)") from error


def wanted_columns(columns: Sequence[str | None], present: Sequence[str]) -> list[str]:
    """Those of `columns` that the file has, without repetition."""
    return [column for column in dict.fromkeys(columns) if column is not None and column in present]


def refuse_repeated(path: Path, columns: Sequence[str]) -> None:
    """Refuses a column that stands twice; columns without a name may.

    Raises:
        WorkloadError: If one does; the message names it.
    """
    if len(set(columns)) == len(columns):
        return
    seen: set[str] = set()
    for column in columns:
        if column and column in seen:
            raise WorkloadError(f"{path}: column {shown(column)} stands twice")
        seen.add(column)


def _like_a_date(text: str) -> bool:
    return len(text) >= 10 and text[:4].isdigit() and text[4] == text[7] == "-"

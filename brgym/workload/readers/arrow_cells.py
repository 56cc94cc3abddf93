"""The cells of one Arrow record batch as numbers; what cannot be one is reported with its row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from brgym.workload._validation import FloatArray, IntArray
from brgym.workload.readers.trace_file import cell_error

_UTC_SUFFIX = "+00:00"


class Cells:
    """The columns of a record batch, converted on request.

    Args:
        path: The file, for messages.
        record: Columns of text (as bytes) or of numbers.
        first_row: The row of the file where the batch begins.
    """

    def __init__(self, path: Path, record: pa.RecordBatch, first_row: int) -> None:
        self._path = path
        self._record = record
        self._first_row = first_row

    def numbers(self, column: str) -> FloatArray:
        """The column as float64, NaN and infinity included.

        Raises:
            WorkloadError: At the first cell that is no number.
        """
        return self._converted(column, lambda cells: cells.cast(pa.float64()), np.float64, "a number")

    def integers(self, column: str) -> IntArray:
        """The column as int64.

        Raises:
            WorkloadError: At the first cell that is no 64-bit integer.
        """
        return self._converted(column, lambda cells: cells.cast(pa.int64()), np.int64, "a 64-bit integer")

    def nanoseconds(self, column: str) -> IntArray:
        """Dates with time of day, without zone or in UTC, as int64 nanoseconds since 1970.

        Raises:
            WorkloadError: At the first cell that is no such date.
        """

        def parse(cells: pa.Array) -> pa.Array:
            zoneless = pc.replace_substring(cells, _UTC_SUFFIX, "")
            return zoneless.cast(pa.timestamp("ns")).cast(pa.int64())

        return self._converted(column, parse, np.int64, "a date and time like 2024-05-10 00:00:00.009930+00:00")

    def _converted(
        self, column: str, convert: Callable[[pa.Array], pa.Array], dtype: type[Any], expected: str
    ) -> NDArray[Any]:
        cells = self._record.column(column)
        if cells.null_count:
            raise self._error(column, int(np.argmax(cells.is_null().to_numpy(zero_copy_only=False))), "is empty")
        if pa.types.is_binary(cells.type):
            cells = self._attempt(column, cells, lambda c: c.cast(pa.string()), "UTF-8 text")
            cells = pc.utf8_trim_whitespace(cells)
        return np.asarray(self._attempt(column, cells, convert, expected).to_numpy(zero_copy_only=False), dtype=dtype)

    def _attempt(
        self, column: str, cells: pa.Array, convert: Callable[[pa.Array], pa.Array], expected: str
    ) -> pa.Array:
        try:
            return convert(cells)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            bad = _first_failure(cells, convert)
            raise self._error(column, bad, f"{cells[bad].as_py()!r} is not {expected}") from error

    def _error(self, column: str, index: int, message: str) -> Exception:
        return cell_error(self._path, self._first_row + index, column, message)


def _first_failure(cells: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> int:
    """The first cell that `convert` fails on, by bisection: it fails on a run of cells if it fails on one of them."""
    low, high = 0, len(cells)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(cells.slice(low, middle - low))
            low = middle
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            high = middle
    return low

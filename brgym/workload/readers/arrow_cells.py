"""The cells of one Arrow record batch as numbers; what cannot be one is reported with its row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from brgym._checks import shown
from brgym.workload._validation import FloatArray, IntArray
from brgym.workload.readers.trace_file import Clock, cell_error

_DATE = "a date and time like 2024-05-10T00:00:00.009930Z (numbers need unit='s', or 'ms', 'us', 'ns')"
_ZONED = r"[T ]\d.*(Z|[+-]\d\d(:?\d\d)?)$"
_EXACT = 2.0**53  # from here on a double skips whole numbers


class Cells:
    """The columns of a record batch, converted on request.

    Args:
        path: The file, for messages.
        record: Columns of text (as bytes) or of numbers.
        rows: Where each record stands in the file.
    """

    def __init__(self, path: Path, record: pa.RecordBatch, rows: IntArray) -> None:
        self._path = path
        self._record = record
        self._rows = rows

    def numbers(self, column: str) -> FloatArray:
        """The column as float64, NaN and infinity included.

        Raises:
            WorkloadError: At the first cell that is no number.
        """
        return self._converted(self._text(column), column, _as_floats, np.float64, "a number")

    def integers(self, column: str) -> IntArray:
        """The column as int64.

        Raises:
            WorkloadError: At the first cell that is no 64-bit integer.
        """
        return self._converted(self._text(column), column, _as_integers, np.int64, "a 64-bit integer")

    def stamps(self, column: str, clock: Clock) -> NDArray[Any]:
        """Stamps as numbers: float64, or int64 where they are whole and so large that a double would round them.

        Dates, as `clock` finds them, are int64 nanoseconds since 1970.

        Raises:
            WorkloadError: At the first cell that is no number, or no date.
        """
        cells = self._text(column)
        if pa.types.is_timestamp(cells.type) and clock.dated is not False:
            clock.dated = True
            return self._converted(cells, column, _as_nanoseconds, np.int64, _DATE)
        if len(cells) and clock.sees(_plain(cells[0])):
            return self._nanoseconds(cells, column, clock)
        numbers: NDArray[Any] = self._converted(cells, column, _as_floats, np.float64, "a number")
        if not (np.abs(numbers) >= _EXACT).any() or not np.isfinite(numbers).all():
            return numbers
        try:
            return np.asarray(cells.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
        except pa.ArrowException:  # a fraction, an exponent: then a double is what was meant
            return numbers

    def _nanoseconds(self, cells: pa.Array, column: str, clock: Clock) -> IntArray:
        if not pa.types.is_string(cells.type):
            raise cell_error(self._path, int(self._rows[0]), column, f"{shown(_plain(cells[0]))} is not {_DATE}")
        nanoseconds, zoned = dates(cells, lambda c, f: self._converted(c, column, f, np.int64, _DATE))
        clock.zoned = bool(zoned[0]) if clock.zoned is None else clock.zoned
        other = np.flatnonzero(zoned != clock.zoned)
        if len(other):
            bad = int(other[0])
            said = "has a zone, the rows above have none" if zoned[bad] else "has no zone, the rows above have one"
            raise cell_error(self._path, int(self._rows[bad]), column, f"{shown(_plain(cells[bad]))} {said}")
        return nanoseconds

    def _text(self, column: str) -> pa.Array:
        """The column's cells, text where they are bytes; none is empty."""
        cells = self._record.column(column)
        if cells.null_count:
            raise self._error(column, int(np.argmax(cells.is_null().to_numpy(zero_copy_only=False))), "is empty")
        if not pa.types.is_binary(cells.type):
            return cells
        return pc.utf8_trim_whitespace(self._attempt(column, cells, lambda c: c.cast(pa.string()), "UTF-8 text"))

    def _converted(
        self, cells: pa.Array, column: str, convert: Callable[[pa.Array], pa.Array], dtype: type[Any], expected: str
    ) -> NDArray[Any]:
        return np.asarray(self._attempt(column, cells, convert, expected).to_numpy(zero_copy_only=False), dtype=dtype)

    def _attempt(
        self, column: str, cells: pa.Array, convert: Callable[[pa.Array], pa.Array], expected: str
    ) -> pa.Array:
        try:
            return convert(cells)
        except pa.ArrowException as error:
            bad = _first_failure(cells, convert)
            raise self._error(column, bad, f"{shown(_plain(cells[bad]))} is not {expected}") from error

    def _error(self, column: str, index: int, message: str) -> Exception:
        return cell_error(self._path, int(self._rows[index]), column, message)


def dates(
    cells: pa.Array, convert: Callable[[pa.Array, Callable[[pa.Array], pa.Array]], IntArray]
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Dates with a time of day as nanoseconds since 1970, in UTC where they have no zone; and which have one.

    Args:
        cells: Text: a date, T or a blank, a time with up to nine digits of a second's fraction, and Z or an offset.
        convert: Applies a function to cells and reports the first one that it fails on.
    """
    zoned = pc.match_substring_regex(cells, _ZONED)

    def parse(texts: pa.Array) -> pa.Array:
        with_zone = pc.if_else(
            pc.match_substring_regex(texts, _ZONED), texts, pc.binary_join_element_wise(texts, "Z", "")
        )
        return with_zone.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())

    return convert(cells, parse), np.asarray(zoned.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _numbers_or_text(cells: pa.Array) -> pa.Array:
    if pa.types.is_boolean(cells.type) or pa.types.is_temporal(cells.type):
        raise pa.ArrowInvalid("truth values and times are no numbers, though Arrow would make some of them")
    return cells


def _as_integers(cells: pa.Array) -> pa.Array:
    return _numbers_or_text(cells).cast(pa.int64())


def _as_floats(cells: pa.Array) -> pa.Array:
    cells = _numbers_or_text(cells)
    return cells.cast(pa.float64(), safe=False)  # whole numbers beyond 2**53 are rounded, not refused


def _as_nanoseconds(cells: pa.Array) -> pa.Array:
    return cells.cast(pa.timestamp("ns", cells.type.tz)).cast(pa.int64())


def _plain(cell: pa.Scalar) -> Any:
    """A cell as Python has it; its type where Python may have nothing for it, as for nanoseconds."""
    plain = (pa.types.is_string, pa.types.is_binary, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return cell.as_py() if any(is_plain(cell.type) for is_plain in plain) else cell.type


def _first_failure(cells: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> int:
    """The first cell that `convert` fails on, by bisection: it fails on a run of cells if it fails on one of them."""
    low, high = 0, len(cells)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(cells.slice(low, middle - low))
            low = middle
        except pa.ArrowException:
            high = middle
    return low

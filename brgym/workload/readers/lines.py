"""Text as lines, whatever ends them, and CSV files as blocks of whole records; blank lines and comments left out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from brgym.workload._validation import IntArray, WorkloadError
from brgym.workload.readers.schema import Container
from brgym.workload.readers.trace_file import open_bytes, row_error

_PARQUET_MAGIC = b"PAR1"
_BLOCK_BYTES = 4 << 20
_RECORD_BYTES = 64 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_QUOTED_CELL = re.compile(rb'(?:^|(?<=[,\n]))"[^"]*(?:""[^"]*)*("|\Z)')
_NEWLINE, _HASH, _BLANKS = 10, 35, (9, 10, 32)


class Records(NamedTuple):
    """Some whole records of a CSV file.

    Attributes:
        text: They, each ended by a newline.
        rows: Shape `(records,)`, the line where each begins, from 1.
    """

    text: bytes
    rows: IntArray


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that say something, numbered from 1; not those that are blank or begin with "#"."""
    row, begun = 0, list[bytes]()
    with open_bytes(path) as stream:
        for block in _normalised(stream):
            first, *others = block.split(b"\n")
            begun.append(first)
            if not others:
                continue
            *whole, rest = b"".join(begun), *others
            begun = [rest]
            for line in whole:
                row += 1
                if _says_something(line):
                    yield row, line
    last = b"".join(begun)
    if _says_something(last):
        yield row + 1, last


def csv_records(path: Path) -> Iterator[Records]:
    """The records of a CSV file, a few megabytes at a time.

    Raises:
        WorkloadError: If a record does not end within 64 MiB, as behind a quotation mark that is never closed.
    """
    row, rest = 1, b""
    with open_bytes(path) as stream:
        for block in _normalised(stream):
            rest += block
            end = _last_end(rest)
            if end:
                yield _records(rest[:end], row)
                row += rest.count(b"\n", 0, end)
                rest = rest[end:]
            elif len(rest) > _RECORD_BYTES:
                raise row_error(path, row, f"the record that begins here has no end within {_RECORD_BYTES >> 20} MiB")
    if rest:
        yield _records(rest if rest.endswith(b"\n") else rest + b"\n", row)


def first_line(path: Path) -> bytes:
    """The first line that says something, without the blanks before it.

    Raises:
        WorkloadError: If there is none.
    """
    for _, line in lines(path):
        return line.lstrip()
    raise WorkloadError(f"{path}: the file is empty, or has only blank lines and comments")


def detect_container(path: Path) -> Container:
    """Parquet by its magic bytes, JSON by an opening brace or bracket, else CSV.

    Raises:
        WorkloadError: If the file is empty.
    """
    with open_bytes(path) as stream:
        if stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC:
            return "parquet"
    return "jsonl" if first_line(path).startswith((b"{", b"[")) else "csv"


def _normalised(stream: BinaryIO) -> Iterator[bytes]:
    """The stream without a byte order mark, with newlines where it has CR, LF or CRLF."""
    block = stream.read(_BLOCK_BYTES).removeprefix(_BYTE_ORDER_MARK)
    while block:
        if block.endswith(b"\r"):  # the LF of a CRLF may come with the next block
            block += stream.read(1)
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
        block = stream.read(_BLOCK_BYTES)


def _says_something(line: bytes) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith(b"#")


def _newlines(text: bytes) -> IntArray:
    """Where records end: the newlines outside quoted cells."""
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == _NEWLINE)
    if b'"' not in text:
        return ends
    spans = [found.span() for found in _QUOTED_CELL.finditer(text)]
    starts, stops = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    cell = np.searchsorted(starts, ends, side="right") - 1
    inside: IntArray = ends[(cell < 0) | (ends >= stops[cell])] if len(starts) else ends
    return inside


def _last_end(text: bytes) -> int:
    """Where the last whole record ends; 0 where none does."""
    if b'"' not in text:
        return text.rfind(b"\n") + 1
    ends = _newlines(text)
    return int(ends[-1]) + 1 if len(ends) else 0


def _records(text: bytes, first_row: int) -> Records:
    """Whole records, those left out that are blank or comments."""
    data = np.frombuffer(text, dtype=np.uint8)
    ends = _newlines(text)
    if not len(ends) or ends[-1] != len(text) - 1:  # a quoted cell that the end of the file closes
        ends = np.append(ends, len(text) - 1)
    starts = np.concatenate(([0], ends[:-1] + 1))
    rows = first_row + np.searchsorted(np.flatnonzero(data == _NEWLINE), starts)
    suspects = np.flatnonzero(np.isin(data[starts], (*_BLANKS, _HASH)))
    mute = [i for i in suspects.tolist() if not _says_something(text[starts[i] : ends[i]])]
    if not mute:
        return Records(text, rows)
    kept = np.ones(len(rows), dtype=np.bool_)
    kept[mute] = False
    pieces, begin = [], 0
    for i in mute:
        pieces.append(text[begin : starts[i]])
        begin = int(ends[i]) + 1
    return Records(b"".join([*pieces, text[begin:]]), rows[kept])


def split_first(records: Records) -> tuple[bytes, Records]:
    """The first record, as the header, and the others."""
    end = int(_newlines(records.text)[0]) + 1 if len(records.rows) > 1 else len(records.text)
    return records.text[:end], Records(records.text[end:], records.rows[1:])

"""The records of a JSON file: one a line, or the entries of one array, or of a document's list of requests."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brgym._checks import shown
from brgym.workload._validation import WorkloadError, shown_reason
from brgym.workload.readers.lines import first_line, lines
from brgym.workload.readers.trace_file import decoded, row_error

REQUESTS = "requests"
"""The list of a document that holds its requests."""

Record = dict[str, Any]


def json_records(path: Path) -> Iterator[tuple[int, Record]]:
    """The records with their rows, from 1: the line where each stands alone on one, else its number in the list."""
    first = first_line(path).rstrip()
    if first.startswith(b"[") or not first.endswith(b"}"):  # no record in itself: what follows belongs to it
        return _entries(path, _document(path))
    row, line = next(lines(path))
    record = _parsed(path, row, line)
    if isinstance(record, dict) and isinstance(record.get(REQUESTS), list):
        return _entries(path, _only(path, record))
    return _line_records(path)


def _line_records(path: Path) -> Iterator[tuple[int, Record]]:
    for row, line in lines(path):
        yield row, _record(path, row, _parsed(path, row, line))


def _entries(path: Path, document: Any) -> Iterator[tuple[int, Record]]:
    entries = document.get(REQUESTS) if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise WorkloadError(f"{path}: the JSON document has no list {REQUESTS!r}")
    for row, entry in enumerate(entries, start=1):
        yield row, _record(path, row, entry)


def _only(path: Path, document: Record) -> Record:
    """The document, if no line follows it: names and stamps of two documents have nothing to do with each other."""
    rest = lines(path)
    next(rest)
    for row, _ in rest:
        raise row_error(path, row, f"a second line behind a document with a list {REQUESTS!r}; one document a file")
    return document


def _document(path: Path) -> Any:
    return _parsed(path, 1, b"\n".join(line for _, line in lines(path)))


def _record(path: Path, row: int, value: Any) -> Record:
    if not isinstance(value, dict):
        raise row_error(path, row, f"not a JSON object but {type(value).__name__}")
    return value


def _parsed(path: Path, row: int, text: bytes) -> Any:
    decoded_text = decoded(path, row, text)
    try:
        return json.loads(decoded_text, object_pairs_hook=_distinct)
    except _RepeatedError as error:
        raise row_error(path, row, f"column {error} stands twice") from error
    except RecursionError as error:
        raise row_error(path, row, "JSON nested too deeply") from error
    except ValueError as error:
        raise row_error(path, row, f"not a JSON object: {shown_reason(error)}") from error


class _RepeatedError(Exception):
    """A key that an object has twice."""


def _distinct(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedError(shown(key))
            seen.add(key)
    return record

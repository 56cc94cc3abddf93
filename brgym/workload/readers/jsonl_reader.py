"""Traces of one JSON object a line."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from brgym.workload._validation import FloatArray, IntArray
from brgym.workload.readers.schema import Schema
from brgym.workload.readers.trace_file import Batch, cell_error, decoded, open_bytes, row_error, wanted_columns

_BATCH_ROWS = 1 << 16

Record = dict[str, Any]


def jsonl_columns(path: Path) -> list[str]:
    """The names in the first line's object."""
    with open_bytes(path) as stream:
        return list(_record(path, 1, stream.readline()))


def jsonl_batches(path: Path, schema: Schema, columns: Sequence[str]) -> Iterator[Batch]:
    """The lines, counted from 1. Every line must have the columns that the first one told."""
    hashed = wanted_columns([schema.prompt_hash], columns)
    with open_bytes(path) as stream:
        lines = enumerate(stream, start=1)
        while chunk := list(islice(lines, _BATCH_ROWS)):
            cells = _Cells(path, [(row, _record(path, row, line)) for row, line in chunk])
            prompt_hash: IntArray | None = None
            if schema.hash_ids is not None:
                prompt_hash = cells.block_hashes(schema.hash_ids)
            elif hashed:
                prompt_hash = cells.integers(hashed[0])
            yield Batch(
                rows=np.array([row for row, _ in chunk], dtype=np.int64),
                arrival=None if schema.arrival is None else cells.numbers(schema.arrival),
                prompt=cells.numbers(schema.prompt),
                output=cells.numbers(schema.output),
                prompt_hash=prompt_hash,
            )


def hash_of_blocks(hash_ids: Sequence[int]) -> int:
    """One hash for a prompt given as a list of block hashes: 63 bits of BLAKE2b, the same in every process."""
    digest = hashlib.blake2b(",".join(map(str, hash_ids)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _record(path: Path, row: int, line: bytes) -> Record:
    text = decoded(path, row, line)
    try:
        record = json.loads(text)
    except ValueError as error:
        raise row_error(path, row, f"not a JSON object: {error}") from error
    if not isinstance(record, dict):
        raise row_error(path, row, f"not a JSON object but {type(record).__name__}")
    return record


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

    def _column(
        self, column: str, accept: Callable[[Any], bool], convert: Callable[[Any], Any], expected: str
    ) -> list[Any]:
        values = []
        for row, record in self._records:
            if column not in record:
                raise cell_error(self._path, row, column, "is missing")
            value = record[column]
            if not accept(value):
                raise cell_error(self._path, row, column, f"{value!r} is not {expected}")
            values.append(convert(value))
        return values


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)  # not isinstance: a bool is an int


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_integer_list(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits; the check for finite numbers reports it
        return math.inf

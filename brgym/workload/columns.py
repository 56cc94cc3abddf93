"""The columns of a `Workload`: each made a read-only array of its type, or refused by name, row and allowed range."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brgym._checks import shown
from brgym.workload._validation import (
    ARRIVAL_RANGE,
    MAX_TOKENS,
    TOKENS_RANGE,
    FloatArray,
    IntArray,
    WorkloadError,
    decreases,
    first_true,
    malformed_arrivals,
    malformed_tokens,
)

T = TypeVar("T", bound=np.generic)

_INT64 = np.iinfo(np.int64)
_INT64_RANGE = "must fit a signed 64-bit integer"


def arrivals(values: ArrayLike, after: IntArray | None) -> FloatArray:
    """Seconds, `arrival_s`: in order where requests come by themselves, any delay where they follow another."""
    with np.errstate(over="ignore"):  # from wider floats; infinity is refused
        array = _numbers("arrival_s", values).astype(np.float64, copy=False)
    if after is not None:
        same_length("after", after, array)
    bad = first_true(malformed_arrivals(array))
    if bad is not None:
        raise WorkloadError(f"arrival_s[{bad}] = {array[bad]}: must be finite and at least 0, {ARRIVAL_RANGE}")
    by_themselves = np.arange(len(array)) if after is None else np.flatnonzero(after < 0)
    bad = first_true(decreases(array[by_themselves]))
    if bad is not None:
        row, before = by_themselves[bad], by_themselves[bad - 1]
        raise WorkloadError(f"arrival_s[{row}] = {array[row]} lies before arrival_s[{before}] = {array[before]}")
    # -0.0 + 0.0 is 0.0: one zero only
    return frozen(array + 0.0 if np.signbit(array).any() else array, np.float64)


def tokens(name: str, values: ArrayLike) -> IntArray:
    """Token counts."""
    array = _numbers(name, values)
    bad = first_true(malformed_tokens(array) | (array < 1))
    if bad is not None:
        raise WorkloadError(f"{name}[{bad}] = {array[bad]}: must be {TOKENS_RANGE}")
    return frozen(array, np.int64)


def limits(values: ArrayLike, output_tokens: IntArray) -> IntArray:
    """`max_tokens`: at least the output."""
    array = tokens("max_tokens", values)
    same_length("max_tokens", array, output_tokens)
    bad = first_true(array < output_tokens)
    if bad is not None:
        allowed = f"must be at least output_tokens[{bad}] = {output_tokens[bad]} and at most {MAX_TOKENS}"
        raise WorkloadError(f"max_tokens[{bad}] = {array[bad]}: {allowed}")
    return array


def hashes(values: ArrayLike) -> IntArray:
    """`prompt_hash`: any 64-bit integers."""
    return _integers("prompt_hash", values)


def predecessors(values: ArrayLike) -> IntArray:
    """`after`: the row of an earlier request, or -1."""
    array = _integers("after", values)
    bad = first_true((array < -1) | (array >= np.arange(len(array))))
    if bad is not None:
        raise WorkloadError(
            f"after[{bad}] = {array[bad]}: must be an earlier row, in 0..{bad - 1}, or -1"
            if bad
            else f"after[0] = {array[0]}: must be -1, no request stands before the first"
        )
    return array


def patiences(values: ArrayLike) -> FloatArray:
    """`patience_s`: above 0, infinity allowed."""
    array = _numbers("patience_s", values)
    bad = first_true(~(array > 0))
    if bad is not None:
        raise WorkloadError(f"patience_s[{bad}] = {array[bad]}: must be above 0 (infinity: for ever)")
    return frozen(array, np.float64)


def same_length(name: str, column: NDArray[Any], first: NDArray[Any]) -> None:
    """Refuses columns of different lengths."""
    if len(column) != len(first):
        raise WorkloadError(f"{name} has {len(column)} entries, arrival_s has {len(first)}")


def frozen(array: NDArray[Any], dtype: type[T]) -> NDArray[T]:
    """A read-only copy; an array that is read-only and owns its data already is shared."""
    if array.dtype == dtype and array.base is None and not array.flags.writeable:
        return array
    copy = np.array(array, dtype=dtype)
    copy.flags.writeable = False
    return copy


def _numbers(name: str, values: ArrayLike) -> NDArray[Any]:
    """Integers, or floats of 64 bits or more."""
    array = _one_dimensional(name, values)
    if array.dtype.kind == "O":
        # Integers beyond 64 bits: their magnitude is what matters, and none is in any column's range.
        array = np.array([_as_float(name, row, value) for row, value in enumerate(array)])
    if array.dtype.kind == "f":
        return array.astype(np.promote_types(array.dtype, np.float64), copy=False)
    if array.dtype.kind not in "iu":
        raise WorkloadError(f"{name} must hold numbers, got {array.dtype}")
    return array


def _integers(name: str, values: ArrayLike) -> IntArray:
    array = _one_dimensional(name, values)
    if array.dtype.kind == "O" or (array.dtype.kind == "f" and not isinstance(values, np.ndarray)):
        # A list with integers beyond 64 bits comes as objects, or as floats where another entry is negative.
        array = np.array([_as_int64(name, row, value) for row, value in enumerate(np.asarray(values, dtype=object))])
    if array.dtype.kind not in "iu":
        raise WorkloadError(f"{name} must hold integers, got {array.dtype}")
    bad = first_true(array > _INT64.max)
    if bad is not None:
        raise WorkloadError(f"{name}[{bad}] = {array[bad]}: {_INT64_RANGE}")
    return frozen(array, np.int64)


def _one_dimensional(name: str, values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise WorkloadError(f"{name} must be a one-dimensional array of at least one entry") from error
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):  # asarray would take what lies under the mask
        masked = first_true(np.ma.getmaskarray(values).ravel())
        raise WorkloadError(f"{name}[{masked}] is masked: every entry needs a value")
    if array.ndim != 1 or len(array) == 0:
        raise WorkloadError(f"{name} must be a one-dimensional array of at least one entry, got shape {array.shape}")
    return array


def _as_float(name: str, row: int, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise WorkloadError(f"{name} must hold numbers, got {name}[{row}] = {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _as_int64(name: str, row: int, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise WorkloadError(f"{name} must hold integers, got {name}[{row}] = {shown(value)}")
    if not _INT64.min <= value <= _INT64.max:
        raise WorkloadError(f"{name}[{row}] = {shown(int(value))}: {_INT64_RANGE}")
    return int(value)

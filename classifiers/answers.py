"""What a predictor may answer: one definition, for who uses the answers and for `brgym.testing.check_predictor`."""

from typing import Any

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster import Reals

TOLERANCE = 1e-6
"""How far rounding may take an answer out of its range, or a survival curve upwards (our choice)."""


def checked_remaining(predictor: object, answer: npt.ArrayLike, *, active: int, horizon: int) -> Reals:
    """The answer of `expected_remaining` as contiguous float64, shape (active,).

    Raises:
        TypeError: If it does not hold floats.
        ValueError: If its shape is another, or a value is not finite or outside 1..horizon + 1.
    """
    values = _floats(predictor, "expected_remaining", horizon, answer, (active,))
    bad = _first_outside(values, 1.0 - TOLERANCE, horizon + 1.0 + TOLERANCE)
    if bad >= 0:
        where = _where(predictor, "expected_remaining", horizon)
        raise ValueError(f"{where}: expected_remaining[{bad}] is {float(values[bad])!r}: must be in 1..{horizon + 1}")
    return values


def checked_survival(predictor: object, answer: npt.ArrayLike, *, active: int, horizon: int) -> Reals:
    """The answer of `survival` as contiguous float64, shape (active, horizon + 1).

    Raises:
        TypeError: If it does not hold floats.
        ValueError: If its shape is another, a value is not finite or outside 0..1, or a curve does not start at 1 or
            rises.
    """
    values = _floats(predictor, "survival", horizon, answer, (active, horizon + 1))
    row, ahead = _first_broken(values, TOLERANCE)
    if row >= 0:
        where = _where(predictor, "survival", horizon)
        allowed = "must be 1" if ahead == 0 else "must be in 0..1 and not above the value before it"
        before = "" if ahead == 0 else f" after {float(values[row, ahead - 1])!r}"
        raise ValueError(f"{where}: survival[{row}, {ahead}] is {float(values[row, ahead])!r}{before}: {allowed}")
    return values


def _where(predictor: object, method: str, horizon: int) -> str:
    return f"{type(predictor).__name__}.{method}(view, {horizon})"


def _floats(predictor: object, method: str, horizon: int, answer: npt.ArrayLike, shape: tuple[int, ...]) -> Reals:
    if type(answer) is np.ndarray and answer.dtype is _FLOAT64 and answer.shape == shape and answer.flags.c_contiguous:
        return answer  # as it nearly always is, without another word
    where = _where(predictor, method, horizon)
    try:
        array: npt.NDArray[Any] = np.asarray(answer)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{where}: the shape is none, rows differ in length, and not {shape}") from error
    if array.shape != shape:
        raise ValueError(f"{where}: the shape is {array.shape}, and not {shape}")
    if array.dtype.kind != "f":
        raise TypeError(f"{where}: the type is {array.dtype}, and not float")
    return np.ascontiguousarray(array, dtype=np.float64)


_FLOAT64 = np.dtype(np.float64)


@compiled
def _first_outside(values: Reals, low: float, high: float) -> int:
    for place in range(len(values)):
        if not (low <= values[place] <= high):  # NaN is neither
            return place
    return -1


@compiled
def _first_broken(curves: Reals, tolerance: float) -> tuple[int, int]:
    """Row and step of the first value that is no survival probability, or (-1, -1)."""
    for row in range(curves.shape[0]):
        if not (1.0 - tolerance <= curves[row, 0] <= 1.0 + tolerance):
            return row, 0
        for ahead in range(1, curves.shape[1]):
            if not (-tolerance <= curves[row, ahead] <= curves[row, ahead - 1] + tolerance):
                return row, ahead
    return -1, -1

"""Checks of parameters: one clear error that names the parameter, its value and the allowed range."""

import difflib
import math
from collections.abc import Iterable
from typing import Any

_FAR = 1e6


def check_integer(name: str, value: object, *, minimum: int, maximum: int | None = None) -> int:
    """Returns `value` as an int, or says what it should have been.

    Raises:
        TypeError: If `value` is not a whole number.
        ValueError: If it lies outside `minimum..maximum`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number {_range(minimum, maximum)}, got {value!r}")
    number = value.__index__()
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} must be {_range(minimum, maximum, number)}, got {number}")
    return int(number)


def check_real(
    name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf, exclusive: bool = False
) -> float:
    """Returns `value` as a finite float, or says what it should have been.

    Args:
        name: The parameter's name, as the caller knows it.
        value: The value to check.
        minimum: The smallest allowed value.
        maximum: The largest allowed value.
        exclusive: Whether `minimum` itself is forbidden.

    Raises:
        TypeError: If `value` is not a real number.
        ValueError: If it is NaN, infinite or outside the range.
    """
    if isinstance(value, bool) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer that no double holds
        number = math.inf
    low = number > minimum if exclusive else number >= minimum
    if not (math.isfinite(number) and low and number <= maximum):
        bound = f"above {minimum:g}" if exclusive else _range(minimum, maximum, number)
        raise ValueError(f"{name} must be finite and {bound}, got {number}")
    return number


def check_flag(name: str, value: object) -> bool:
    """Returns `value` if it is True or False.

    Raises:
        TypeError: If it is neither.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def check_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Returns `value` if it is one of `choices`; the error names the nearest of them.

    Raises:
        ValueError: If it is not.
    """
    known = list(choices)
    if value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {name} {value!r}{hint} Known: {', '.join(known)}")


def check_option(name: str, known: Iterable[str]) -> None:
    """Refuses an argument that nobody takes, as Python does; the error names the nearest.

    Raises:
        TypeError: If `name` is not among `known`.
    """
    names = sorted(known)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise TypeError(f"unexpected keyword argument {name!r}{hint} Known: {', '.join(names)}")


def _range(minimum: float, maximum: float | None, value: float = math.inf) -> str:
    """The range in words; what is too small is not told of a maximum that hardly anybody meets."""
    if maximum is not None and value < minimum and maximum >= _FAR:
        maximum = None
    if maximum is None or math.isinf(maximum):
        return "any number" if math.isinf(minimum) else f"at least {minimum:g}"
    return (
        f"at most {maximum:g}"
        if math.isinf(minimum)
        else f"in {minimum:g}..{maximum if isinstance(maximum, int) else f'{maximum:g}'}"
    )

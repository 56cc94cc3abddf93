"""Checks of parameters: one clear error that names the parameter, its value and the allowed range."""

import difflib
import math
import reprlib
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

MAX_INTEGER = 2**63 - 1
"""The largest whole number that arrays hold; only a seed may be larger."""

_FAR = 1e6
_SHOWN_CHARACTERS = 60

_Kind = TypeVar("_Kind")

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = _shortened.maxlong = _SHOWN_CHARACTERS
_shortened.maxlevel = 2


def shown(value: object) -> str:
    """A value as Python writes it, on one line and cut to some 60 characters, so that no message grows with it."""
    try:
        text = " ".join(_shortened.repr(value).split())
    except ValueError:  # an integer of so many digits that Python refuses to write it
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 2 * _SHOWN_CHARACTERS else f"{text[: 2 * _SHOWN_CHARACTERS]}..."


def check_integer(name: str, value: Any, *, minimum: int, maximum: int | None = MAX_INTEGER) -> int:
    """Returns `value` as an int, or says what it should have been.

    Raises:
        TypeError: If `value` is not a whole number.
        ValueError: If it lies outside `minimum..maximum`; without a maximum, below `minimum`.
    """
    try:
        if isinstance(value, bool | np.bool | np.ndarray):
            raise TypeError
        number = int(value.__index__())
    except (AttributeError, TypeError):
        allowed = _range(minimum, maximum, -math.inf)
        raise TypeError(f"{name} must be a whole number {allowed}, got {shown(value)}") from None
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} must be {_range(minimum, maximum, number)}, got {shown(number)}")
    return number


def check_seed(name: str, value: Any) -> int:
    """Returns a seed as an int: a whole number of at least 0, as large as it likes.

    Raises:
        TypeError: If `value` is not a whole number.
        ValueError: If it is negative.
    """
    return check_integer(name, value, minimum=0, maximum=None)


def check_real(
    name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf, exclusive: bool = False
) -> float:
    """Returns `value` as a finite float of 64 bits, or says what it should have been.

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
    try:
        if isinstance(value, str | bytes | bytearray | bool | np.bool | np.ndarray):
            raise TypeError
        number = float(value)
    except OverflowError:  # an integer that no double holds
        number = math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a real number, got {shown(value)}") from None
    low = number > minimum if exclusive else number >= minimum
    if not (math.isfinite(number) and low and number <= maximum):
        bound = _range(minimum, maximum, number)
        if exclusive:
            bound = f"above {minimum:g}" + (f" and {_range(-math.inf, maximum)}" if number > maximum else "")
        raise ValueError(f"{name} must be finite and {bound}, got {number}")
    return number


def keep_integers(
    owner: object, *names: str, minimum: int, maximum: int | None = MAX_INTEGER, optional: bool = False
) -> None:
    """Checks attributes of a frozen dataclass with `check_integer` and keeps what it returns.

    What is kept is an int: narrower ones, as of `np.int8`, would wrap around in the first product.

    Args:
        owner: The dataclass.
        names: The attributes.
        minimum: The smallest allowed value.
        maximum: The largest allowed value.
        optional: Whether None is allowed, and stays.

    Raises:
        TypeError: If a value is not a whole number.
        ValueError: If it is outside the range.
    """
    for name in names:
        value = getattr(owner, name)
        if not (optional and value is None):
            object.__setattr__(owner, name, check_integer(name, value, minimum=minimum, maximum=maximum))


def keep_reals(
    owner: object,
    *names: str,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    exclusive: bool = False,
    optional: bool = False,
) -> None:
    """Checks attributes of a frozen dataclass with `check_real` and keeps what it returns.

    What is kept has 64 bits: narrower ones, as of `np.float16`, would overflow in the first product.

    Args:
        owner: The dataclass.
        names: The attributes.
        minimum: The smallest allowed value.
        maximum: The largest allowed value.
        exclusive: Whether `minimum` itself is forbidden.
        optional: Whether None is allowed, and stays.

    Raises:
        TypeError: If a value is not a real number.
        ValueError: If it is NaN, infinite or outside the range.
    """
    for name in names:
        value = getattr(owner, name)
        if not (optional and value is None):
            checked = check_real(name, value, minimum=minimum, maximum=maximum, exclusive=exclusive)
            object.__setattr__(owner, name, checked)


def check_type(name: str, value: Any, kind: type[_Kind]) -> _Kind:
    """Returns `value` if it is a `kind`.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {shown(value)}")
    return value


def check_flag(name: str, value: object) -> bool:
    """Returns `value` if it is True or False.

    Raises:
        TypeError: If it is neither.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return value


def check_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Returns `value` if it is one of `choices`; the error names the nearest of them.

    Raises:
        ValueError: If it is not.
    """
    known = list(choices)
    if isinstance(value, str) and value in known:
        return value
    text = shown(value)
    near = difflib.get_close_matches(text.strip("'\""), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {name} {text}{hint} Known: {', '.join(known)}")


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

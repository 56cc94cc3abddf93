"""Whole numbers of the command line: none that the machine's 64 bits do not hold."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

_LIMIT = 2**63


def with_checked_numbers(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which refuses larger whole numbers before it does anything.

    Raises:
        ValueError: When called with such a number; the message names the option.
    """

    @functools.wraps(command)
    def checked(**given: Any) -> None:
        groups = [vars(value) for value in given.values() if dataclasses.is_dataclass(value)]
        for name, value in (pair for options in (given, *groups) for pair in options.items()):
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, int) and not -_LIMIT <= number < _LIMIT:
                    raise ValueError(f"{name} must be a whole number of 64 bits, got {number}")
        command(**given)

    return checked

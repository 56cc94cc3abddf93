"""Things and their parameters written as text: `br-0:subset_window=4,order=arrival`, read by the types they declare."""

import dataclasses
import inspect
import os
import re
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from brgym._checks import check_choice

NONE = "none"
"""How None is written; a file of that name is `./none`."""

_FLAGS = {"true": True, "false": False}
_TEXTS = (str, os.PathLike, Path)
_INT64 = 2**63


def split_specifications(listed: str) -> list[str]:
    """Splits a list at its commas; a comma before a word with "=" goes on with what stands before it.

    `"jsq,br-0:order=arrival,subset_window=4"` are two.
    """
    return [part.strip() for part in re.split(r",(?!\s*\w+\s*=)", listed)]


def split_parameters(text: str) -> dict[str, str]:
    """The parameters of one specification, `name=value` by commas, as text.

    Raises:
        ValueError: If a part is no `name=value`, or a name comes twice.
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not (name and equals and value):
            raise ValueError(f"{part.strip()!r} is no parameter: write name=value, separated by commas")
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = value
    return found


def read_parameters(texts: Mapping[str, str], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Reads parameters, in the order in which they are declared.

    Args:
        texts: The parameters as text.
        declared: Their types.

    Raises:
        ValueError: If a parameter is unknown (the message holds the nearest one and those that can be written), cannot
            be written as text, or is not of its type.
    """
    writable = [name for name, annotation in declared.items() if is_writable(annotation)]
    for name in texts:
        if name not in declared:
            if not writable:
                raise ValueError(f"there is no parameter {name!r}, nor any other")
            check_choice("parameter", name, writable)
        elif name not in writable:
            raise ValueError(f"{name} cannot be written as text: it is an object, given apart")
    return {name: read_value(name, texts[name], declared[name]) for name in declared if name in texts}


def read_value(name: str, text: str, annotation: Any) -> Any:
    """Reads a value of a declared type: bool, int, float, str or a path, None, a `Literal`, or a union of these.

    Raises:
        ValueError: If it is none of these; the message says what it should have been.
    """
    members = members_of(annotation)
    if type(None) in members and text.lower() == NONE:
        return None
    if bool in members and text.lower() in _FLAGS:
        return _FLAGS[text.lower()]
    choices = {str(choice): choice for choice in _choices(members)}
    if text in choices:
        return choices[text]
    for kind in (int, float):
        if kind in members:
            try:
                number = kind(text)
            except ValueError:
                continue
            if kind is int and not -_INT64 <= number < _INT64:
                raise ValueError(f"{name} must be a whole number of 64 bits, got {text}")
            return number
    if any(_is_text(member) for member in members):
        return text
    if choices and not {bool, int, float} & set(members):
        check_choice(name, text, [*choices, *([NONE] if type(None) in members else [])])
    raise ValueError(f"{name} must be {' or '.join(_kinds(members))}, got {text!r}")


def write_value(value: Any) -> str:
    """The text that `read_value` reads as this value."""
    if value is None:
        return NONE
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_writable(annotation: Any) -> bool:
    """Whether every value of a type can be written as text."""
    plain = (type(None), bool, int, float)
    return all(
        member in plain or _is_text(member) or typing.get_origin(member) is Literal for member in members_of(annotation)
    )


def form_of(annotation: Any) -> str:
    """How a value of a type is written, for help: `INT|none`."""
    return "|".join(_kinds(members_of(annotation), short=True))


def members_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; a type that is none is its own only member."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(annotation) for member in members_of(part))
    return (annotation,)


def described(documented: type) -> dict[str, str]:
    """What a class says of each of its attributes in its docstring."""
    section = re.search(r"^Attributes:\n((?:    .*\n?|\n)+)", f"{inspect.getdoc(documented)}\n", re.MULTILINE)
    entries = re.findall(r"^    (\w+): ((?:.*\n?)(?:     .*\n?)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def hints_of(dataclass: type) -> dict[str, Any]:
    """The types of a dataclass's parameters."""
    hints = typing.get_type_hints(dataclass)
    return {field.name: hints[field.name] for field in dataclasses.fields(dataclass) if field.init}


def _choices(members: Iterable[Any]) -> list[Any]:
    return [value for member in members if typing.get_origin(member) is Literal for value in typing.get_args(member)]


def _is_text(member: Any) -> bool:
    return member in _TEXTS or typing.get_origin(member) in _TEXTS


def _kinds(members: Iterable[Any], *, short: bool = False) -> list[str]:
    names = {bool: ("true or false", "true|false"), int: ("a whole number", "INT"), float: ("a number", "NUMBER")}
    found = []
    for member in members:
        if typing.get_origin(member) is Literal:
            found += [str(choice) for choice in typing.get_args(member)]
        elif member is type(None):
            found.append(NONE)
        else:
            found.append(names.get(member, ("a text", "TEXT"))[short])
    return list(dict.fromkeys(found))

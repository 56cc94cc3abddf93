"""Study files: TOML in which a list or a range sweeps what it stands for, and lists multiply (DESIGN 2.19)."""

import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brgym._checks import check_choice

RANGE = ("from", "to", "step", "count", "scale")
"""Keys of a range: from and to, both included, and either a step or a count; `scale = "log"` goes with a count."""

_MOST_VALUES = 100_000


class StudyError(ValueError):
    """A study that cannot be run; the message names the file and the key."""


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file.

    Raises:
        StudyError: If it is no TOML.
        OSError: If it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StudyError(f"{path}: no TOML: {error or type(error).__name__}") from None


def check_keys(section: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuses keys that mean nothing.

    Raises:
        StudyError: Naming the first, and the nearest that means something.
    """
    for key in table:
        try:
            check_choice("key", key, known)
        except ValueError as error:
            raise StudyError(f"{section}{key}: {error}") from None


def tables_of(section: str, found: Any) -> list[dict[str, Any]]:
    """The tables of a section: none, one, or an array of them, each of which is swept for itself.

    Raises:
        StudyError: If it is something else.
    """
    tables = found if isinstance(found, list) else [found]
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise StudyError(f"{section} must be a table, [{section}], or several, [[{section}]]")
    return tables


def combinations(section: str, table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every combination of what the keys of a table stand for, the last key fastest.

    Raises:
        StudyError: If a list is empty or a range cannot be read.
    """
    values = [values_of(f"{section}.{key}", value) for key, value in table.items()]
    for chosen in itertools.product(*values):
        yield dict(zip(table, chosen, strict=True))


def values_of(key: str, value: Any) -> list[Any]:
    """What a value stands for: the entries of a list, the numbers of a range, itself.

    Raises:
        StudyError: If a list is empty or a range cannot be read.
    """
    if isinstance(value, list):
        if not value:
            raise StudyError(f"{key}: an empty list leaves nothing to run")
        return [one for entry in value for one in (values_of(key, entry) if _is_range(entry) else [entry])]
    return _range(key, value) if _is_range(value) else [value]


def _is_range(value: Any) -> bool:
    return isinstance(value, dict) and "from" in value


def _range(key: str, table: dict[str, Any]) -> list[Any]:
    check_keys(f"{key}.", table, RANGE)
    numbers = [table[name] for name in ("from", "to", "step", "count") if name in table]
    if (
        "to" not in table
        or len(numbers) != 3
        or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    ):
        raise StudyError(f"{key}: a range is from, to, and one of step and count, all numbers; got {table}")
    first, last, _ = numbers
    whole = all(isinstance(number, int) for number in numbers)
    if "step" in table:
        if "scale" in table:
            raise StudyError(f"{key}.scale goes with a count, not with a step")
        return _stepped(key, first, last, table["step"], whole=whole)
    count = table["count"]
    if not isinstance(count, int) or not 2 <= count <= _MOST_VALUES:
        raise StudyError(f"{key}.count must be a whole number in 2..{_MOST_VALUES}, got {count}")
    logarithmic = table.get("scale", "linear") == "log"
    if not logarithmic and table.get("scale", "linear") != "linear":
        raise StudyError(f"{key}.scale must be linear or log, got {table['scale']!r}")
    if logarithmic and min(first, last) <= 0:
        raise StudyError(f"{key}: a range on a log scale needs ends above 0, got {first} and {last}")
    points = np.geomspace(first, last, count) if logarithmic else np.linspace(first, last, count)
    return _rounded(points, whole=isinstance(first, int) and isinstance(last, int) and _near_whole(points))


def _stepped(key: str, first: float, last: float, step: float, *, whole: bool) -> list[Any]:
    if not step or (last - first) / step < 0 or not np.isfinite([first, last, step]).all():
        raise StudyError(f"{key}.step must lead from {first} to {last}, got {step}")
    steps = (last - first) / step
    if steps > _MOST_VALUES:
        raise StudyError(f"{key}: a range has at most {_MOST_VALUES} values, this one {steps:.3g}")
    return _rounded(first + step * np.arange(int(steps + 1e-9) + 1), whole=whole)


def _near_whole(points: Any) -> bool:
    return bool(np.allclose(points, np.rint(points), rtol=0, atol=1e-9))


def _rounded(points: Any, *, whole: bool) -> list[Any]:
    """As somebody would write them: 0.7 and not 0.7000000000000001."""
    return [round(point) for point in points] if whole else [float(f"{point:.12g}") for point in points]

"""What the parts of a stored predictor have to be: declared once for each kind, checked on saving and on loading.

Compiled code takes what it is given: an offset beyond the end of its array is read there. So whatever is wrong with a
part is found here, whole, before anything is made of it. Numbers are finite and within ranges that are far wider than
any that is learned, yet narrow enough that no sum over them leaves their type.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Order = Literal["any", "rising", "strictly rising", "falling"]

MAX_OUTPUT_TOKENS = 2**24
"""Longest output that a stored predictor may know of: its distribution takes eight bytes a token (our choice)."""

MAX_REQUESTS = 2**31
"""The most requests that a stored predictor may count (our choice)."""

_BROKEN = {"rising": np.less, "strictly rising": np.less_equal, "falling": np.greater}
"""How a value and the one before it compare where the order is broken."""


class Part(Protocol):
    """What a part has to be."""

    def measure(self, name: str, value: Any, sizes: dict[str, int]) -> None:
        """Checks the part's type, and its shape against the sizes known so far; adds those that it is first to tell.

        Raises:
            ValueError: If it is something else; the message begins with its name.
        """

    def check(self, name: str, value: Any, parts: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        """Checks the content of a part; all parts are measured.

        Raises:
            ValueError: If it is something else; the message begins with its name.
        """


@dataclass(frozen=True, kw_only=True)
class Array:
    """What an array has to be.

    Attributes:
        shape: Numbers, or names of sizes, at least 1, which the first array with it tells: "rows", or "rows+1".
        dtype: Its type.
        low: The smallest value.
        high: The largest value.
        order: How the values follow each other, along the only axis.
        starts: The first value.
        ends: The last value, or the name of the size that it has to be.
        within: The array of offsets that cuts this one into the groups within which the order holds.
    """

    shape: tuple[int | str, ...]
    dtype: npt.DTypeLike = np.float64
    low: float = -1e300
    high: float = 1e300
    order: Order = "any"
    starts: int | None = None
    ends: int | str | None = None
    within: str | None = None

    def measure(self, name: str, value: Any, sizes: dict[str, int]) -> None:
        """Checks type and shape, see `Part.measure`."""
        if not isinstance(value, np.ndarray | np.generic) or value.dtype != np.dtype(self.dtype):
            found = getattr(value, "dtype", type(value).__name__)
            raise ValueError(f"{name} must hold {np.dtype(self.dtype)}, not {found}")
        expected = self.shape
        if value.ndim == len(self.shape):
            for size, length in zip(self.shape, value.shape, strict=True):
                if isinstance(size, str):
                    base, _, more = size.partition("+")
                    sizes.setdefault(base, max(length - int(more or 0), 1))
            expected = tuple(_length(size, sizes) for size in self.shape)
        if value.shape != expected:
            raise ValueError(f"{name} must have shape {expected}, not {value.shape}")

    def check(self, name: str, value: Any, parts: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        """Checks values and their order, see `Part.check`."""
        low, high = value.min(), value.max()
        if not (low >= self.low and high <= self.high):  # both are NaN where one value is
            raise ValueError(f"{name} must be finite and in {self.low:g}..{self.high:g}, got {low}..{high}")
        if self.order != "any":
            broken = _BROKEN[self.order](value[1:], value[:-1])
            if self.within is not None:
                broken[parts[self.within][1:-1] - 1] = False
            if broken.any():
                raise ValueError(f"{name} must be {self.order}: it is not from row {np.argmax(broken)} to the next")
        for row, wanted in ((0, self.starts), (-1, self.ends)):
            if wanted is not None and value[row] != _length(wanted, sizes):
                raise ValueError(f"{name}[{row}] must be {_length(wanted, sizes)}, got {value[row]}")


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a fitted scikit-learn model has to be, as far as a prediction uses it.

    Attributes:
        kind: Its class, no subclass.
        attributes: What its attributes have to be.
        steps: The models that a pipeline is made of.
        method: What a prediction calls. It is tried out: parameters, too, decide how a model predicts and whether.
        columns: Columns of the method's answer, none where it is a number for each row.
    """

    kind: type
    attributes: Mapping[str, Part]
    steps: tuple["Model", ...] = ()
    method: str | None = None
    columns: tuple[int, ...] = ()

    def measure(self, name: str, value: Any, sizes: dict[str, int]) -> None:
        """Checks the classes, see `Part.measure`."""
        kind = type(value)
        if kind is not self.kind:
            raise ValueError(f"{name} must be a {self.kind.__name__}, not a {kind.__name__}")
        hidden = [attribute for attribute in vars(value) if hasattr(self.kind, attribute)]
        if hidden:
            raise ValueError(f"{name} hides {hidden[0]!r}, which its class has")
        if self.steps:
            models = [step[1] for step in value.steps]
            if len(models) != len(self.steps):
                raise ValueError(f"{name} must have {len(self.steps)} steps, not {len(models)}")
            for model, found in zip(self.steps, models, strict=True):
                model.measure(f"{name}.{model.kind.__name__}", found, sizes)

    def check(self, name: str, value: Any, parts: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        """Checks the attributes, see `Part.check`."""
        missing = self.attributes.keys() - vars(value).keys()
        if missing:
            raise ValueError(f"{name} has no {min(missing)}")
        values = {f"{name}.{attribute}": vars(value)[attribute] for attribute in self.attributes}
        check_parts({f"{name}.{attribute}": part for attribute, part in self.attributes.items()}, values, sizes)
        for model, step in zip(self.steps, value.steps if self.steps else (), strict=True):
            model.check(f"{name}.{model.kind.__name__}", step[1], parts, sizes)
        if self.method is not None:
            rows = 10.0 ** np.random.default_rng(0).uniform(-2.0, 8.0, (64, sizes["features"]))
            with np.errstate(over="ignore"):
                answer = np.asarray(getattr(value, self.method)(rows))
            if answer.shape != (len(rows), *self.columns) or np.isnan(answer).any():
                raise ValueError(f"{name}.{self.method} does not give a number for each row")


@dataclass(frozen=True)
class Size:
    """A whole number that has to be one of the sizes, by name."""

    size: str

    def measure(self, name: str, value: Any, sizes: dict[str, int]) -> None:
        """Checks the type, see `Part.measure`."""
        if type(value) is not int:
            raise ValueError(f"{name} must be a whole number, not {type(value).__name__}")

    def check(self, name: str, value: Any, parts: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        """Checks the number, see `Part.check`."""
        if value != sizes[self.size]:
            raise ValueError(f"{name} must be {sizes[self.size]}, got {value}")


class Layout(NamedTuple):
    """All parts of a predictor but its parameters.

    Attributes:
        arrays: By name.
        estimators: By name.
        sizes: Sizes that are known beforehand.
    """

    arrays: Mapping[str, Part]
    estimators: Mapping[str, Part]
    sizes: Mapping[str, int]


def check_settings(settings: object, checks: Mapping[str, Callable[[Any], object]]) -> None:
    """Checks that settings are those declared, each by its own check.

    Raises:
        TypeError: If one is of the wrong type.
        ValueError: If one is out of range, missing or unknown.
    """
    if not isinstance(settings, dict) or settings.keys() != checks.keys():
        raise ValueError(f"the settings must be {sorted(checks)}, not {settings!r:.200}")
    for name, check in checks.items():
        check(settings[name])


def check_parts(declared: Mapping[str, Part], parts: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Checks that parts are what was declared, all of it and no more.

    Raises:
        ValueError: If they are not; the message names the first that is wrong.
    """
    if not isinstance(parts, Mapping) or parts.keys() != declared.keys():
        found = sorted(map(str, parts)) if isinstance(parts, Mapping) else type(parts).__name__
        raise ValueError(f"the parts must be {sorted(declared)}, not {found!s:.200}")
    known = dict(sizes)
    for name, part in declared.items():
        part.measure(name, parts[name], known)
    for name, part in declared.items():
        part.check(name, parts[name], parts, known)


def _length(size: int | str, sizes: Mapping[str, int]) -> int:
    if isinstance(size, int):
        return size
    base, _, more = size.partition("+")
    return sizes[base] + int(more or 0)

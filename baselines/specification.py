"""Policies with their parameters, written as text: `br-0:worker_choice=lowest-load,subset_window=4`.

A class of the user's own is named by its place: `my_router:Mine`, `my_router:Mine:parameter=value`.
"""

import inspect
from dataclasses import dataclass
from typing import Any, Self

from baselines.registry import class_of, make, names
from brgym._own import SEPARATOR, is_own
from brgym._specification import read_parameters, split_parameters, split_specifications, write_value
from brgym.cluster import Policy

_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Specification:
    """A policy's name and the parameters that are not its defaults; its text is canonical.

    Two texts that differ in spaces, in the order of parameters or in how a number is written are one specification. A
    default that is written out stays.

    Attributes:
        name: One of `baselines.names()`, or `module:Name`, see `baselines.registry.class_of`.
        parameters: Names and values, in the order of the policy's constructor.
    """

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `NAME` or `NAME:parameter=value,...`; values by the types of the policy's constructor.

        NAME may be `module:Name`. None is written `none`, a truth value `true` or `false`. A parameter without a
        declared type has that of its default.

        Raises:
            ValueError: If the name or a parameter is unknown (the message holds the nearest one), the module of a
                policy of one's own is not there, or a value is not of its parameter's type, or cannot be written as
                text, as a predictor.
        """
        name, colon, listed = (part.strip() for part in text.partition(SEPARATOR))
        if name not in names() and is_own(text):
            within, colon, listed = (part.strip() for part in listed.partition(SEPARATOR))
            name = f"{name}{SEPARATOR}{within}"
        class_of(name)
        if not colon:
            return cls(name)
        declared = {parameter.name: _type_of(parameter) for parameter in _parameters(name)}
        try:
            read = read_parameters(split_parameters(listed), declared)
        except ValueError as error:
            raise ValueError(f"policy {name}: {error}") from None
        return cls(name, tuple(read.items()))

    def __str__(self) -> str:
        """The text that `parse` reads."""
        written = ",".join(f"{name}={write_value(value)}" for name, value in self.parameters)
        return f"{self.name}:{written}" if written else self.name

    @property
    def looks_ahead(self) -> bool:
        """Whether the policy needs a predictor: it cannot be without, or it is given a horizon above 0."""
        declared = {parameter.name: parameter.default for parameter in _parameters(self.name)}
        if "predictor" not in declared:
            return False
        return declared["predictor"] is inspect.Parameter.empty or bool(dict(self.parameters).get("horizon", 0))

    def make(self, **objects: Any) -> Policy:
        """Makes the policy.

        Args:
            **objects: Parameters that cannot be written as text, such as `predictor`.

        Raises:
            ValueError: If a parameter is outside its range, is missing, or is given both ways.
        """
        written = dict(self.parameters)
        needed = [p.name for p in _parameters(self.name) if p.default is p.empty]
        missing = [name for name in needed if name not in {**written, **objects}]
        if missing:
            raise ValueError(f"policy {self.name} needs {', '.join(missing)}")
        try:
            return make(self.name, **(objects | written))
        except (ValueError, TypeError) as error:
            raise ValueError(f"policy {self}: {error}") from error


def specifications(listed: str) -> list[Specification]:
    """Reads specifications separated by commas; a comma before a word with "=" goes on with the policy before it.

    Raises:
        ValueError: As `Specification.parse`.
    """
    return [Specification.parse(text) for text in split_specifications(listed)]


def from_spec(text: str, **objects: Any) -> Policy:
    """Makes a policy from text, such as `"br-0:subset_window=4"`.

    Args:
        text: See `Specification.parse`.
        **objects: See `Specification.make`.

    Raises:
        ValueError: As `Specification.parse` and `Specification.make`.
    """
    return Specification.parse(text).make(**objects)


def _parameters(name: str) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(class_of(name), eval_str=True)
    except NameError as error:  # a type that is imported for type checkers only
        raise ValueError(f"policy {name}: its constructor's types cannot be read: {error}") from error
    return [parameter for parameter in signature.parameters.values() if parameter.kind not in _COLLECTING]


def _type_of(parameter: inspect.Parameter) -> Any:
    plain = parameter.annotation is parameter.empty and isinstance(parameter.default, bool | int | float | str)
    return type(parameter.default) if plain else parameter.annotation

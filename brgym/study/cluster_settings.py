"""The cluster's configuration, field by field, as text: what there is follows from `ClusterConfig` itself.

A field that is a number, a truth value, a text or a choice is written as such. A field that is a small dataclass is
written by its parameters, `idle_w=80,peak_w=300`, which change those of the cluster at hand; where several dataclasses
are possible, or for all defaults, its name in small letters comes first, `chunked-prefill:interval=2`. A field that is
a sequence of dataclasses, as the rows of the step time, is a sequence of such texts. None and the empty sequence are
`none`.
"""

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from brgym._checks import check_choice
from brgym._specification import (
    NONE,
    described,
    form_of,
    hints_of,
    is_writable,
    members_of,
    read_parameters,
    read_value,
    split_parameters,
)
from brgym.cluster import ClusterConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Config = TypeVar("_Config", bound="DataclassInstance")

Text = str | Sequence[str]


@dataclass(frozen=True)
class ClusterSetting:
    """A field of `ClusterConfig` that can be written as text.

    Attributes:
        name: Its name.
        about: What its class says of it, and of what it is made of.
        form: How it is written.
        repeated: Whether it is a sequence of texts.
    """

    name: str
    about: str
    form: str
    repeated: bool


def cluster_settings(config: "type[DataclassInstance]" = ClusterConfig) -> list[ClusterSetting]:
    """The fields that can be written as text, in order.

    Args:
        config: The dataclass that has them.
    """
    said = described(config)
    found = []
    for name, annotation in hints_of(config).items():
        about = said.get(name, "")
        if is_writable(annotation):
            found.append(ClusterSetting(name, about, form_of(annotation), repeated=False))
            continue
        kinds, repeated = _kinds(annotation)
        if kinds:
            forms = [f"{_word(kind) + ':' if len(kinds) > 1 else ''}NAME=VALUE,..." for kind in kinds]
            told = [f"Of {_word(kind)}: {_parts(kind)}" for kind in kinds]
            none = [NONE] if _may_be_empty(annotation) else []
            found.append(ClusterSetting(name, " ".join([about, *told]), "|".join(forms + none), repeated))
    return found


def with_settings(cluster: _Config, texts: Mapping[str, Text]) -> _Config:
    """The cluster with some fields set.

    Args:
        cluster: The cluster (`ClusterConfig`), whose other fields stay.
        texts: The fields' values by name, see this module.

    Raises:
        ValueError: If a field is unknown, or a value is unreadable or outside its range; the message names the field.
    """
    config = type(cluster)
    known = [setting.name for setting in cluster_settings(config)]
    hints = hints_of(config)
    changes = {
        check_choice("cluster setting", name, known): _read(name, text, hints[name], getattr(cluster, name))
        for name, text in texts.items()
    }
    return dataclasses.replace(cluster, **changes)


def _read(name: str, text: Text, annotation: Any, present: Any) -> Any:
    if is_writable(annotation):
        if not isinstance(text, str):
            raise ValueError(f"{name} must be one value, got {len(text)}")
        return read_value(name, text, annotation)
    kinds, repeated = _kinds(annotation)
    words = [text] if isinstance(text, str) else list(text)
    try:
        if not repeated:
            if len(words) != 1:
                raise ValueError(f"one value is needed, got {len(words)}")
            if words[0].lower() == NONE and type(None) in members_of(annotation):
                return None
            return _made(kinds, words[0], present)
        sequence = _sequence_of(annotation)
        before = tuple(getattr(present, sequence[1])) if sequence[1] else tuple(present)
        if [word.lower() for word in words] == [NONE]:
            words = []
        bases = before if len(before) == len(words) else (None,) * len(words)
        parts = tuple(_made(kinds, word, base) for word, base in zip(words, bases, strict=True))
        return sequence[0](parts)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _made(kinds: "Sequence[type[DataclassInstance]]", text: str, present: Any) -> Any:
    """One dataclass from text: the present one with changes if it is of that kind, or a new one."""
    word, colon, listed = (part.strip() for part in text.partition(":"))
    if colon or "=" not in text:
        kind = {_word(kind): kind for kind in kinds}[check_choice("kind", word, map(_word, kinds))]
    elif len(kinds) == 1 or type(present) in kinds:
        kind, listed = kinds[0] if len(kinds) == 1 else type(present), text
    else:
        raise ValueError(f"say which first: {' or '.join(f'{_word(kind)}:NAME=VALUE' for kind in kinds)}")
    read = read_parameters(split_parameters(listed), hints_of(kind)) if listed else {}
    if type(present) is kind:
        return dataclasses.replace(present, **read)
    missing = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is field.default_factory is dataclasses.MISSING and field.name not in read
    ]
    if missing:
        raise ValueError(f"{_word(kind)} needs {', '.join(missing)}")
    return kind(**read)


def _kinds(annotation: Any) -> "tuple[list[type[DataclassInstance]], bool]":
    """The small dataclasses that a field may be made of, and whether it is a sequence of them; none if it may not."""
    sequence = _sequence_of(annotation)
    element = sequence[2] if sequence else annotation
    kinds = [member for member in members_of(element) if member is not type(None)]
    return (kinds if all(map(_is_small, kinds)) else []), bool(sequence)


def _sequence_of(annotation: Any) -> Any:
    """Of a sequence: what makes it from its parts, the attribute that has them ("" for a plain one), their type."""
    if typing.get_origin(annotation) in (tuple, list, typing.get_origin(Sequence[int])):
        return tuple, "", typing.get_args(annotation)[0]
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        hints = hints_of(annotation)
        if len(hints) == 1 and (only := _sequence_of(next(iter(hints.values())))):
            return annotation, next(iter(hints)), only[2]
    return None


def _may_be_empty(annotation: Any) -> bool:
    """Whether `none` is a value: None, or the empty sequence where that is allowed."""
    sequence = _sequence_of(annotation)
    if not sequence:
        return type(None) in members_of(annotation)
    try:
        sequence[0](())
    except ValueError:
        return False
    return True


def _is_small(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind) and all(map(is_writable, hints_of(kind).values()))


def _word(kind: type) -> str:
    """A class's name in small letters: `ChunkedPrefill` is `chunked-prefill`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower()


def _parts(kind: type) -> str:
    said = described(kind)
    return " ".join(f"{name} ({form_of(hint)}): {said.get(name, '')}" for name, hint in hints_of(kind).items())

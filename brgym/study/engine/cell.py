"""What a study consists of: cells, each of which says everything that decides what comes of it."""

import hashlib
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Figures = dict[str, Any]
"""What came of a cell, by name, in types that JSON knows: numbers, and None where there is none."""

Outcome = TypeVar("Outcome", covariant=True)


class Cell(Protocol[Outcome]):
    """One piece of work of a study, small enough to be run in one go."""

    @property
    def specification(self) -> Mapping[str, Any]:
        """All that decides the outcome, the code included, in types that JSON knows."""
        ...

    @property
    def shares(self) -> Hashable:
        """What a cell has in common with others, such as requests: those that share it are run one after another."""
        ...

    @property
    def interpreted(self) -> bool:
        """Whether a run spends its time in Python, of which threads would have to take turns."""
        ...

    def run(self) -> Outcome:
        """Does the work."""
        ...


@dataclass(frozen=True)
class Failure:
    """A cell that came to nothing.

    Attributes:
        error: Class and message of the exception, one line.
        traceback: Where it came from.
    """

    error: str
    traceback: str


def key_of(cell: Cell[object]) -> str:
    """The name under which what came of a cell is kept: a digest of its specification."""
    text = json.dumps(cell.specification, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]

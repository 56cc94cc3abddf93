"""Where a study gets the requests of each seed from: drawn anew, resampled, or one trace that is the same for all."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from brgym.study.named_workload import NamedWorkload
from brgym.workload import Workload
from brgym.workload.readers.schema import Unit
from brgym.workload.timeline import Turns
from brgym.workload.trace import Invalid


class WorkloadSource(Protocol):
    """Gives the requests of each seed."""

    @property
    def name(self) -> str:
        """What to call it in results."""
        ...

    @property
    def drawn_per_seed(self) -> bool:
        """Whether seeds have requests of their own.

        Where not, a study's intervals cover the policies' own randomness and nothing else, and its results say so.
        """
        ...

    def workload(self, seed: int) -> Workload:
        """The requests of a seed; the same seed gives the same requests."""
        ...


class TeachingSource(Protocol):
    """A source of which predictors can learn, and that says what decides it."""

    def __hash__(self) -> int:
        """What is made of it is kept by it."""
        ...

    def workload(self, seed: int) -> Workload:
        """What the run of a seed serves."""
        ...

    def training(self, seed: int) -> Workload:
        """Requests like those of a seed, to learn from, none of which its run serves."""
        ...

    def specification(self) -> dict[str, Any]:
        """All that decides the requests but the seed and the code, in types that JSON knows."""
        ...


@dataclass(frozen=True)
class Drawn:
    """Requests drawn anew for each seed.

    Attributes:
        name: What to call it in results.
        draw: Draws the requests of a seed.
    """

    name: str
    draw: Callable[[int], Workload]
    drawn_per_seed = True

    def workload(self, seed: int) -> Workload:
        """Draws the requests of a seed."""
        return self.draw(seed)


@dataclass(frozen=True)
class Fixed:
    """The same requests for every seed: a trace.

    Attributes:
        name: What to call it in results.
        requests: The requests.
    """

    name: str
    requests: Workload
    drawn_per_seed = False

    def workload(self, seed: int) -> Workload:
        """The trace, whatever the seed."""
        return self.requests


def source_of(
    name_or_path: str | os.PathLike[str],
    *,
    sort: bool = False,
    invalid: Invalid = "error",
    unit: Unit | None = None,
    spread: float | None = None,
    turns: Turns = "drop",
    **options: Any,
) -> NamedWorkload:
    """A built-in recipe, drawn anew for each seed; or a public trace or a file, read once.

    Args:
        name_or_path: As in `load_workload`.
        sort: As in `load_workload`.
        invalid: As in `load_workload`.
        unit: As in `load_workload`.
        spread: As in `load_workload`.
        turns: As in `load_workload`.
        **options: Other attributes of `NamedWorkload`: how many requests, their load, resampling, ...

    Raises:
        TypeError: If there is no such option.
        ValueError: If an option is out of range, or as `load_workload`.
        OSError: As `load_workload`.
    """
    reading = {"sort": sort, "invalid": invalid, "unit": unit, "spread": spread, "turns": turns}
    return NamedWorkload(name=os.fspath(name_or_path), reading=tuple(reading.items()), **options)

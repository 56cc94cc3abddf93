"""Where a study gets the requests of each seed from: drawn anew, or one trace that is the same for all."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from brgym._checks import check_integer, check_real
from brgym.workload import Workload, load_workload
from brgym.workload.readers.schema import Unit
from brgym.workload.synthetic import BUILT_IN
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
    requests: int | None = None,
    rate_scale: float = 1.0,
    sort: bool = False,
    invalid: Invalid = "error",
    unit: Unit | None = None,
    spread: float | None = None,
    turns: Turns = "drop",
) -> WorkloadSource:
    """A built-in recipe, drawn anew for each seed; or a public trace or a file, read once and the same for all.

    Args:
        name_or_path: As in `load_workload`.
        requests: How many to draw from a recipe (by default as many as it says), or how many of a trace's first ones to
            keep (by default all).
        rate_scale: How many times as fast the requests arrive; nothing changes where all arrive at once.
        sort: As in `load_workload`.
        invalid: As in `load_workload`.
        unit: As in `load_workload`.
        spread: As in `load_workload`.
        turns: As in `load_workload`.

    Raises:
        ValueError: If `requests` or `rate_scale` is out of range, or as `load_workload`.
        OSError: As `load_workload`.
    """
    check_real("rate_scale", rate_scale, minimum=0.0, exclusive=True)
    if requests is not None:
        check_integer("requests", requests, minimum=1)
    name = os.fspath(name_or_path)
    if name in BUILT_IN:
        return Drawn(name, lambda seed: load_workload(name, count=requests, seed=seed).rescale_rate(rate_scale))
    trace = load_workload(name, sort=sort, invalid=invalid, unit=unit, spread=spread, turns=turns)
    if requests is not None:
        trace = trace.slice(0, check_integer("requests", requests, minimum=1, maximum=len(trace)))
    return Fixed(name, trace.rescale_rate(rate_scale))

"""`load_workload`: a workload by the name of a built-in recipe, the name of a public trace, or the path of a file."""

import os
import warnings
from pathlib import Path

from brgym._checks import check_choice, check_integer
from brgym.workload.catalogue import CATALOGUE
from brgym.workload.download import fetch
from brgym.workload.readers.schema import SCHEMAS
from brgym.workload.synthetic import BUILT_IN
from brgym.workload.trace import Invalid, read_trace
from brgym.workload.workload import Workload

FORMATS = tuple(SCHEMAS)
"""The trace formats that `format=` may name."""


def workload_names() -> list[str]:
    """Every name that `load_workload` knows: built-in recipes, then public traces."""
    return [*BUILT_IN, *CATALOGUE]


def load_workload(
    name_or_path: str | os.PathLike[str],
    *,
    count: int | None = None,
    seed: int = 0,
    format: str | None = None,
    sort: bool = False,
    invalid: Invalid = "error",
    spread_ticks: bool = True,
) -> Workload:
    """Loads a workload.

    Args:
        name_or_path: One of `workload_names()`, or a trace file; a name goes before a file of that name.
        count: Requests to draw from a recipe (by default as many as it says), or how many of a trace's first requests
            to keep (by default all).
        seed: Seed of a recipe's draws, or of the spreading of a trace's coarse arrival stamps.
        format: For files, one of `FORMATS`; by default the columns tell it.
        sort: For traces, whether to sort by arrival; by default an unsorted trace is an error.
        invalid: For traces, "error" or "drop": what to do with rows of less than one prompt or output token. A warning
            says how many were dropped; `read_trace` returns the number.
        spread_ticks: For traces with stamps on a coarse grid, whether to spread requests over it (`read_trace`).

    Raises:
        WorkloadError: If a file's content is unusable; the message names file, row and column.
        ValueError: If the name is unknown or an option out of range.
        FileNotFoundError: If there is no such file.
        ConnectionError: If a trace has to be downloaded and cannot be.
    """
    name = os.fspath(name_or_path)
    if name in BUILT_IN:
        recipe = BUILT_IN[name]
        return recipe(seed=seed) if count is None else recipe(count=count, seed=seed)
    if name in CATALOGUE:
        path, format = fetch(CATALOGUE[name]), CATALOGUE[name].format
    else:
        path = _existing_file(name)
    workload, dropped_rows = read_trace(
        path, format=format, sort=sort, invalid=invalid, spread_ticks=spread_ticks, seed=seed
    )
    if dropped_rows:
        warnings.warn(f"{path}: dropped {dropped_rows} rows of less than one prompt or output token", stacklevel=2)
    if count is None:
        return workload
    return workload.slice(0, check_integer("count", count, minimum=1, maximum=len(workload)))


def _existing_file(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix or path.parent != Path():
        raise FileNotFoundError(f"no trace file {name!r}")
    check_choice("workload", name, workload_names())
    return path

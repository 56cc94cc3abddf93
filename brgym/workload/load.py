"""`load_workload`: a workload by the name of a built-in recipe, the name of a public trace, or the path of a file."""

import os
import warnings
from pathlib import Path

from brgym._checks import check_choice, check_integer
from brgym.workload.catalogue import CATALOGUE
from brgym.workload.download import fetch
from brgym.workload.readers.schema import SCHEMAS, Unit
from brgym.workload.synthetic import BUILT_IN
from brgym.workload.timeline import Turns
from brgym.workload.trace import Invalid, ReadingNotice, read
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
    unit: Unit | None = None,
    spread: float | None = None,
    turns: Turns = "drop",
) -> Workload:
    """Loads a workload.

    Files may be CSV, JSON (an object a line, one array, or a document with a list "requests") or Parquet, plain or
    gzip. The columns tell the format, `docs/workloads.md` has them all:

    - "plain": `arrival_s`, `prompt_tokens`, `output_tokens`, and where present `prompt_hash`, `max_tokens`,
      `patience_s`, `after`. Instead of `arrival_s` there may be `arrival_ms`, `timestamp_us` and the like.
    - "lengths": the same without arrivals; all requests wait at time 0. "vidur": Vidur's.
    - "azure": dates; "burstgpt": seconds; "bailian" (Qwen): seconds; "agent": seconds.
    - "mooncake", "sessions": milliseconds while they are whole numbers; with fractions the unit is an error.

    Lines may end in CR, LF or CRLF; blank lines and lines that begin with "#" are skipped. Stamps may be dates with T
    or a blank, up to nine digits of a second's fraction, and Z, an offset or, in the whole file, no zone. Of a file
    that is not the catalogue's one line says how it was read: a warning of the class `ReadingNotice`.

    Args:
        name_or_path: One of `workload_names()`, or a trace file; a name goes before a file of that name.
        count: Requests to draw from a recipe (by default as many as it says), or how many of a trace's first requests
            to keep (by default all).
        seed: Seed of a recipe's draws, or of the spreading of a trace's coarse arrival stamps.
        format: For files, one of `FORMATS`; by default the columns tell it.
        sort: For traces, whether to sort by arrival; by default an unsorted trace is an error.
        invalid: For traces, "error" or "drop": what to do with rows of less than one prompt or output token. A warning
            says how many were dropped; `read_trace` returns the number.
        unit: For traces, what stamps count: "s", "ms", "us" or "ns"; by default what format or column say
            (`read_trace`).
        spread: For traces, the resolution of a coarse clock in seconds, over which its requests are spread; by default
            what the catalogue says, for other files none (`read_trace`).
        turns: For traces, "drop" or "keep": whether requests that follow others are linked to them (`read_trace`).

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
    source = CATALOGUE.get(name)
    path = _existing_file(name) if source is None else fetch(source)
    (workload, dropped_rows), notice = read(
        path,
        source,
        format=format if source is None else source.format,
        sort=sort,
        invalid=invalid,
        unit=unit,
        spread=spread,
        turns=turns,
        seed=seed,
    )
    if notice:
        warnings.warn(notice, ReadingNotice, stacklevel=2)
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

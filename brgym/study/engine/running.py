"""Runs cells side by side: in memory, with what came of each handed back; or into a journal, from where it goes on."""

import threading
import traceback
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed, effective_n_jobs

from brgym._checks import check_integer
from brgym._own import places_noted, search_also, search_path
from brgym.study.engine.backends import Backend, backend_of
from brgym.study.engine.cell import Cell, Failure, Figures, key_of
from brgym.study.engine.journal import Journal, Reading

Outcome = TypeVar("Outcome")
_Batch = Sequence[tuple[str, Cell[Figures]]]

_MAX_JOBS = 1024
_TASKS_A_JOB = 4  # so that jobs end at about the same time, whatever cells take
_WATCH_S = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    Attributes:
        cells: All of them.
        done: Those that are there, whenever they were run.
        failed: Those that came to nothing in this run.
    """

    cells: int
    done: int
    failed: int


def run_cells(
    cells: Sequence[Cell[Outcome]],
    *,
    jobs: int = -1,
    backend: Backend | None = None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Runs cells and hands back what came of them, in their order; the first failure is raised.

    Args:
        cells: The cells; nothing is asked of their `specification`.
        jobs: How many side by side; -1: as many as there are cores. Changes nothing in the outcomes.
        backend: "threads" or "processes"; by default processes where a cell is interpreted, threads elsewhere.
        on_outcome: Told of each outcome, in order.

    Raises:
        ValueError: If `jobs` is out of range, and whatever a cell raises.
    """
    outcomes: list[Outcome] = []
    path = search_path()
    with backend_of(backend or _backend_for(cells, jobs), jobs=_checked(jobs), address=None):
        for outcome in Parallel(return_as="generator")(delayed(_run)(cell, path) for cell in cells):
            outcomes.append(outcome)
            on_outcome(outcome)
    return outcomes


def run_into(
    journal: Journal,
    cells: Sequence[Cell[Figures]],
    *,
    jobs: int = -1,
    backend: Backend | None = None,
    address: str | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[Figures | Failure]:
    """Runs the cells that a journal does not hold; failures are kept there and the rest goes on.

    Args:
        journal: What has been run; gets a line as soon as a cell is done. A cell that failed is tried again.
        cells: The cells; those that share something go to one task as long as all jobs have enough to do.
        jobs: How many side by side; -1: as many as there are cores. Changes nothing in the outcomes.
        backend: "threads", "processes", "dask" or "ray"; by default processes for cells that are interpreted, threads
            for the others.
        address: Where the scheduler of those is, see `brgym.study.engine.backends`.
        on_progress: Told now and then how far it is, from a thread of its own, and once at the end.

    Returns:
        What came of each cell, in their order.

    Raises:
        ValueError: If a parameter is out of range or another process runs cells into the same folder.
        OSError: If the journal cannot be written.
    """
    checked = _checked(jobs)
    keys = [key_of(cell) for cell in cells]
    with journal.held():
        known = journal.reading()
        known.update()
        known.outcomes = {key: found for key, found in known.outcomes.items() if not isinstance(found, Failure)}
        pending = {key: cell for key, cell in zip(keys, cells, strict=True) if key not in known.outcomes}
        with _watched(known, keys, on_progress):
            for chosen, part in _by_backend(pending, backend, checked):
                with backend_of(chosen, jobs=checked, address=address):
                    _run_batches(journal, _batches(part, effective_n_jobs(checked)), threads=chosen == "threads")
    known.update()
    return [known.outcomes[key] for key in keys]


def run_whole(
    folder: Path,
    cells: Sequence[Cell[Figures]],
    *,
    jobs: int = -1,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[Figures]:
    """As `run_into`, for those who need every cell.

    Args:
        folder: Where the journal lies; what it holds is not run again.
        cells: The cells.
        jobs: As `run_into`.
        on_progress: As `run_into`.

    Raises:
        ValueError: If a cell fails, once the others are there; or as `run_into`.
        OSError: As `run_into`.
    """
    outcomes = run_into(Journal(folder), cells, jobs=jobs, on_progress=on_progress)
    failures = [outcome.error for outcome in outcomes if isinstance(outcome, Failure)]
    if failures:
        raise ValueError(f"{len(failures)} of {len(cells)} cells failed, the first with {failures[0]}")
    return [outcome for outcome in outcomes if not isinstance(outcome, Failure)]


def _checked(jobs: int) -> int:
    return -1 if jobs == -1 else check_integer("jobs", jobs, minimum=1, maximum=_MAX_JOBS)


def _backend_for(cells: Sequence[Cell[Any]], jobs: int) -> Backend:
    alone = len(cells) < 2 or jobs == 1
    return "processes" if not alone and any(cell.interpreted for cell in cells) else "threads"


def _by_backend(
    cells: dict[str, Cell[Figures]], backend: Backend | None, jobs: int
) -> Iterator[tuple[Backend, dict[str, Cell[Figures]]]]:
    """The cells by where they run best: compiled ones in threads, where interpreted ones would take turns."""
    if backend is not None:
        yield backend, cells
        return
    for interpreted in (False, True):
        part = {key: cell for key, cell in cells.items() if cell.interpreted == interpreted}
        if part:
            yield _backend_for(list(part.values()), jobs), part


def _batches(cells: dict[str, Cell[Figures]], jobs: int) -> list[_Batch]:
    """The cells by what they share, in order; in pieces where there would be too few for so many jobs."""
    most = max(1, len(cells) // (jobs * _TASKS_A_JOB))
    sharing: dict[Hashable, list[tuple[str, Cell[Figures]]]] = {}
    for key, cell in cells.items():
        sharing.setdefault(cell.shares, []).append((key, cell))
    return [batch[first : first + most] for batch in sharing.values() for first in range(0, len(batch), most)]


def _run(cell: Cell[Outcome], path: Sequence[str]) -> Outcome:
    search_also(path)  # for cells that name modules of the user's own
    with places_noted():
        return cell.run()


def _run_batches(journal: Journal, batches: Sequence[_Batch], *, threads: bool) -> None:
    stop = threading.Event() if threads else None  # the others are stopped by ending their processes
    path = search_path()
    try:
        Parallel(batch_size=1)(delayed(_run_into)(journal, batch, stop, path) for batch in batches)
    finally:
        if stop is not None:
            stop.set()


def _run_into(journal: Journal, batch: _Batch, stop: threading.Event | None, path: Sequence[str]) -> None:
    search_also(path)
    if not journal.folder.is_dir():
        raise FileNotFoundError(f"{journal.folder} is not seen by a worker: choose a folder that all of them share")
    for key, cell in batch:
        if stop is not None and stop.is_set():
            return
        journal.append(key, _outcome(cell))


def _outcome(cell: Cell[Figures]) -> Figures | Failure:
    try:
        return cell.run()
    except Exception as error:
        said = " ".join(str(error).split())
        return Failure(error=f"{type(error).__name__}: {said}", traceback="".join(traceback.format_exception(error)))


@contextmanager
def _watched(reading: Reading, keys: Sequence[str], tell: Callable[[Progress], None]) -> Iterator[None]:
    """Tells of progress while the block runs, whoever runs the cells: it reads the journal."""
    over = threading.Event()

    def say() -> None:
        reading.update()
        outcomes = [reading.outcomes[key] for key in keys if key in reading.outcomes]
        failed = sum(isinstance(outcome, Failure) for outcome in outcomes)
        tell(Progress(cells=len(keys), done=len(outcomes) - failed, failed=failed))

    def watch() -> None:
        while not over.wait(_WATCH_S):
            say()

    thread = threading.Thread(target=watch, daemon=True)
    say()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        say()

"""The whole study: cells listed, run, put together, written down."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from brgym._checks import check_choice, check_integer
from brgym.plumbing.files import write_text
from brgym.plumbing.pictures import write_picture
from brgym.study.engine import Progress, run_whole
from brgym.study.reproduce.balance_route.csv_file import write_cells
from brgym.study.reproduce.balance_route.outcomes import Outcomes
from brgym.study.reproduce.balance_route.report import report
from brgym.study.reproduce.balance_route.settings import Cell, cells_of
from brgym.study.reproduce.balance_route.sweeps import Sweep, sweeps
from brgym.study.reproduce.balance_route.tables import WORKERS, Table, tables
from brgym.study.reproduce.balance_route.workloads import AZURE_TRACE, TraceBlocks, study_workloads
from brgym.study.workload_source import TeachingSource

Part = Literal["tables", "ablations", "all"]
PARTS = ("tables", "ablations", "all")


def reproduce(
    out: Path,
    *,
    part: Part = "all",
    seeds: int = 10,
    workers: Sequence[int] = WORKERS,
    requests: int | None = None,
    jobs: int = -1,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Runs the study and writes its folder: `report.md`, `cells.csv`, pictures, and in `cells/` what has been run.

    One part alone writes `tables.md` and `tables.csv`, or `ablations.md` and `ablations.csv`, so that both can have
    seeds of their own in the same folder.

    What the folder holds already is not run again, so a study that was interrupted goes on where it stopped.

    Args:
        out: The folder; made if it is not there.
        part: "tables", "ablations" or "all".
        seeds: Paired seeds, from 0.
        workers: Numbers of workers of the tables; the ablations have 8.
        requests: Requests a run serves; by default as many as the paper's.
        jobs: Processes; -1: as many as there are cores. Changes nothing in the results.
        on_progress: As `brgym.study.engine.run_into`.

    Returns:
        The report.

    Raises:
        ValueError: If a parameter is out of range, or a cell fails.
        OSError: If the folder cannot be written.
    """
    check_choice("part", part, PARTS)
    check_integer("seeds", seeds, minimum=1)
    for count in workers:
        check_integer("workers", count, minimum=1)
    if requests is not None:
        check_integer("requests", requests, minimum=1)
    workloads = study_workloads(requests)
    shown = [] if part == "ablations" else tables(workloads, workers)
    moved = [] if part == "tables" else sweeps()
    cells = _cells(shown, moved, {name: range(_seeds(workload, seeds)) for name, workload in workloads.items()})
    found = run_whole(out / "cells", [cell.run_on(workloads) for cell in cells], jobs=jobs, on_progress=on_progress)
    figures = dict(zip(cells, found, strict=True))
    outcomes = Outcomes(figures)
    write_cells(figures, out / ("cells.csv" if part == "all" else f"{part}.csv"))
    _draw(shown, moved, outcomes, out)
    text = report(
        shown, moved, outcomes, command=_command(part, seeds, workers, requests), remarks=_remarks(workloads, seeds)
    )
    path = out / ("report.md" if part == "all" else f"{part}.md")
    write_text(text, path)
    return path


def _cells(shown: list[Table], moved: list[Sweep], seeds: dict[str, range]) -> list[Cell]:
    settings = [setting for table in shown for setting in table.settings.values()]
    settings += [setting for sweep in moved for setting in sweep.settings]
    return cells_of(settings, seeds)


def _seeds(workload: TeachingSource, seeds: int) -> int:
    """A trace has no more seeds than blocks."""
    return min(seeds, workload.blocks) if isinstance(workload, TraceBlocks) else seeds


def _draw(shown: list[Table], moved: list[Sweep], outcomes: Outcomes, out: Path) -> None:
    from brgym.study.reproduce.balance_route import plots  # matplotlib takes a second to import

    if shown:
        write_picture(plots.draw_tables(shown, outcomes), out / "tables.png")
    for sweep in moved:
        write_picture(plots.draw_sweep(sweep, outcomes), out / f"{sweep.name}.png")


def _command(part: Part, seeds: int, workers: Sequence[int], requests: int | None) -> str:
    counts = "" if tuple(workers) == WORKERS or part == "ablations" else f" --workers {' '.join(map(str, workers))}"
    limit = "" if requests is None else f" --requests {requests}"
    return f"brgym reproduce balance-route --part {part} --seeds {seeds}{counts}{limit}"


def _remarks(workloads: dict[str, TeachingSource], seeds: int) -> list[str]:
    trace = workloads.get(AZURE_TRACE)
    if not isinstance(trace, TraceBlocks):
        return [
            "Skipped: the real Azure 2024 conversation trace, which is not on this machine. "
            "`load_workload('azure-2024-conv')` fetches it, or `BRGYM_TRACE_DIR` names the folder that it lies in."
        ]
    used = _seeds(trace, seeds)
    return [f"The Azure 2024 trace is cut into blocks of {trace.requests:,} requests, one a seed ({used} used)."]

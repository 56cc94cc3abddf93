"""The whole study: the grid explored, the routers run, put together, written down."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from brgym._checks import check_choice, check_integer
from brgym.plumbing.files import write_rows, write_text
from brgym.plumbing.pictures import write_picture
from brgym.study.engine import Cell as Work
from brgym.study.engine import Figures, Progress, run_whole
from brgym.study.reproduce.afd.grid import Cell, cells
from brgym.study.reproduce.afd.report import report
from brgym.study.reproduce.afd.router_outcomes import Served, outcomes
from brgym.study.reproduce.afd.routers import CASES, FIGURES, REQUESTS_PER_SLOT, Case, Serving, runs
from brgym.study.reproduce.afd.search import Exploration, points_of
from brgym.study.reproduce.afd.verdicts import Explored, verdicts

Part = Literal["grid", "routers", "all"]
PARTS = ("grid", "routers", "all")


def reproduce(
    out: Path,
    *,
    part: Part = "all",
    seeds: int = 5,
    requests_per_slot: int = REQUESTS_PER_SLOT,
    grid_seed: int = 0,
    grid: Sequence[Cell] | None = None,
    cases: Sequence[Case] = CASES,
    jobs: int = -1,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Runs the study and writes its folder: `report.md`, CSV files, pictures, and in `cells/` what has been run.

    What the folder holds already is not run again, so a study that was interrupted goes on where it stopped.

    Args:
        out: The folder; made if it is not there.
        part: "grid" (predicted against simulated ratio), "routers", or "all".
        seeds: Paired seeds of the routers, from 0.
        requests_per_slot: Requests of a router's run, per slot of the cluster.
        grid_seed: Seed of the grid's requests and simulations.
        grid: Cells of the grid; by default all of `brgym.study.reproduce.afd.grid.cells`.
        cases: Cases of the routers.
        jobs: Processes; -1: as many as there are cores. Changes nothing in the results.
        on_progress: As `brgym.study.engine.run_into`.

    Returns:
        The report.

    Raises:
        ValueError: If a parameter is out of range, or a simulation fails.
        OSError: If the folder cannot be written.
    """
    check_choice("part", part, PARTS)
    check_integer("seeds", seeds, minimum=1)
    check_integer("requests_per_slot", requests_per_slot, minimum=2)
    check_integer("grid_seed", grid_seed, minimum=0)
    wanted = [] if part == "routers" else list(cells() if grid is None else grid)
    chosen = [] if part == "grid" else list(cases)
    to_serve = runs(chosen, seeds)
    work: list[Work[Figures]] = [Exploration(cell, grid_seed) for cell in wanted]
    work += [Serving(run, requests_per_slot) for run in to_serve]
    done = run_whole(out / "cells", work, jobs=jobs, on_progress=on_progress)
    explored = [Explored(cell, points_of(found), grid_seed) for cell, found in zip(wanted, done, strict=False)]
    served = dict(zip(to_serve, done[len(wanted) :], strict=True))
    _write_tables(explored, served, out)
    _draw(explored, chosen, served, out)
    found = {case: outcomes(case, served) for case in chosen}
    command = f"brgym reproduce afd --part {part} --seeds {seeds} --requests-per-slot {requests_per_slot}"
    command += f" --grid-seed {grid_seed}" if grid_seed else ""
    path = out / "report.md"
    text = report(explored, found, command=command, seeds=seeds)
    write_text(text, path)
    return path


def _write_tables(explored: Sequence[Explored], served: Served, out: Path) -> None:
    points = [asdict(e.cell) | asdict(point) for e in explored for point in e.points]
    predicted = [asdict(v) | {"cell": str(v.cell), "agrees": v.agrees} for e in explored for v in verdicts(e)]
    routers = [
        {"case": str(run.case), "ratio": run.ratio, "seed": run.seed, "router": router}
        | {name: figures[name] for name in FIGURES}
        for run, by_router in served.items()
        for router, figures in by_router.items()
    ]
    for name, rows in (("simulated.csv", points), ("predicted.csv", predicted), ("routers.csv", routers)):
        if rows:
            write_rows(rows, out / name)


def _draw(explored: Sequence[Explored], cases: Sequence[Case], served: Served, out: Path) -> None:
    from brgym.study.reproduce.afd import plots  # matplotlib takes a second to import

    if explored:
        write_picture(plots.draw_grid(explored), out / "ratios.png")
    if cases:
        write_picture(plots.draw_routers(cases, served), out / "routers.png")

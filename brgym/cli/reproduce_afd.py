"""`brgym reproduce afd`: the provisioning formulas against simulation, and routers on the bundle."""

from pathlib import Path
from typing import Literal

from brgym.cli.outputs import written_line
from brgym.plumbing.terminal import progress_console, study_bar


def afd(
    *,
    part: Literal["grid", "routers", "all"] = "all",
    seeds: int = 5,
    requests_per_slot: int = 20,
    grid_seed: int = 0,
    jobs: int = -1,
    out: Path = Path("results/afd"),
) -> None:
    """Compare predicted with simulated ratios, and see how a router moves the best one; goes on where it stopped.

    The coefficients are illustrative, measured on no hardware.

    Args:
        part: The grid of predictions and simulations, the routers, or both.
        seeds: Paired seeds of the routers, from 0.
        requests_per_slot: Requests of a router's run, per slot of the cluster.
        grid_seed: Seed of the grid's requests and simulations.
        jobs: Processes; -1: as many as there are cores.
        out: Folder for the report, the CSV files, the pictures and the results of single simulations.
    """
    console = progress_console()
    with console.status("loading (the first run compiles for about half a minute)"):
        from brgym.study.reproduce.afd import reproduce

    with study_bar(console) as on_progress:
        report = reproduce(
            out,
            part=part,
            seeds=seeds,
            requests_per_slot=requests_per_slot,
            grid_seed=grid_seed,
            jobs=jobs,
            on_progress=lambda now: on_progress(now.cells, now.done, now.failed),
        )
    print(written_line(report))

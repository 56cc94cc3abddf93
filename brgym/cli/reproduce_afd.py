"""`brgym reproduce afd`: the provisioning formulas against simulation, and routers on the bundle."""

import sys
from pathlib import Path
from typing import Literal


def afd(
    *,
    part: Literal["grid", "routers", "all"] = "all",
    seeds: int = 5,
    requests_per_slot: int = 20,
    jobs: int = -1,
    out: Path = Path("results/afd"),
) -> None:
    """Compare predicted with simulated ratios, and see how a router moves the best one; goes on where it stopped.

    The coefficients are illustrative, measured on no hardware.

    Args:
        part: The grid of predictions and simulations, the routers, or both.
        seeds: Paired seeds of the routers, from 0.
        requests_per_slot: Requests of a router's run, per slot of the cluster.
        jobs: Processes; -1: as many as there are cores.
        out: Folder for the report, the CSV files, the pictures and the results of single simulations.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    with console.status("loading (the first run compiles for about a minute)"):
        from brgym.study.reproduce.afd import reproduce

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("running", total=None)
        report = reproduce(
            out,
            part=part,
            seeds=seeds,
            requests_per_slot=requests_per_slot,
            jobs=jobs,
            on_start=lambda count: progress.update(task, total=count),
            on_done=lambda name: progress.update(task, advance=1),
        )
    print(f"Written: {report}")

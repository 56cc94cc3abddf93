"""`brgym reproduce`: a paper's tables and figures again, one command a paper."""

import sys
from pathlib import Path
from typing import Literal


def balance_route(
    *,
    part: Literal["tables", "ablations", "all"] = "all",
    seeds: int = 10,
    workers: tuple[int, ...] = (4, 8, 16),
    requests: int | None = None,
    jobs: int = -1,
    out: Path = Path("results/balance-route"),
) -> None:
    """Run the policies of BalanceRoute beside the paper's figures, and the ablations; goes on where it stopped.

    Args:
        part: The tables, the ablations, or both.
        seeds: Paired seeds, from 0.
        workers: Numbers of workers of the tables, G; the ablations have 8.
        requests: Requests a run serves, for a quick look; by default as many as in the paper.
        jobs: Processes; -1: as many as there are cores.
        out: Folder for the report, the CSV file, the pictures and the results of single runs.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    with console.status("loading (the first run compiles for about a minute)"):
        from brgym.study.reproduce.balance_route import reproduce

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("running", total=None)
        report = reproduce(
            out,
            part=part,
            seeds=seeds,
            workers=workers,
            requests=requests,
            jobs=jobs,
            on_start=lambda cells: progress.update(task, total=cells),
            on_cell=lambda cell: progress.update(task, advance=1, description=_short(str(cell.setting.router))),
        )
    print(f"Written: {report}")


def _short(text: str, width: int = 32) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"

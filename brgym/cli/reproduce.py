"""`brgym reproduce`: a paper's tables and figures again, one command a paper."""

from pathlib import Path
from typing import Literal

from brgym.cli.outputs import written_line
from brgym.plumbing.terminal import progress_console, study_bar


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
    console = progress_console()
    with console.status("loading (the first run compiles for about half a minute)"):
        from brgym.study.reproduce.balance_route import reproduce

    with study_bar(console) as on_progress:
        report = reproduce(
            out,
            part=part,
            seeds=seeds,
            workers=workers,
            requests=requests,
            jobs=jobs,
            on_progress=lambda now: on_progress(now.cells, now.done, now.failed),
        )
    print(written_line(report))

"""`brgym reproduce`: a paper's tables and figures again, one command a paper."""

from pathlib import Path
from typing import Literal

from brgym.cli.progress import counted, terminal


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
    console = terminal()
    with console.status("loading (the first run compiles for about a minute)"):
        from brgym.study.reproduce.balance_route import reproduce

    with counted(console) as (on_start, on_done):
        report = reproduce(
            out,
            part=part,
            seeds=seeds,
            workers=workers,
            requests=requests,
            jobs=jobs,
            on_start=on_start,
            on_cell=lambda cell: on_done(str(cell.setting.router)),
        )
    print(f"Written: {report}")

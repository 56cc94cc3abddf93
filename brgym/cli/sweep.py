"""`brgym sweep`: a study file, run cell by cell into a folder from which it goes on."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from brgym.cli.outputs import print_lines
from brgym.plumbing.terminal import page, progress_console, study_bar


def sweep(
    study: Annotated[Path, tyro.conf.Positional],
    *,
    out: Path | None = None,
    jobs: int = -1,
    backend: Literal["threads", "processes", "dask", "ray"] | None = None,
    address: str | None = None,
) -> None:
    """Run every cell of a study file: settings x policies x seeds; goes on where it stopped.

    Args:
        study: The study file, TOML; docs/studies.md says what it may hold.
        out: Folder for the results, `cells.parquet` above all; by default `results/` and the name of the file.
        jobs: Cells side by side; -1: as many as there are cores, or as the cluster takes.
        backend: Where cells run; by default threads, or processes where a policy decides in Python.
        address: Where the scheduler of dask or ray is; by default one of its own on this machine.
    """
    terminal = progress_console()
    with terminal.status("loading (the first run compiles for about half a minute)"):
        from brgym.study import Study

        read = Study.from_toml(study)
    folder = Path("results") / study.stem if out is None else out
    with study_bar(terminal) as on_progress:
        results = read.run(
            folder,
            jobs=jobs,
            backend=backend,
            address=address,
            on_progress=lambda now: on_progress(now.cells, now.done, now.failed),
        )
    cells = results.table.num_rows
    print_lines(page(), [f"{read.name}: {cells - results.missing} of {cells} cells are in {folder}."])
    print_lines(page(), [f"To look at it: brgym report {folder} --out {folder.name}.html"])
    if results.failures:
        first = results.failures[0]
        raise ValueError(
            f"{len(results.failures)} of {cells} cells failed, see {folder / 'failures.jsonl'}; the first, "
            f"{first['policy']} under seed {first['seed']}: {first['error']}"
        )

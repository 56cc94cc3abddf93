"""`brgym tune`: a policy's parameters tuned on some seeds and reported on others."""

from pathlib import Path
from typing import Annotated

import tyro

from brgym.cli.outputs import checked_outputs, print_lines, written_line
from brgym.plumbing.terminal import page, progress_bar, progress_console


def tune(
    study: Annotated[Path, tyro.conf.Positional], *, out: Path | None = None, jobs: int = -1, csv: Path | None = None
) -> None:
    """Tune the parameters of a policy that the table [tune] of a study file names; goes on where it stopped.

    Args:
        study: The study file, TOML; docs/tuning.md says what it may hold.
        out: Folder in which runs are kept; by default `results/` and the name of the file.
        jobs: Runs side by side; -1: as many as there are cores.
        csv: Write a row a trial to this file.
    """
    terminal = progress_console()
    with terminal.status("loading (the first run compiles for about half a minute)"):
        from brgym.plumbing.files import write_rows
        from brgym.study.tuning import Tuning

        outputs = checked_outputs({"--csv": csv})
        tuning = Tuning.from_toml(study)
    folder = Path("results") / study.stem if out is None else out
    with progress_bar(terminal) as (on_start, on_trial):
        on_start(tuning.trials)
        tuned = tuning.run(folder, jobs=jobs, on_trial=lambda trial: on_trial(f"trial {trial.number}"))
    for path in outputs.values():
        rows = [{"trial": trial.number, "policy": trial.policy, "objective": trial.objective} for trial in tuned.trials]
        write_rows(rows, path)
    print_lines(page(), [*tuning.told(tuned), *map(written_line, outputs.values())])

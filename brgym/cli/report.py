"""`brgym report`: the results of a sweep as one HTML page."""

from pathlib import Path
from typing import Annotated

import tyro

from brgym.cli.outputs import written_line
from brgym.plumbing.terminal import progress_console


def report(results: Annotated[Path, tyro.conf.Positional], *, out: Path) -> None:
    """Write the results of `brgym sweep` as one HTML page, which opens from disk and needs no network.

    Args:
        results: The folder that `brgym sweep` wrote.
        out: The page, a .html file.
    """
    with progress_console().status("writing the page"):
        from brgym.study.report import write_report

        write_report(results, out)
    print(written_line(out))

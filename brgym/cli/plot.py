"""`brgym plot`: a figure of a sweep along a setting, as a picture."""

import re
from pathlib import Path
from typing import Annotated, Literal

import tyro

from brgym.cli.outputs import print_lines, written_line
from brgym.plumbing.terminal import page, progress_console


def plot(
    results: Annotated[Path, tyro.conf.Positional],
    *,
    out: Path,
    figure: str = "imbalance_mean",
    along: str = "workload.load",
    where: str = "",
    panels: str | None = None,
    policies: str = "",
    limit: float | None = None,
    knees: bool = True,
    scale: Literal["linear", "log"] = "linear",
    columns: Literal[1, 2] = 1,
) -> None:
    """Draw a figure of `brgym sweep` along a setting, a line a policy, with its intervals.

    Args:
        results: The folder that `brgym sweep` wrote.
        out: The picture, a PNG, PDF or SVG file.
        figure: Which figure, as the columns of cells.parquet are called.
        along: Which setting, by its dotted name; its values must be numbers, others (backlog) are left out.
        where: What other settings must be, as `workload.name=azure-2023-conv,cluster.workers=8`.
        panels: A setting of whose every value there is a panel, as workload.name.
        policies: Which policies, written as the study has them, with ; between them; by default all.
        limit: What the figure should keep to, in the picture's unit; knees are then where lines cross it.
        knees: Mark where each line bends, along the load.
        scale: Of the figure's axis.
        columns: Columns of a paper that the picture spans.
    """
    with progress_console().status("drawing"):
        from brgym.plumbing.files import check_writable
        from brgym.plumbing.pictures import check_picture, write_picture
        from brgym.study.study import read_results
        from brgym.study.study_pictures import draw_along

        check_picture("--out", out)
        check_writable({"--out": out})
        drawn = draw_along(
            read_results(results),
            along,
            figure,
            where=_where(where),
            panels=panels,
            policies=[policy.strip() for policy in policies.split(";") if policy.strip()] or None,
            limit=limit,
            knees=knees,
            scale=scale,
            columns=columns,
        )
        write_picture(drawn, out)
    print_lines(page(), [written_line(out)])


def _where(written: str) -> dict[str, str]:
    """Settings by dotted name; a comma belongs to the value before it unless a dotted name and = follow."""
    found = {}
    for part in filter(None, (part.strip() for part in re.split(r",(?=\s*[\w-]+\.[\w.-]+\s*=)", written))):
        key, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign:
            raise ValueError(f"where must be KEY=VALUE,..., got {part!r}")
        found[key] = value
    return found

"""A figure against the number of workers."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from brgym.plumbing.picture_style import for_paper, legend_below, new_figure
from brgym.study.pictures.lines import Line, plot_lines
from brgym.study.pictures.units import plainly


@for_paper
def draw_scaling(
    lines: Sequence[Line],
    *,
    label: str,
    scale: Literal["linear", "log"] = "linear",
    columns: Literal[1, 2] = 1,
) -> Figure:
    """Draws a line a policy with its interval as a band; every doubling of the workers is as wide as the next.

    Args:
        lines: What to draw, `at` the numbers of workers, G.
        label: What the figure is, with the unit.
        scale: Of the figure's axis; "log" where it spans powers of ten.
        columns: How many columns of a paper it spans.

    Raises:
        ValueError: If there is no line, or a number of workers below 1.
    """
    figure = new_figure(columns, height_in=2.2)
    axes = figure.add_subplot()
    plot_lines(axes, lines)
    workers = sorted({float(number) for line in lines for number in np.asarray(line.at)})
    if workers[0] < 1:
        raise ValueError(f"at must be numbers of workers, at least 1, got {workers[0]:g}")
    axes.set_xscale("log", base=2)
    plainly(axes.xaxis)
    axes.set_xticks(workers)
    axes.set_yscale(scale)
    plainly(axes.yaxis)
    if scale == "linear":
        axes.set_ylim(bottom=0)
    axes.set_xlabel("workers $G$")
    axes.set_ylabel(label)
    legend_below(figure, axes)
    return figure

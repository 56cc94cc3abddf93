"""A figure against the load, with the knee."""

from collections.abc import Mapping, Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from brgym.plumbing.picture_style import GREY, for_paper, legend_below, new_figure, series
from brgym.study.pictures.lines import Line, plot_lines
from brgym.study.pictures.units import plainly


@for_paper
def draw_against_load(
    lines: Sequence[Line],
    *,
    label: str,
    load_label: str = "load (share of capacity)",
    knees: Mapping[str, float] | None = None,
    limit: float | None = None,
    scale: Literal["linear", "log"] = "linear",
    columns: Literal[1, 2] = 1,
) -> Figure:
    """Draws a line a policy with its interval as a band, and where each has its knee.

    Args:
        lines: What to draw, `at` the loads.
        label: What the figure is, with the unit: "p95 of TTFT (s)".
        load_label: What the load is, with the unit.
        knees: Load of the knee, by label of the line: up to there the policy serves well. Drawn as a mark at the foot
            of the axes, in the line's colour.
        limit: A level that the figure should keep below, as of an SLO; None for none.
        scale: Of the figure's axis; "log" where it spans powers of ten.
        columns: How many columns of a paper it spans.

    Raises:
        ValueError: If there is no line, or a knee of a line that is not there.
    """
    figure = new_figure(columns, height_in=2.2)
    axes = figure.add_subplot()
    _plot(axes, lines, knees or {}, limit, scale)
    axes.set_xlabel(load_label)
    axes.set_ylabel(label)
    legend_below(figure, axes)
    return figure


@for_paper
def draw_load_panels(
    panels: Mapping[str, Sequence[Line]],
    *,
    label: str,
    load_label: str = "load (share of capacity)",
    knees: Mapping[str, Mapping[str, float]] | None = None,
    limit: float | None = None,
    scale: Literal["linear", "log"] = "linear",
) -> Figure:
    """Draws `draw_against_load` for several cases side by side, two in a row, over a page's width with one legend.

    Args:
        panels: The lines of each case, by the panel's title; lines of one label look alike where all cases have the
            same in the same order.
        label: As in `draw_against_load`.
        load_label: As in `draw_against_load`.
        knees: Of each panel, as in `draw_against_load`.
        limit: As in `draw_against_load`.
        scale: As in `draw_against_load`.

    Raises:
        ValueError: If there is no panel, or as `draw_against_load`.
    """
    if not panels:
        raise ValueError("panels is empty: nothing to draw")
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(2, height_in=1.9 * rows)
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    bends = {title: (knees or {}).get(title, {}) for title in panels}
    for place, (title, lines) in enumerate(panels.items()):
        axes = grid[place // columns, place % columns]
        _plot(axes, lines, bends[title], limit, scale)
        axes.set_title(title)
        axes.set_ylabel(label)
        axes.set_xlabel(load_label)
        if place + columns >= len(panels):
            axes.tick_params(labelbottom=True)
    for place in range(len(panels), rows * columns):
        figure.delaxes(grid[place // columns, place % columns])
    with_knee = next((place for place, title in enumerate(panels) if bends[title]), 0)
    legend_below(figure, grid[with_knee // columns, with_knee % columns])
    return figure


def _plot(
    axes: Axes, lines: Sequence[Line], knees: Mapping[str, float], limit: float | None, scale: Literal["linear", "log"]
) -> None:
    plot_lines(axes, lines)
    axes.set_yscale(scale)
    plainly(axes.yaxis)
    if scale == "linear":
        axes.set_ylim(bottom=0)
    if limit is not None:
        axes.axhline(limit, color=GREY, linestyle=":", linewidth=1.0, label="limit")
    numbers = {line.label: number for number, line in enumerate(lines)}
    if unknown := set(knees) - set(numbers):
        raise ValueError(f"knees names {', '.join(sorted(unknown))}; the lines are {', '.join(numbers)}")
    for policy, knee in knees.items():
        look = series(numbers[policy])
        axes.axvline(knee, color=look.color, linestyle=look.linestyle, linewidth=0.7, alpha=0.7)
        axes.plot(
            knee, 0, marker="^", markersize=6, color=look.color, transform=axes.get_xaxis_transform(), clip_on=False
        )
    if knees:
        axes.plot([], [], marker="^", linestyle="none", color=GREY, markersize=6, label="knee")
    axes.margins(x=0.03)

"""What prediction is worth: the imbalance that each classifier leaves, against its error."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from brgym.plumbing.picture_style import GREY, for_paper, new_figure, series
from brgym.study.pictures.units import plainly
from brgym.study.statistics import Estimate


@dataclass(frozen=True)
class Predicted:
    """One classifier in the picture.

    Attributes:
        name: What stands beside its mark.
        error: How wrong it is, in the unit of the axis.
        outcome: What the router made of it, with its interval.
        family: Classifiers of one family have the same colour and mark.
    """

    name: str
    error: float
    outcome: Estimate
    family: str = ""


@for_paper
def draw_prediction(
    points: Sequence[Predicted],
    *,
    error_label: str,
    label: str,
    levels: Mapping[str, float] | None = None,
    columns: Literal[1, 2] = 1,
) -> Figure:
    """Draws a named mark a classifier, with the interval of its outcome.

    Args:
        points: The classifiers.
        error_label: What the error is, with the unit.
        label: What the outcome is, with the unit.
        levels: Outcomes of routers that predict nothing, by name; drawn as levels.
        columns: How many columns of a paper it spans.

    Raises:
        ValueError: If there is no point.
    """
    if not points:
        raise ValueError("points is empty: nothing to draw")
    figure = new_figure(columns, height_in=2.8)
    axes = figure.add_subplot()
    families = list(dict.fromkeys(point.family for point in points))
    for point in points:
        look = series(families.index(point.family))
        mean = point.outcome.mean
        reach = [[mean - point.outcome.low], [point.outcome.high - mean]]
        axes.errorbar(point.error, mean, yerr=reach, fmt=look.marker, color=look.color, capsize=2, elinewidth=0.8)
    for name, level in (levels or {}).items():
        axes.axhline(level, color=GREY, linestyle="--", linewidth=0.9)
        axes.annotate(
            name,
            (1, level),
            xycoords=axes.get_yaxis_transform(),
            xytext=(-2, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=GREY,
            fontsize=7,
        )
    axes.margins(x=0.2, y=0.15)
    plainly(axes.yaxis)
    axes.set_xlabel(error_label)
    axes.set_ylabel(label)
    for family in families:
        if family:
            look = series(families.index(family))
            axes.plot([], [], look.marker, color=look.color, label=family)
    if any(families):
        figure.legend(loc="outside lower center", ncols=3)
    _name(figure, points)
    return figure


def _name(figure: Figure, points: Sequence[Predicted]) -> None:
    """Writes each name beside its mark, at the first place where it hides nothing; the furthest have a line to it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    axes = figure.axes[0]
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()  # the layout decides where the marks are
    taken = [_around(axes, point) for point in points]
    taken += [level.get_window_extent(canvas.get_renderer()) for level in axes.texts]
    for point in sorted(points, key=lambda point: point.outcome.mean):
        tried: list[tuple[float, Annotation, Bbox]] = []
        for place in _PLACES:
            text = _written(axes, point, *place)
            text.update_positions(canvas.get_renderer())
            box = Text.get_window_extent(text, canvas.get_renderer())  # without the line to its mark
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0
            tried.append((sum(map(box.overlaps, taken)) + (not inside), text, box))
            if tried[-1][0] == 0:
                break
        _, kept, box = min(tried, key=lambda trial: trial[0])
        for _, text, _ in tried:
            if text is not kept:
                text.remove()
        taken.append(box)


def _around(axes: Axes, point: Predicted) -> Bbox:
    """The box of a mark and its interval, in pixels."""
    low, high = (point.outcome.mean if math.isnan(end) else end for end in (point.outcome.low, point.outcome.high))
    corners = axes.transData.transform([(point.error, low), (point.error, high)])
    return Bbox(corners).padded(_HALF_MARK)


def _written(axes: Axes, point: Predicted, right: float, up: float) -> Annotation:
    far = math.hypot(right, up) > _NEAR
    return axes.annotate(
        point.name,
        (point.error, point.outcome.mean),
        xytext=(right, up),
        textcoords="offset points",
        ha="left" if right > 0 else "right" if right < 0 else "center",
        va="center" if up == 0 else "bottom" if up > 0 else "top",
        fontsize=6.5,
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3} if far else None,
    )


_HALF_MARK = 7
_NEAR = 10
_DIRECTIONS = ((1, 0), (-1, 0), (0.8, 0.6), (-0.8, 0.6), (0.8, -0.6), (-0.8, -0.6), (0, 1), (0, -1))
_PLACES = [(reach * right, reach * up) for reach in (5, 12, 18, 25, 33) for right, up in _DIRECTIONS]
"""Where a name may stand, in points from its mark: the nearest that is free."""

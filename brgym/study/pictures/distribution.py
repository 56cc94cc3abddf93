"""How a figure is spread over the requests, of several policies."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from brgym.plumbing.picture_style import for_paper, legend_below, new_figure, series
from brgym.study.pictures.units import plainly


@for_paper
def draw_distribution(
    values: Mapping[str, npt.ArrayLike],
    *,
    label: str,
    tail: bool = False,
    scale: Literal["linear", "log"] = "linear",
    columns: Literal[1, 2] = 1,
) -> Figure:
    """Draws the share of requests at or below each value, or above it, a line a policy.

    Args:
        values: One value a request, by policy, shape (requests,); those that are NaN are left out.
        label: What the values are, with the unit: "TPOT (ms)".
        tail: Draw the share *above* each value, on a logarithmic axis: what the slowest per mille meets.
        scale: Of the values' axis; "log" where they span powers of ten, and then all must be above 0.
        columns: How many columns of a paper it spans.

    Raises:
        ValueError: If there is no policy, or one without a value, or one not above 0 where `scale` is "log".
    """
    if not values:
        raise ValueError("values is empty: nothing to draw")
    figure = new_figure(columns, height_in=2.1)
    axes = figure.add_subplot()
    largest = 0
    for number, (policy, given) in enumerate(values.items()):
        ordered = _ordered(policy, given, scale)
        largest = max(largest, len(ordered))
        look = series(number)
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        heights = 1 - np.concatenate([[0.0], share[:-1]]) if tail else share  # tail: of those at or above it
        axes.step(
            ordered,
            heights,
            where="pre" if tail else "post",
            color=look.color,
            linestyle=look.linestyle,
            label=policy,
        )
    axes.set_xscale(scale)
    plainly(axes.xaxis)
    axes.set_xlabel(label)
    if tail:
        axes.set_yscale("log")
        axes.set_ylim(0.8 / largest, 1.2)
        plainly(axes.yaxis)
        axes.set_ylabel("share at or above")
    else:
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("share at or below")
    legend_below(figure, axes)
    return figure


def _ordered(policy: str, given: npt.ArrayLike, scale: str) -> npt.NDArray[np.float64]:
    sample = np.asarray(given, np.float64)
    ordered = np.sort(sample[~np.isnan(sample)])
    if len(ordered) == 0:
        raise ValueError(f"values of {policy!r}: there is none")
    if scale == "log" and ordered[0] <= 0:
        raise ValueError(f"values of {policy!r} must be above 0 on a logarithmic axis, got {ordered[0]:g}")
    return ordered

"""The loads of all workers over time, under the envelope."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from brgym.cluster import Integers, Records
from brgym.plumbing.picture_style import ENVELOPE, GREY, LOAD, for_paper, new_figure
from brgym.study.pictures.units import in_thousands

_POINTS = 900
"""Points of a line at most: more than a printed page shows."""


@for_paper
def draw_worker_loads(
    load_tokens: Integers,
    steps: Records,
    *,
    kv_capacity: int | None = None,
    between_s: tuple[float, float] | None = None,
    from_zero: bool = True,
) -> Figure:
    """Draws a line a worker, the envelope M above them, and their mean: the gap between these two is the imbalance / G.

    Where there are more steps than a page shows, each point of a worker's line and of the mean is a mean over
    neighbouring steps, and each of the envelope their mean envelope, so that the gap stays what it is.

    Args:
        load_tokens: Load of each worker in each step, shape (steps, workers), see `brgym.study.WorkerLoads`.
        steps: The steps, `start_s` and `duration_s`, shape (steps,).
        kv_capacity: The workers' capacity in tokens, to draw as a limit; None for none.
        between_s: From when to when, in seconds; None for the whole run.
        from_zero: Whether the loads' axis begins at 0; where not, small differences show, and proportions do not.

    Raises:
        ValueError: If the shapes do not belong together, or if there is no step between these times.
    """
    if len(load_tokens) != len(steps):
        raise ValueError(f"load_tokens has {len(load_tokens)} steps, steps has {len(steps)}")
    low_s, high_s = between_s or (0.0, np.inf)
    shown = (steps["start_s"] + steps["duration_s"] > low_s) & (steps["start_s"] < high_s)
    if not shown.any():
        raise ValueError(f"between_s: the run has no step between {low_s:g} and {high_s:g} s")
    loads, start_s = load_tokens[shown], steps["start_s"][shown]
    first = np.unique(np.linspace(0, len(loads), _POINTS, endpoint=False).astype(np.int64))
    count = np.diff(first, append=len(loads))
    means = np.add.reduceat(loads, first, axis=0) / count[:, None]
    envelope = np.add.reduceat(loads.max(axis=1), first) / count
    figure = new_figure(2, height_in=2.6)
    axes = figure.add_subplot()
    _workers(axes, start_s[first], means)
    axes.plot(
        start_s[first], means.mean(axis=1), color="black", linewidth=1.1, linestyle="--", label="mean of the workers"
    )
    axes.plot(start_s[first], envelope, color=ENVELOPE, linewidth=1.4, label="envelope $M$")
    if kv_capacity is not None:
        axes.axhline(kv_capacity, color=GREY, linestyle=":", label="KV capacity")
    axes.set_xlim(start_s[0], start_s[-1] + steps["duration_s"][shown][-1])
    if from_zero:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("load of a worker (thousand tokens)")
    in_thousands(axes.yaxis)
    _legend(figure, axes, loads.shape[1])
    return figure


def _workers(axes: Axes, times_s: npt.NDArray[np.float64], loads: npt.NDArray[np.float64]) -> None:
    """One thin line a worker; the more there are, the fainter."""
    lines = [np.column_stack([times_s, worker]) for worker in loads.T]
    opacity = max(0.12, min(0.8, 4 / len(lines)))
    axes.add_collection(LineCollection(lines, colors=LOAD, linewidths=0.7, alpha=opacity), autolim=True)
    axes.autoscale_view()


def _legend(figure: Figure, axes: Axes, workers: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    every = Line2D([], [], color=LOAD, linewidth=0.9)
    figure.legend(
        [every, *handles], [f"each of {workers} workers", *labels], loc="outside lower center", ncols=1 + len(handles)
    )

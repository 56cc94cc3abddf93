"""One worker over time: who held which slot, and who was thrown out."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from brgym._checks import check_choice
from brgym.cluster import Integers, Reals, Records
from brgym.plumbing.picture_style import AMOUNTS, LOAD, PREEMPTED, for_paper, new_figure
from brgym.study.pictures.units import PLAIN, in_thousands
from brgym.study.stays import slots_of
from brgym.study.worker_loads import WorkerLoads
from brgym.workload import Workload

_PIECES = 24
"""Into how many pieces a bar is cut whose colour changes along it."""

_COLOURS = {"context": "tokens held", "output": "output tokens", "prompt": "prompt tokens"}
_HALF_BAR = 0.42
_SHADED = (0.02, 0.98)


@dataclass(frozen=True)
class _Bars:
    """The stays that are drawn, one an entry: their rows, and from when to when they last."""

    stays: Records
    slots: Integers
    begin_s: Reals
    end_s: Reals

    def pick(self, chosen: Integers) -> "_Bars":
        return _Bars(self.stays[chosen], self.slots[chosen], self.begin_s[chosen], self.end_s[chosen])


@for_paper
def draw_timeline(
    stays: Records,
    steps: Records,
    workload: Workload,
    worker: int,
    *,
    colour: Literal["context", "output", "prompt"] = "context",
    between_s: tuple[float, float] | None = None,
) -> Figure:
    """Draws a bar for each request's stay on a worker, a row a slot, and the worker's load below.

    Args:
        stays: As `brgym.study.stays_of` or, with preemptions, `record_stays` gives them.
        steps: The steps of the run, `start_s` and `duration_s`.
        workload: The requests.
        worker: The worker.
        colour: What the colour tells: "context", tokens held, which grow along the bar; "output" or "prompt", the
            request's length.
        between_s: From when to when, in seconds; None for the whole run.

    Raises:
        ValueError: If the worker has no stay between these times, or `colour` is unknown.
    """
    check_choice("colour", colour, _COLOURS)
    end_s = float(steps["start_s"][-1] + steps["duration_s"][-1])
    low_s, high_s = between_s or (float(steps["start_s"][0]), end_s)
    on_worker = stays[stays["worker"] == worker]
    bars = _bars(on_worker, steps)
    bars = bars.pick(np.flatnonzero((bars.end_s > low_s) & (bars.begin_s < high_s)))
    if len(bars.stays) == 0:
        raise ValueError(f"worker {worker} has no request between {low_s:g} and {high_s:g} s")
    figure = new_figure(2, height_in=3.6)
    above, below = figure.subplots(2, 1, height_ratios=(3.2, 1), sharex=True)
    drawn = _draw_bars(above, bars, _amounts(bars, workload, colour))
    above.set_xlim(low_s, high_s)
    above.set_ylabel(f"slot of worker {worker}")
    scale = figure.colorbar(drawn, ax=above, pad=0.01, aspect=18, extend="both")
    scale.set_label(_COLOURS[colour])
    if isinstance(drawn.norm, LogNorm):
        scale.locator = LogLocator(subs=(1.0, 2.0, 5.0))
    scale.formatter = PLAIN
    scale.minorformatter = NullFormatter()
    _draw_load(below, on_worker, steps)
    if above.get_legend_handles_labels()[0]:
        figure.legend(loc="outside upper right")
    return figure


def _bars(stays: Records, steps: Records) -> _Bars:
    """A stay ends with its last step, not with the start of the next one, which may come much later."""
    last = np.maximum(stays["stop_step"] - 1, stays["first_step"])
    end_s = steps["start_s"][last] + steps["duration_s"][last]
    return _Bars(stays, slots_of(stays), steps["start_s"][stays["first_step"]], end_s)


def _amounts(bars: _Bars, workload: Workload, colour: str) -> Reals:
    """What the colour of each piece of each bar tells, shape (bars, pieces)."""
    if colour == "context":
        gained = bars.stays["stop_step"] - bars.stays["first_step"]
        middles = (np.arange(_PIECES) + 0.5) / _PIECES
        return np.asarray(bars.stays["context_tokens"][:, None] + gained[:, None] * middles)
    lengths = workload.output_tokens if colour == "output" else workload.prompt_tokens
    return lengths[bars.stays["request"]][:, None].astype(np.float64)


def _draw_bars(axes: Axes, bars: _Bars, amounts: Reals) -> PatchCollection:
    pieces = amounts.shape[1]
    wide_s = (bars.end_s - bars.begin_s) / pieces
    rectangles = [
        Rectangle((begin_s + piece * wide, slot - _HALF_BAR), wide, 2 * _HALF_BAR)
        for begin_s, wide, slot in zip(bars.begin_s, wide_s, bars.slots, strict=True)
        for piece in range(pieces)
    ]
    low, high = np.quantile(amounts, _SHADED).tolist()  # a few outliers do not take the colours from all the others
    norm = LogNorm(low, high) if high > 20 * low else Normalize(low, max(high, low + 1))
    drawn = PatchCollection(rectangles, cmap=AMOUNTS, norm=norm, linewidths=0, rasterized=True)
    drawn.set_array(amounts.reshape(-1))
    axes.add_collection(drawn)
    begins = [[(x, y - _HALF_BAR), (x, y + _HALF_BAR)] for x, y in zip(bars.begin_s, bars.slots, strict=True)]
    axes.add_collection(LineCollection(begins, colors="white", linewidths=0.6))
    out = bars.stays["preempted"]
    if out.any():
        axes.plot(
            bars.end_s[out], bars.slots[out], "x", color=PREEMPTED, markersize=4, markeredgewidth=1.2, label="preempted"
        )
    axes.set_ylim(bars.slots.max() + 0.8, -0.8)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(False)
    return drawn


def _draw_load(axes: Axes, stays: Records, steps: Records) -> None:
    alone = stays.copy()
    alone["worker"] = 0
    load = WorkerLoads.of(alone, steps=len(steps), workers=1).load_tokens[:, 0]
    axes.step(steps["start_s"], load, where="post", color=LOAD, linewidth=0.9)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("load\n(k tokens)")
    in_thousands(axes.yaxis)

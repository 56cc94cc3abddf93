"""How pictures look: the palette, the sizes and the letters, each in this one place.

The colours are Okabe and Ito's (Color Universal Design, 2008), which the colour-blind tell apart. Lines differ in their
dashes and marks as well, so that a print in black and white can still be read.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, BLACK, GREY, PALE = "#CC79A7", "#56B4E9", "#000000", "#7F7F7F", "#E1E6EB"

LOAD, ENVELOPE, WAITING, PREEMPTED = BLUE, VERMILION, ORANGE, VERMILION
"""What loads, the envelope, waiting requests and preemptions are drawn in, in every picture."""

AMOUNTS = "viridis"
"""The colour map of amounts; light and dark alone tell more from less."""

COLUMN_IN, PAGE_IN = 3.5, 7.16
"""Widths of a figure over one and over two columns of a paper, in inches (IEEE's; ACM's are nearly the same)."""

PAPER: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
}
"""Matplotlib's parameters for a figure that stands in a paper at its own size."""

_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (5, 1, 1, 1)), (0, (1, 1)), (0, (8, 2, 2, 2)), (0, (3, 1)), "-")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")


class Series(NamedTuple):
    """How one of several lines is drawn, in Matplotlib's words."""

    color: str
    linestyle: Any
    marker: str


def series(number: int) -> Series:
    """How the line of a number, from 0, is drawn; the first 63 differ in colour or mark."""
    return Series(_COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)], _MARKS[number % len(_MARKS)])


def for_paper(draw: Callable[P, R]) -> Callable[P, R]:
    """The function with Matplotlib's parameters set to `PAPER` while it draws."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib as mpl  # takes a second to import

        with mpl.rc_context(PAPER):
            return draw(*args, **kwargs)

    return styled


def new_figure(columns: Literal[1, 2] = 1, *, height_in: float = 2.4) -> "Figure":
    """An empty figure as wide as one or two columns of a paper, to be drawn on under `for_paper`.

    Raises:
        ValueError: If `columns` is neither 1 nor 2.
    """
    from matplotlib.figure import Figure

    if columns not in (1, 2):
        raise ValueError(f"columns must be 1 or 2, got {columns!r}")
    return Figure(figsize=(COLUMN_IN if columns == 1 else PAGE_IN, height_in), dpi=200, layout="constrained")


def legend_below(figure: "Figure", axes: "Axes") -> None:
    """A legend under the axes, where it hides nothing, in as many columns as fit; the figure grows by its height."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        entry_in = _HANDLE_IN + _LETTER_IN * max(map(len, labels))
        columns = min(max(1, int(figure.get_figwidth() / entry_in)), len(handles))
        figure.set_figheight(figure.get_figheight() + _ROW_IN * -(-len(handles) // columns))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)


_HANDLE_IN, _LETTER_IN, _ROW_IN = 0.5, 0.055, 0.15
"""How wide a sample of a line is in a legend, a letter, and how high a row, roughly, with the letters of `PAPER`."""

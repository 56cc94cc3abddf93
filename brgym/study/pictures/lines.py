"""Lines of estimates with their intervals: what figures against load and against the number of workers share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from brgym.plumbing.picture_style import series


@dataclass(frozen=True)
class Line:
    """A figure of one policy along a parameter.

    Attributes:
        label: What the legend calls it.
        at: Values of the parameter, rising, shape (points,).
        mean: The estimates, shape (points,).
        low: Lower ends of their intervals, shape (points,); NaN, as of one seed, draws none.
        high: Upper ends of the same.

    Raises:
        ValueError: If the shapes differ, there is no point, or `at` does not rise.
    """

    label: str
    at: npt.ArrayLike
    mean: npt.ArrayLike
    low: npt.ArrayLike
    high: npt.ArrayLike

    def __post_init__(self) -> None:
        for name in ("at", "mean", "low", "high"):
            column = np.asarray(getattr(self, name), np.float64)
            object.__setattr__(self, name, column)
            if column.ndim != 1 or len(column) == 0 or len(column) != len(np.atleast_1d(self.at)):
                raise ValueError(f"{name} of {self.label!r} must have one value for each of `at`, got {column.shape}")
        if np.any(np.diff(np.asarray(self.at)) <= 0):
            raise ValueError(f"at of {self.label!r} must rise")


def plot_lines(axes: Axes, lines: Sequence[Line]) -> None:
    """Plots the lines with a mark at each estimate, and their intervals as bands.

    Raises:
        ValueError: If there is no line.
    """
    if not lines:
        raise ValueError("lines is empty: nothing to draw")
    for number, line in enumerate(lines):
        look = series(number)
        axes.fill_between(line.at, line.low, line.high, color=look.color, alpha=0.18, linewidth=0)
        axes.plot(line.at, line.mean, color=look.color, linestyle=look.linestyle, marker=look.marker, label=line.label)

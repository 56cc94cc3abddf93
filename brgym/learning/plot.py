"""The learning curve as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from brgym.learning.training import Point
from brgym.plumbing.pictures import write_picture


def write_curve_plot(curve: Sequence[Point], rivals: Mapping[str, float], path: Path) -> None:
    """Writes a picture: imbalance on the validation seeds, as a ratio to BR-0's, against decisions played.

    Args:
        curve: The learning curve.
        rivals: The same ratio of other routers, by name; drawn as levels.
        path: The file.

    Raises:
        OSError: If the file cannot be written.
    """
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(
        [point.decisions / 1e6 for point in curve],
        [point.ratio for point in curve],
        marker=".",
        label="learned",
    )
    for number, (name, ratio) in enumerate(rivals.items(), start=1):
        axes.axhline(ratio, color=f"C{number}", linestyle="--", linewidth=1, label=name)
    axes.set_xlabel("decisions played in PPO (millions); at 0: after imitation")
    axes.set_ylabel("imbalance, ratio to BR-0's\n(validation seeds)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    write_picture(figure, path)

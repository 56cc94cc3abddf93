"""The learning curve as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from brgym.learning.training import Point
from brgym.study.files import write_atomically


def write_curve_plot(curve: Sequence[Point], rivals: Mapping[str, float], path: Path) -> None:
    """Writes a PNG: imbalance on the validation seeds against decisions played.

    Args:
        curve: The learning curve.
        rivals: Imbalance of other routers on the same seeds, in tokens, by name; drawn as levels.
        path: The file.

    Raises:
        OSError: If the file cannot be written.
    """
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(
        [point.decisions / 1e6 for point in curve],
        [point.imbalance_tokens / 1e3 for point in curve],
        marker=".",
        label="learned",
    )
    for number, (name, imbalance) in enumerate(rivals.items(), start=1):
        axes.axhline(imbalance / 1e3, color=f"C{number}", linestyle="--", linewidth=1, label=name)
    axes.set_xlabel("decisions played in PPO (millions); at 0: after imitation")
    axes.set_ylabel("imbalance, validation seeds\n(thousands of tokens)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    write_atomically(path, lambda file: figure.savefig(file, format="png"))

"""Figures as PNG files."""

from pathlib import Path
from typing import TYPE_CHECKING

from brgym.plumbing.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_png(figure: "Figure", path: Path) -> None:
    """Writes a figure as PNG, whole or not at all, at its own dots per inch.

    Args:
        figure: The figure.
        path: The file; replaced if it is there.

    Raises:
        OSError: If it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import

    FigureCanvasAgg(figure)
    write_atomically(path, lambda file: figure.savefig(file, format="png"))

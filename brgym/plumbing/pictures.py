"""Figures as files: PNG, PDF or SVG, as the file's name says."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from brgym.plumbing.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_UNDATED: dict[str, dict[str, Any]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}

SUFFIXES = tuple(_UNDATED)
"""How the name of a picture may end."""


def check_picture(name: str, path: Path) -> None:
    """Refuses a path that is no picture's.

    Args:
        name: The option or parameter that names it.
        path: The file.

    Raises:
        ValueError: If it does not end in one of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{name} must name a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file, got {path}")


def write_picture(figure: "Figure", path: Path) -> None:
    """Writes a figure, whole or not at all; the same figure gives the same bytes: no dates, no random names.

    PNG is written at the figure's own dots per inch. Letters are embedded in a PDF (TrueType, as journals ask), and
    drawn as outlines in an SVG, so that both look the same everywhere.

    Args:
        figure: The figure.
        path: The file, whose suffix decides the format; replaced if it is there.

    Raises:
        ValueError: As `check_picture`.
        OSError: If it cannot be written.
    """
    import matplotlib as mpl  # takes a second to import

    check_picture("path", path)
    kind = path.suffix.lower()
    with mpl.rc_context({"svg.hashsalt": "brgym", "svg.fonttype": "path", "pdf.fonttype": 42}):
        write_atomically(path, lambda file: figure.savefig(file, format=kind[1:], metadata=_UNDATED[kind]))

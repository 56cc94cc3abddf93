"""What a command hands over: pages on standard output, and files."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_PICTURES, _TABLES = ("--plot", "--timeline", "--distribution"), ("--requests-table", "--steps-table")


def checked_outputs(paths: dict[str, Path | None]) -> dict[str, Path]:
    """The files that were asked for, by option, checked before the work is done.

    Raises:
        ValueError: If a picture or a table names a file whose suffix stands for no format, or as
            `brgym.plumbing.files.check_writable`.
        OSError: As `brgym.plumbing.files.check_writable`.
    """
    from brgym.plumbing.files import check_writable
    from brgym.plumbing.pictures import check_picture
    from brgym.plumbing.tables import check_table_name

    outputs = {option: path for option, path in paths.items() if path is not None}
    for option, path in outputs.items():
        if option in _PICTURES:
            check_picture(option, path)
        elif option in _TABLES:
            check_table_name(option, path)
    check_writable(outputs)
    return outputs


def print_page(table: "Table", lines: Iterable[str], written: Iterable[Path]) -> None:
    """Prints a table, lines below it, and which files were written."""
    from brgym.plumbing.terminal import page

    console = page()
    console.print(table)
    print_lines(console, [*lines, *map(written_line, written)])


def print_lines(console: "Console", lines: Iterable[str]) -> None:
    """Prints lines as they are: neither wrapped nor coloured, and brackets are no markup."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def written_line(path: Path) -> str:
    """Says that a file was written."""
    return f"Written: {path}"

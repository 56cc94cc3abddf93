"""Where commands print: pages of results on standard output, progress on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_LONGEST_NAME = 32


def page(*, width: int = 130) -> "Console":
    """Where results are printed: standard output.

    Args:
        width: Columns where that is no terminal: a file has no edge to wrap at.
    """
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width)


def progress_console() -> "Console":
    """Where progress is shown: standard error, and nowhere if that is no terminal."""
    from rich.console import Console

    return Console(stderr=True, quiet=not sys.stderr.isatty())


def progress(console: "Console", *, counted: bool) -> "Progress":
    """Lines of progress that vanish at the end.

    Args:
        console: Where to show them.
        counted: Whether each has a bar and says how many there are and how many are done.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = (BarColumn(), MofNCompleteColumn()) if counted else ()
    return Progress(TextColumn("{task.description}"), *bar, TimeElapsedColumn(), console=console, transient=True)


@contextmanager
def progress_bar(console: "Console") -> Iterator[tuple[Callable[[int], None], Callable[[object], None]]]:
    """Shows a bar while the block runs.

    Args:
        console: Where to show it.

    Yields:
        What to call once with the number of things to do, known in advance or learned on the way; and what to call with
        each that is done, whose text names it.
    """
    with progress(console, counted=True) as shown:
        task = shown.add_task("running", total=None)
        yield (
            lambda total: shown.update(task, total=total),
            lambda done: shown.update(task, advance=1, description=_short(str(done))),
        )


@contextmanager
def study_bar(console: "Console") -> Iterator[Callable[[int, int, int], None]]:
    """Shows how far a study is while the block runs: cells done and failed, time gone and time left.

    Args:
        console: Where to show it.

    Yields:
        What to tell of progress.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=console, transient=True) as shown:
        task = shown.add_task("cells", total=None)

        def tell(cells: int, done: int, failed: int) -> None:
            said = f"cells, {failed} failed" if failed else "cells"
            shown.update(task, total=cells, completed=done + failed, description=said)

        yield tell


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"

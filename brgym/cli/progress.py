"""A progress bar for studies that learn only on the way how much there is to do."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 32


def terminal() -> "Console":
    """Where progress is shown: standard error, and nowhere if that is no terminal."""
    from rich.console import Console

    return Console(stderr=True, quiet=not sys.stderr.isatty())


@contextmanager
def counted(console: "Console") -> Iterator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """Shows a bar while the block runs.

    Args:
        console: See `terminal`.

    Yields:
        What to call once with the number of things to do, and what to call with the name of each that is done.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("running", total=None)
        yield (
            lambda total: progress.update(task, total=total),
            lambda name: progress.update(task, advance=1, description=_short(name)),
        )


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"

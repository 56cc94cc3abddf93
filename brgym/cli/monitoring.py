"""Progress of a training: in the terminal, and for TensorBoard."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from classifiers.learned import Monitor


@contextmanager
def monitoring(console: "Console", log_folder: Path | None) -> "Iterator[Callable[[str], Monitor]]":
    """Shows progress, and logs it for TensorBoard where a folder is named; gives a monitor for each name asked for.

    Raises:
        ValueError: If TensorBoard is asked for and not installed.
    """
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    writer = None if log_folder is None else _summary_writer(log_folder)
    with Progress(TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True) as progress:

        def monitor_of(name: str) -> "Monitor":
            task = progress.add_task(name)

            def tell(stage: str, done: int, figures: Mapping[str, float]) -> None:
                shown = "".join(f", {figure} {value:.4f}" for figure, value in figures.items())
                progress.update(task, description=f"{name}: {done} {stage}{shown}")
                if writer is not None:
                    for figure, value in figures.items():
                        writer.add_scalar(f"{name}/{figure}", value, done)

            return tell

        try:
            yield monitor_of
        finally:
            if writer is not None:
                writer.close()


def _summary_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError("--tensorboard needs the package tensorboard: pip install 'brgym[rl]'") from None
    return SummaryWriter(str(folder))

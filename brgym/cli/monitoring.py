"""Progress of a training: in the terminal, and for TensorBoard."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brgym.plumbing.terminal import progress

if TYPE_CHECKING:
    from rich.console import Console

    from classifiers.learned import Monitor


@contextmanager
def monitoring(console: "Console", log_folder: Path | None) -> "Iterator[Callable[[str], Monitor]]":
    """Shows progress, and logs it for TensorBoard where a folder is named; gives a monitor for each name asked for.

    Raises:
        ValueError: If TensorBoard is asked for and not installed.
    """
    writer = None if log_folder is None else _summary_writer(log_folder)
    with progress(console, counted=False) as shown:

        def monitor_of(name: str) -> "Monitor":
            task = shown.add_task(name)

            def tell(stage: str, done: int, figures: Mapping[str, float]) -> None:
                said = "".join(f", {figure} {value:.4f}" for figure, value in figures.items())
                shown.update(task, description=f"{name}: {done} {stage}{said}")
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

"""A folder's journal: a line for each cell that has been run, written the moment that it is there.

Every process that runs cells appends to the same file. A line goes out in one write and begins on a line of its own, so
whatever a kill tears is one unreadable line, and that cell is run again.
"""

import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from brgym.study.engine.cell import Cell, Failure, Figures, key_of

FILE = "journal.jsonl"


@dataclass(frozen=True)
class Journal:
    """What has been run, in a folder.

    Attributes:
        folder: The folder; every process that runs cells must see it.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    def append(self, key: str, outcome: Figures | Failure) -> None:
        """Adds a line, on the disk when this returns.

        Raises:
            OSError: If it cannot be written, or the folder is not there.
            ValueError: If a figure is of a type that JSON does not know.
        """
        said = {"failure": asdict(outcome)} if isinstance(outcome, Failure) else {"figures": _without_nan(outcome)}
        line = "\n" + json.dumps({"key": key} | said, allow_nan=False) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            if os.write(file, line.encode()) != len(line.encode()):
                raise OSError(f"{self.path}: no space left for a line")
            os.fsync(file)
        finally:
            os.close(file)

    def reading(self) -> "Reading":
        """Begins to read it."""
        return Reading(self.path)

    def outcomes(self, cells: Sequence[Cell[Figures]]) -> list[Figures | Failure | None]:
        """What came of cells, in their order; None for those that have not been run.

        Raises:
            OSError: If the file cannot be read.
        """
        reading = self.reading()
        reading.update()
        return [reading.outcomes.get(key_of(cell)) for cell in cells]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps others from running cells into the same folder.

        Raises:
            ValueError: If another process does.
            OSError: If the folder cannot be made or written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / ".lock", os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"another process is at work in {self.folder}; choose another folder") from None
            yield
        finally:
            os.close(lock)


class Reading:
    """A journal as far as it has been read.

    Args:
        path: The file; it need not be there yet.

    Attributes:
        outcomes: What has come of cells, by key; a failure that was mended later is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self.outcomes: dict[str, Figures | Failure] = {}

    def update(self) -> None:
        """Reads what has been added; torn lines are passed over.

        Raises:
            OSError: If the file cannot be read.
        """
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):  # one that is being written
                    break
                self._position += len(line)
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            document = json.loads(line)
        except ValueError:
            return
        if not isinstance(document, dict) or not isinstance(document.get("key"), str):
            return
        key, outcome = document["key"], _outcome(document)
        if outcome is not None and not (isinstance(outcome, Failure) and isinstance(self.outcomes.get(key), dict)):
            self.outcomes[key] = outcome


def _outcome(document: Mapping[str, Any]) -> Figures | Failure | None:
    figures, failure = document.get("figures"), document.get("failure")
    if isinstance(figures, dict):
        return figures
    if isinstance(failure, dict) and failure.keys() == {"error", "traceback"}:
        return Failure(**failure)
    return None


def _without_nan(figures: Figures) -> Figures:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }

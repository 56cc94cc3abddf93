"""Result files that are either whole or not there."""

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO


def check_writable(outputs: Mapping[str, Path]) -> None:
    """Checks, before the work is done, that its results can be written.

    Args:
        outputs: Path of each file by the name of the option or parameter that asks for it.

    Raises:
        ValueError: If two paths are the same, or a path stands for something that is no regular file.
        OSError: If a folder is missing or not writable, or a file is not; the message names the option and the path.
    """
    taken: dict[Path, str] = {}
    for option, path in outputs.items():
        target = path.resolve()
        if target in taken:
            raise ValueError(f"{taken[target]} and {option} name the same file: {path}")
        taken[target] = option
        if target.exists() and not target.is_file():
            raise ValueError(f"{option} must name a regular file, got {path}")
        if not target.parent.is_dir():
            raise FileNotFoundError(f"{option}: no such folder: {target.parent}")
        if not os.access(target.parent, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
            raise PermissionError(f"{option}: cannot write {path}")


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Writes a file beside its place and moves it there once it is whole; on failure nothing is left behind.

    Args:
        path: The file; replaced if it is there.
        write: Receives the open file.

    Raises:
        OSError: If it cannot be written.
    """
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes a CSV file, whole or not at all: a header, then a line a row; the same rows give the same bytes.

    Args:
        rows: At least one; all with the keys of the first.
        path: The file; replaced if it is there.

    Raises:
        OSError: If it cannot be written.
    """
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))

"""Result files that are either whole or not there."""

import csv
import io
import json
import math
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
        OSError: If it cannot be written; the message names the file, also where the system's own names none, as of a
            full disk.
    """
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
        part.replace(target)
    except OSError as error:
        if error.filename is not None and str(error.filename) != str(part):  # another file, which `write` has read
            raise
        raise _naming(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _naming(path: Path, error: OSError) -> OSError:
    """The same error with the file's name; the number decides its class."""
    return OSError(f"{path}: {error}") if error.errno is None else OSError(error.errno, error.strerror, str(path))


def write_text(text: str, path: Path) -> None:
    """Writes a text in UTF-8, whole or not at all.

    Args:
        text: The text, with its last newline.
        path: The file; replaced if it is there.

    Raises:
        OSError: If it cannot be written.
    """
    write_atomically(path, lambda file: file.write(text.encode()))


def write_document(document: Any, path: Path, *, indent: int = 1, ascii_only: bool = False) -> None:
    """Writes a JSON document, whole or not at all; the same document gives the same bytes.

    Args:
        document: In types that JSON knows, see `without_nan`.
        path: The file; replaced if it is there.
        indent: Spaces a level.
        ascii_only: Whether other characters are escaped.

    Raises:
        ValueError: If a number is not finite; nothing is written.
        OSError: If the file cannot be written.
    """
    write_text(json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=ascii_only) + "\n", path)


def without_nan(document: Any) -> Any:
    """The document with null in place of the numbers that are not finite, which JSON does not know."""
    if isinstance(document, dict):
        return {key: without_nan(part) for key, part in document.items()}
    if isinstance(document, list | tuple):
        return [without_nan(part) for part in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


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
    write_text(text.getvalue(), path)

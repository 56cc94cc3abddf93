"""Results that are already there: one JSON file a cell, named by the digest of everything that defines the cell."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brgym.plumbing.files import write_atomically

Figures = dict[str, float | None]
"""The figures of a run by name; None where there is none."""


class Store:
    """A folder of results.

    Args:
        folder: The folder; made if it is not there.

    Raises:
        OSError: If it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, specification: Mapping[str, Any]) -> Figures | None:
        """The figures of a cell; None if it has not been run, or if its file is damaged.

        Raises:
            ValueError: If the file of that name holds another cell; it is left alone.
        """
        path = self._path(specification)
        try:
            document = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(document, dict) or not document.keys() >= {"specification", "figures"}:
            return None
        if _text(document["specification"]) != _text(specification):
            raise ValueError(f"{path} holds another cell than its name says; remove it, or choose another folder")
        figures: Figures = document["figures"]
        return figures

    def save(self, specification: Mapping[str, Any], figures: Figures) -> None:
        """Writes the figures of a cell; the file is whole or not there.

        Raises:
            OSError: If it cannot be written.
        """
        document = {"specification": specification, "figures": figures}
        text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
        write_atomically(self._path(specification), lambda file: file.write(text.encode() + b"\n"))

    def _path(self, specification: Mapping[str, Any]) -> Path:
        return self._folder / f"{hashlib.sha256(_text(specification).encode()).hexdigest()[:24]}.json"


def _text(specification: Any) -> str:
    return json.dumps(specification, sort_keys=True, allow_nan=False)

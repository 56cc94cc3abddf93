"""Things of the user's own by the place where they stand, `module:Name`, as `python -m` would find the module."""

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, ModuleType
from typing import Any

from brgym._checks import check_choice
from brgym._ingredients import is_foreign, is_ours

SEPARATOR = ":"
"""What stands between a module and a name in it."""

_FOLDERS: list[str] = []


def is_own(text: str) -> bool:
    """Whether a text begins with `module:Name`: what stands after its first colon is there and has no "="."""
    module, colon, rest = text.partition(SEPARATOR)
    name = rest.partition(SEPARATOR)[0].strip()
    return bool(module.strip() and colon and name) and "=" not in name


def object_named(text: str) -> Any:
    """What `module:Name` stands for. The current folder is searched first, as by `python -m`.

    Raises:
        ValueError: If there is no such module, it cannot be imported (the message says where it fails), or it has no
            such name (the message holds the nearest one).
    """
    module_name, _, name = (part.strip() for part in text.partition(SEPARATOR))
    module = _imported(module_name)
    if not hasattr(module, name):
        check_choice(f"name in {module_name}", name, [known for known in vars(module) if not known.startswith("_")])
    return getattr(module, name)


def module_of(text: str) -> str:
    """The full name of the module of `module:Name`."""
    return text.partition(SEPARATOR)[0].strip()


def search_path() -> tuple[str, ...]:
    """The folders in which modules of the user's own were looked for, so that another process can look there too."""
    return tuple(_FOLDERS)


def search_also(folders: Iterable[str]) -> None:
    """Looks for modules in these folders too, before those where other ones are."""
    for folder in folders:
        if folder not in _FOLDERS:
            _FOLDERS.append(folder)
        if folder not in map(os.path.abspath, sys.path):
            sys.path.insert(0, folder)
            importlib.invalidate_caches()


def said_of(error: Exception) -> str:
    """An error in words: its class, its message, and where in the user's own code it arose."""
    place = _place_of(error)
    return f"{type(error).__name__}: {error}" + (f" ({place})" if place else "")


@contextmanager
def places_noted() -> Iterator[None]:
    """Notes at an error where in the user's own code it arose, if it did; the note goes with it to other processes."""
    try:
        yield
    except Exception as error:
        place = _place_of(error)
        if place and place not in getattr(error, "__notes__", ()):
            error.add_note(place)
        raise


def _place_of(error: Exception) -> str | None:
    """The innermost place that is neither this project's nor an installed package's."""
    places = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if not _is_known(frame)]
    return f"{places[-1][0].f_code.co_filename}, line {places[-1][1]}" if places else None


def _is_known(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return is_ours(str(frame.f_globals.get("__name__"))) or not os.path.isfile(file) or is_foreign(file)


def _imported(name: str) -> ModuleType:
    with suppress(FileNotFoundError):  # the current folder may be gone
        search_also([os.getcwd()])
    try:
        return importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise ValueError(f"there is no module {error.name}, neither installed nor in {os.getcwd()}") from None
        raise ValueError(f"module {name} cannot be imported: {said_of(error)}") from error

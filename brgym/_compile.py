"""Compilation: the one place that says how Numba turns a function into machine code.

Numba's disk cache knows when a function's own file changed, not when a function that it calls did. The cache folder is
therefore named after the state of all source files of the project, so that an edit anywhere is an edit everywhere.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.extending import register_jitable

config: Any = numba.config

F = TypeVar("F", bound=Callable[..., Any])

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("brgym", "baselines", "classifiers")


def _source_stamp() -> str:
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.py")):
            status = path.stat()
            digest.update(f"{path}:{status.st_mtime_ns}:{status.st_size}\n".encode())
    return digest.hexdigest()[:16]


_CACHE_DIR = config.CACHE_DIR or str(_ROOT / "brgym" / "__pycache__" / f"numba-{_source_stamp()}")


def compiled(function: F) -> F:
    """Compiles `function` on its first call with new argument types, and caches the machine code on disk.

    The typed face of `numba.njit`: no Python objects inside, no interpreter lock held.
    """
    return _compile(function)


def inlined(function: F) -> F:
    """As `compiled`, but compiled callers take the body in.

    For the parts of a hot loop: handing a tuple of a dozen arrays to a function that is not inlined counts each array's
    references up and down, which costs more than most of these functions do.
    """
    return _compile(function, inline="always")


def shared(function: F) -> F:
    """Leaves a function as it is for Python, and lets compiled code call it too.

    For a formula that both need, on numbers there and on arrays here.
    """
    return register_jitable(function)


def generated(function: F) -> F:
    """For a function that is made while the program runs: it has no file, so its machine code lies in its callers'."""
    return cast(F, numba.njit(nogil=True, error_model="numpy")(cast(Any, function)))


def compiled_for(*signatures: Any) -> Callable[[F], F]:
    """Compiles a function at once for the given Numba signatures and for no others.

    With a fixed signature, an argument may be a first-class function: any compiled function of that type can be passed
    without compiling the caller again.
    """
    return lambda function: _compile(function, list(signatures))


def _compile(function: F, signatures: list[Any] | None = None, **options: Any) -> F:
    folder, config.CACHE_DIR = config.CACHE_DIR, _CACHE_DIR
    try:
        return cast(F, numba.njit(signatures, cache=True, nogil=True, error_model="numpy", **options)(function))
    finally:
        config.CACHE_DIR = folder

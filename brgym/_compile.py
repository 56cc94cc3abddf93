"""Compilation: the one place that says how Numba turns a function into machine code, and when it may use it again.

Numba's disk cache knows when a function's own file changed, not when a function that it calls did, or a constant that
it takes from elsewhere. Machine code is therefore kept under a digest of all that it was made of, see
`brgym._ingredients`. It lies where Numba puts it: beside the source, or in `NUMBA_CACHE_DIR`.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numba.extending import register_jitable

from brgym._ingredients import digest_of_function

config: Any = numba.config
F = TypeVar("F", bound=Callable[..., Any])


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
    return lambda function: _compile(function, signatures)


def _compile(function: F, signatures: tuple[Any, ...] = (), **options: Any) -> F:
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy", **options)(cast(Any, function))
    if dispatcher is function:  # as it is where NUMBA_DISABLE_JIT is set
        return function
    with suppress(RuntimeError):  # code made by `exec` has no file, and Numba no place to cache it
        dispatcher._cache = cast(Any, _Cache)(function)
    for signature in signatures:
        dispatcher.compile(signature)
    if signatures:
        dispatcher.disable_compile()
    return cast(F, dispatcher)


class _Cache(FunctionCache):
    """Numba's cache of a function, with what the machine code is made of in the key.

    The digest is taken at the first look-up: a module may define what a function needs after the function.
    """

    _digest: str | None = None

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        if self._digest is None:
            self._digest, used = digest_of_function(self._py_func)
            for helper in used:
                if type(helper._cache) is FunctionCache:  # its author had it cached by Numba's own rule
                    helper._cache = cast(Any, _Cache)(helper.py_func)
        return (*cast(Any, super())._index_key(sig, codegen), self._digest, config.BOUNDSCHECK)

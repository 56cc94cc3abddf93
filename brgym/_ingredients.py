"""What a result was made of: the source files and constants behind a compiled function, and behind a module.

A cache that keeps results under such a digest cannot give what other code made. Functions count by their byte code and
by the content of their files, constants by their value; Python, NumPy and other installed packages by their version.
"""

import enum
import functools
import hashlib
import importlib.util
import inspect
import re
import sys
import sysconfig
import types
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import numpy as np

_STANDARD = Path(sysconfig.get_path("stdlib"))
_INSTALLED = ("site-packages", "dist-packages")
_BY_VERSION = ("numba", "numpy", "llvmlite")  # Numba looks at its own version itself
_OURS = ("brgym", "baselines", "classifiers")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<source>[\w.]+)[ \t]+import\b(?P<names>[ \t]*\([^)]*\)|[^\n(]*)"
    r"|import[ \t]+(?P<modules>[\w., \t]+))",
    re.MULTILINE,
)


def digest_of_function(function: Any) -> tuple[str, list[Any]]:
    """Digest of all that the machine code of a compiled function is made of, and the compiled functions among it.

    Followed are the functions that it names, in its module, through modules, in closures, defaults and tuples, and
    theirs in turn: by their byte code, which tells what runs in this process even where the file has been edited since,
    and by the content of their files. Other things that they name are constants to Numba, and count by their value.
    What a user's `numba.extending.overload` puts in place of a function counts if it stands in one of those files.
    """
    files: set[str] = set()
    parts: set[str] = {np.__version__}
    seen: set[int] = set()
    compiled: list[Any] = []
    pending = [function]
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if hasattr(thing, "py_func"):
            compiled.append(thing)
        followed = _function_behind(thing)
        if followed is None:
            parts.add(_constant(thing, files))
            pending += _within(thing)
        elif not _is_known(followed.__code__.co_filename):
            parts.add(f"{followed.__qualname__} {_byte_code(followed.__code__)}")
            if Path(followed.__code__.co_filename).is_file():
                files.add(followed.__code__.co_filename)
            pending += _named(followed)
    return _digest(sorted(parts), sorted(map(_file_digest, files))), compiled


def digest_of_modules(*names: str) -> str:
    """Digest of some modules and of all that they import, inside functions too.

    The project's modules and the user's count by the content of their files, installed packages by their version.

    Args:
        *names: Full names of modules.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: If a module has no source file.
    """
    found: dict[str, str] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        top = name.partition(".")[0]
        if not is_ours(name) and (package := _source_file(top) or _source_file(name)) and is_foreign(package):
            found[top] = ", ".join(f"{known} {version(known)}" for known in sorted(set(_distributions().get(top, ()))))
            continue
        file = _source_file(name)
        if file is not None:
            found[name] = _file_digest(file)
        elif name in names:
            raise ValueError(f"{name} has no source file, so nobody could tell whether its results are still its own")
        else:
            continue
        pending += _imported(file, name)
    return _digest(sys.version_info[:3], sorted(found.items()))


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@functools.cache
def _file_digest(path: str) -> str:
    """Digest of a file as it was when it was first asked for, which is about when it was imported."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def is_ours(module: str) -> bool:
    """Whether a module belongs to this project, by its full name."""
    return module.partition(".")[0] in _OURS


@functools.cache
def is_foreign(path: str) -> bool:
    """Whether a file belongs to Python or to an installed package that is not ours."""
    package = _package(path)
    return package not in _OURS if package else _STANDARD in Path(path).parents


@functools.cache
def _is_known(path: str) -> bool:
    """Whether the version of Python or of a package that is part of every digest tells what is in a file."""
    package = _package(path)
    return package in _BY_VERSION if package else _STANDARD in Path(path).parents


def _package(path: str) -> str | None:
    """The installed package that a file belongs to, if it belongs to one."""
    parts = Path(path).parts
    return next((parts[parts.index(folder) + 1] for folder in _INSTALLED if folder in parts), None)


def _function_behind(thing: Any) -> types.FunctionType | None:
    """The Python function of a compiled one, of one that Numba generates code for, or of a plain one."""
    for attribute in ("_dispatcher", "py_func", "_defn"):  # of a ufunc, a compiled function, an intrinsic
        thing = getattr(thing, attribute, thing) if not inspect.isclass(thing) else thing
    return thing if isinstance(thing, types.FunctionType) else None


def _named(function: types.FunctionType) -> Iterator[Any]:
    """What a function names: globals, what it reaches through modules, its closure, defaults and own attributes."""
    names = set(_names(function.__code__))
    pending = [function.__globals__[name] for name in names & function.__globals__.keys()]
    modules: set[str] = set()
    while pending:
        value = pending.pop()
        if not isinstance(value, types.ModuleType):
            yield value
        elif value.__name__ not in modules:
            modules.add(value.__name__)
            pending += [getattr(value, attribute) for attribute in names if hasattr(value, attribute)]
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from function.__dict__.values()


def _within(value: Any) -> Iterator[Any]:
    """What a value that is no function holds: items of a tuple, methods of a compiled class."""
    if isinstance(value, tuple):
        yield from value
    for kind in ("jit_methods", "jit_props", "jit_static_methods"):
        for method in getattr(getattr(value, "class_type", None), kind, {}).values():
            yield from method.values() if isinstance(method, dict) else (method,)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _byte_code(code: types.CodeType) -> str:
    inner = [
        _byte_code(value)
        if isinstance(value, types.CodeType)
        else repr(sorted(value, key=repr) if isinstance(value, frozenset) else value)
        for value in code.co_consts
    ]
    return repr((code.co_name, code.co_code, code.co_names, code.co_varnames, inner))


def _constant(value: Any, files: set[str]) -> str:
    """A constant in words; a class of named fields adds its file to `files`."""
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, np.dtype):
        return f"dtype {value!r} {value.itemsize}"
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name} {_constant(value.value, files)}"
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        return " ".join(_constant(member, files) for member in value)
    if isinstance(value, tuple):
        return f"{type(value).__qualname__} ({', '.join(_constant(item, files) for item in value)})"
    if isinstance(value, bool | int | float | complex | str | bytes | np.generic | types.NoneType):
        return f"{type(value).__name__} {value!r}"
    if inspect.isclass(value) and hasattr(value, "_fields"):
        file = getattr(sys.modules.get(value.__module__), "__file__", None)
        if file is not None and not is_foreign(file):
            files.add(file)
        return f"{value.__qualname__} {value._fields}"
    return f"{type(value).__module__}.{type(value).__qualname__}"


_distributions = functools.cache(packages_distributions)


@functools.cache
def _source_file(name: str) -> str | None:
    """The file of a module, found without importing it; None where there is no such module, or none with a source."""
    package, _, module = name.rpartition(".")
    if not package:
        loaded = getattr(sys.modules.get(name), "__file__", None)
        spec = None if loaded else importlib.util.find_spec(name)
        file = loaded or (spec.origin if spec is not None and spec.has_location else None)
        return file if file is not None and Path(file).is_file() else None
    for folder in _folders(package):
        for candidate in (folder / f"{module}.py", folder / module / "__init__.py"):
            if candidate.is_file():
                return str(candidate)
    return None


def _folders(package: str) -> list[Path]:
    """Where the modules of a package lie: several folders where none of them has an `__init__.py`."""
    file = _source_file(package)
    if file is not None:
        return [Path(file).parent] if Path(file).name == "__init__.py" else []
    above, _, last = package.rpartition(".")
    roots = _folders(above) if above else [Path(folder or ".") for folder in sys.path]
    return [root / last for root in roots if (root / last).is_dir()]


def _imported(file: str, module: str) -> Iterator[str]:
    """The modules that a source file imports, and the packages that they lie in."""
    if not file.endswith(".py"):
        return
    package = module if Path(file).name == "__init__.py" else module.rpartition(".")[0]
    for found in _IMPORT.finditer(Path(file).read_text(encoding="utf-8")):
        if found["modules"]:
            sources = [entry.split()[0] for entry in found["modules"].split(",") if entry.strip()]
        else:
            source = found["source"]
            if source.startswith("."):
                source = importlib.util.resolve_name(source, package)
            names = re.findall(r"\w+", re.sub(r"#.*", "", found["names"]))
            sources = [source, *(f"{source}.{name}" for name in names)]
        for name in sources:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                yield name

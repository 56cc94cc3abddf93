"""Named arrays side by side in flat memory: declared once, then read by name, in Python and in compiled code.

A compiled policy keeps all that it remembers in one flat piece of memory, so that one machine code serves every policy;
an environment keeps its cluster so, because handing a dozen arrays to compiled code costs more than a step does. A
`Layout` says what lies in such a memory, as a `NamedTuple` of arrays.
"""

import inspect
import re
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from brgym._compile import generated
from brgym.cluster.records import Integers, Reals, Records

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Fields = TypeVar("Fields", bound=tuple[Any, ...])

_WORD = 8
_NUMBERS = 3  # that say where an array lies: its first byte, its rows, the length of a row
carray: Any = cast(Any, numba).carray
_null: Any = cgutils.get_null_value


class Memory(NamedTuple):
    """Everything that a compiled policy remembers, parameters included; laid out as the policy sees fit.

    Attributes:
        integers: int64, any length.
        reals: float64, any length.
    """

    integers: Integers
    reals: Reals


class Layout(Generic[Fields]):
    """How the arrays of a `NamedTuple` lie in flat memory, each at the start of a word.

    A field is annotated with the type of its array (`Integers`, `Reals`, `npt.NDArray[np.float32]`, ...), or with
    another `NamedTuple` of such fields. Sizes are not declared: a memory is laid out for arrays of any length.

    ```pycon
    >>> class Notes(NamedTuple):
    ...     picks: Integers
    ...     scores: Reals
    >>> layout = Layout(Notes, grids=["scores"])
    >>> notes_in = layout.reader()
    >>> memory = layout.memory(Notes(picks=np.zeros(4, np.int64), scores=np.ones((4, 2))))
    >>> notes_in(memory).scores[3]
    array([1., 1.])

    ```

    Args:
        kind: The `NamedTuple`.
        grids: Names of the fields that have two dimensions; the others have one. A field of a `NamedTuple` within is
            named with both, as in "scratch.totals"; so in the following.
        records: Types of the items of record arrays, by name of the field.
        apart: Names of fields that lie elsewhere; whoever reads hands them in.

    Raises:
        TypeError: If `kind` is no `NamedTuple` class, a field no array of numbers, or a record array of unknown type.
        ValueError: If there are no fields, or `grids`, `records` or `apart` name one that is not there.
    """

    def __init__(
        self,
        kind: type[Fields],
        *,
        grids: Collection[str] = (),
        records: Mapping[str, np.dtype[Any]] | None = None,
        apart: Collection[str] = (),
    ) -> None:
        _check_kind(kind)
        for option, given in (("grids", grids), ("apart", apart)):
            if isinstance(given, str):
                raise TypeError(f"{option} must be a collection of names, got {given!r}")
        self._kind, self._apart = kind, tuple(apart)
        known = dict(records or {})
        self._arrays = [
            _Array(name, known.get(name) or _items(name, annotation), name in grids)
            for name, annotation in _leaves(kind)
            if name not in apart
        ]
        names = {name for name, _ in _leaves(kind)}
        if unknown := {*grids, *known, *apart} - names:
            raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(names))}")

    def places(self, fields: Fields) -> Integers:
        """Where arrays of these sizes lie: first byte, rows and length of a row of each, shape (3 x arrays,).

        Raises:
            TypeError: If an array has another type or number of dimensions than was declared.
        """
        arrays = self._checked(fields)
        words = np.array([-(-array.nbytes // _WORD) for array in arrays], dtype=np.int64)
        shapes = np.array([(*array.shape, 1)[:2] for array in arrays], dtype=np.int64).reshape(-1, 2)
        return np.column_stack([(np.cumsum(words) - words) * _WORD, shapes]).reshape(-1)

    def nbytes(self, places: Integers) -> int:
        """Bytes of a memory with these places."""
        start, rows, row_length = places[-_NUMBERS:].tolist()
        return int(-(-(start + rows * row_length * self._arrays[-1].items.itemsize) // _WORD) * _WORD)

    def write(self, fields: Fields, memory: Bytes, places: Integers) -> None:
        """Copies arrays into a memory with these places."""
        for number, (array, declared) in enumerate(zip(self._checked(fields), self._arrays, strict=True)):
            declared.view(number, memory, 0, places)[...] = array

    def memory(self, fields: Fields) -> Memory:
        """A policy's memory, with copies of these arrays.

        Raises:
            TypeError: If an array has another type or number of dimensions than was declared.
        """
        places = self.places(fields)
        words = np.zeros(len(places) + self.nbytes(places) // _WORD, np.int64)
        words[: len(places)] = places
        self.write(fields, words[len(places) :].view(np.uint8), places)
        return Memory(words, words.view(np.float64))

    def reader(self) -> Callable[[Memory], Fields]:
        """A function that gives the arrays in a policy's memory by name, in Python and in compiled code.

        In compiled code they do not own their memory: they are valid as long as the caller holds it.
        """
        offset = _NUMBERS * len(self._arrays) * _WORD
        return self._reader("lambda memory", f"memory.integers, {offset}, memory.integers")

    def reader_at(self) -> Callable[..., Fields]:
        """As `reader`, a function of bytes, their places, and the fields that lie elsewhere."""
        arguments = ["memory", "places", *map(_argument, self._apart)]
        return self._reader(f"lambda {', '.join(arguments)}", "memory, 0, places")

    def _reader(self, head: str, where: str) -> Callable[..., Fields]:
        calls = iter([f"array_{number}({where})" for number in range(len(self._arrays))])
        source = f"{head}: {_construction(self._kind, self._apart, calls)}"
        kinds = {_word(kind): kind for kind in _kinds(self._kind)}
        numbered = list(enumerate(self._arrays))
        read = eval(source, kinds | {f"array_{k}": array.viewer(k) for k, array in numbered})
        compiled = eval(source, kinds | {f"array_{k}": array.compiled_viewer(k) for k, array in numbered})
        return cast(Callable[..., Fields], _in_both(read, compiled))

    def _checked(self, fields: Fields) -> list[Array]:
        if not isinstance(fields, self._kind):
            raise TypeError(f"the fields must be a {self._kind.__name__}, got a {type(fields).__name__}")
        arrays = list(_values(fields, self._apart))
        for array, declared in zip(arrays, self._arrays, strict=True):
            if not isinstance(array, np.ndarray):
                raise TypeError(f"{self._kind.__name__}.{declared.name} must be an array, got {array!r:.80}")
            if array.dtype != declared.items or array.ndim != 1 + declared.is_grid:
                raise TypeError(
                    f"{self._kind.__name__}.{declared.name} must be {1 + declared.is_grid}-dimensional "
                    f"{declared.items}, got {array.ndim}-dimensional {array.dtype}"
                )
        return arrays


def records_in(items: np.dtype[Any]) -> Callable[[Bytes], Records]:
    """A function that sees bytes as records, in Python and in compiled code; there, see `Layout.reader`."""
    size = items.itemsize

    def compiled(memory: Bytes) -> Any:
        return carray(_pointer_to(memory.ctypes.data), len(memory) // size, items)

    return _in_both(lambda memory: memory.view(items), compiled)


def borrower(kind: type[Fields]) -> Callable[[Fields], Fields]:
    """A function for compiled code that gives the arrays of a `NamedTuple` as ones that do not own their memory.

    Code that works with them counts no references, which is half the cost of a decode step. They are valid as long as
    the caller holds those that they were made of.
    """
    calls = iter([f"unowned(fields.{name})" for name, _ in _leaves(kind)])
    kinds: dict[str, Any] = {_word(each): each for each in _kinds(kind)}
    return generated(eval(f"lambda fields: {_construction(kind, (), calls)}", kinds | {"unowned": _unowned}))


def _in_both(read: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Lets compiled code that calls `read` run `compiled` in its place; both have the same parameters."""
    read.__dict__["compiled"] = compiled  # the cache of machine code finds it here

    def choose(*_arguments: Any) -> Callable[..., Any]:
        return compiled

    choose.__dict__["__signature__"] = inspect.signature(compiled)
    overload(read)(choose)
    return read


class _Array(NamedTuple):
    """One array of a layout: its name, the type of its items, and whether it has two dimensions."""

    name: str
    items: np.dtype[Any]
    is_grid: bool

    def view(self, number: int, memory: Array, offset: int, places: Integers) -> Array:
        """The array that stands at place `number` of a memory that begins `offset` bytes into a buffer."""
        start, rows, row_length = places[_NUMBERS * number : _NUMBERS * (number + 1)].tolist()
        start += offset
        flat = memory.view(np.uint8)[start : start + rows * row_length * self.items.itemsize].view(self.items)
        return flat.reshape(rows, row_length) if self.is_grid else flat

    def viewer(self, number: int) -> Callable[[Array, int, Integers], Array]:
        return lambda memory, offset, places: self.view(number, memory, offset, places)

    def compiled_viewer(self, number: int) -> Callable[[Array, int, Integers], Array]:
        first, items = _NUMBERS * number, self.items

        def vector(memory: Array, offset: int, places: Integers) -> Any:
            return carray(_pointer_to(memory.ctypes.data + offset + places[first]), places[first + 1], items)

        def grid(memory: Array, offset: int, places: Integers) -> Any:
            shape = (places[first + 1], places[first + 2])
            return carray(_pointer_to(memory.ctypes.data + offset + places[first]), shape, items)

        return generated(grid if self.is_grid else vector)


@cast(Any, intrinsic)  # type: ignore[untyped-decorator]  # Numba's decorator has no types
def _pointer_to(context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@cast(Any, intrinsic)  # type: ignore[untyped-decorator]  # as above
def _unowned(context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(array)(context, builder, arguments[0])
        view.meminfo = _null(view.meminfo.type)
        view.parent = _null(view.parent.type)
        return view._getvalue()

    return array(array), generate


def _leaves(kind: type[Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Name and annotation of each array of a `NamedTuple` and of those in it."""
    for name, annotation in typing.get_type_hints(kind).items():
        if hasattr(annotation, "_fields"):
            yield from _leaves(annotation, f"{within}{name}.")
        else:
            yield within + name, annotation


def _kinds(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for annotation in typing.get_type_hints(kind).values():
        if hasattr(annotation, "_fields"):
            yield from _kinds(annotation)


def _values(fields: Any, apart: Collection[str], within: str = "") -> Iterator[Array]:
    for name, value in zip(fields._fields, fields, strict=True):
        if hasattr(value, "_fields"):
            yield from _values(value, apart, f"{within}{name}.")
        elif within + name not in apart:
            yield value


def _construction(kind: type[Any], apart: Collection[str], calls: Iterator[str], within: str = "") -> str:
    """Source of the expression that makes a `NamedTuple` out of the arrays."""
    parts: list[str] = []
    for name, annotation in typing.get_type_hints(kind).items():
        if hasattr(annotation, "_fields"):
            parts.append(_construction(annotation, apart, calls, f"{within}{name}."))
        else:
            parts.append(_argument(within + name) if within + name in apart else next(calls))
    return f"{_word(kind)}({', '.join(parts)})"


def _word(kind: type[Any]) -> str:
    """What a class is called in generated source, where classes of one name from two modules may meet."""
    return "kind_" + re.sub(r"\W", "_", f"{kind.__module__}_{kind.__qualname__}")


def _check_kind(kind: Any) -> None:
    if not (inspect.isclass(kind) and issubclass(kind, tuple) and hasattr(kind, "_fields")):
        raise TypeError(f"a layout is of a NamedTuple class, got {kind!r:.80}")
    if tuple(typing.get_type_hints(kind)) != kind._fields:
        raise TypeError(f"every field of {kind.__name__} must be annotated with the type of its array")
    if not kind._fields:
        raise ValueError(f"{kind.__name__} has no fields to lay out")


def _argument(name: str) -> str:
    return name.replace(".", "_")


def _items(name: str, annotation: Any) -> np.dtype[Any]:
    """The type of an array's items, by its annotation."""
    _, of_items = (*typing.get_args(annotation), None, None)[:2]
    scalar = (*typing.get_args(of_items), None)[0]
    if not isinstance(scalar, type) or scalar is np.void:
        raise TypeError(f"the type of the items of {name} is unknown: name it in records")
    if np.dtype(scalar).kind not in "biufc":
        raise TypeError(f"the items of {name} must be numbers, got {np.dtype(scalar)}")
    return np.dtype(scalar)

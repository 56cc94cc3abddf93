"""Named arrays in flat memory: what is written under a name is read under it, in Python and in compiled code."""

import collections
import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym._compile import compiled
from brgym.cluster import Integers, Layout, Memory, Reals, Records

HEADER = np.dtype([("count", "i8"), ("rate", "f8")])


class Inner(NamedTuple):
    rows: npt.NDArray[np.float32]
    marks: Integers


class Outer(NamedTuple):
    header: Records
    inner: Inner
    other: Inner
    reals: Reals


LAYOUT = Layout(Outer, grids=["inner.rows", "other.rows"], records={"header": HEADER})
outer_in = LAYOUT.reader()


@compiled
def _fill(memory: Memory) -> None:
    outer = outer_in(memory)
    outer.header[0].count = 7
    outer.inner.rows[:] = 1.0
    outer.other.marks[:] = -1
    outer.other.rows[:] = 2.0
    outer.reals[:] = 3.0
    inner = outer.inner
    for place in range(len(inner.marks)):  # writing elsewhere in between must not undo it
        inner.marks[place] = place
        outer.other.rows[:] = 2.0
        outer.reals[:] = 3.0


def _arrays(rows: int, columns: int, marks: int, reals: int) -> Outer:
    inner = Inner(np.zeros((rows, columns), np.float32), np.zeros(marks, np.int64))
    return Outer(np.zeros(1, HEADER), inner, inner, np.zeros(reals))


@given(st.integers(0, 5), st.integers(1, 5), st.integers(0, 5), st.integers(0, 5))
def test_no_array_reaches_into_another(rows: int, columns: int, marks: int, reals: int) -> None:
    memory = LAYOUT.memory(_arrays(rows, columns, marks, reals))
    _fill(memory)
    outer = outer_in(memory)
    assert outer.header[0]["count"] == 7
    assert outer.header[0]["rate"] == 0.0
    assert outer.inner.rows.shape == (rows, columns)
    assert (outer.inner.rows == 1.0).all()
    assert (outer.other.rows == 2.0).all()
    assert outer.inner.marks.tolist() == list(range(marks))
    assert outer.other.marks.tolist() == [-1] * marks
    assert outer.reals.tolist() == [3.0] * reals


def test_python_reads_views_of_the_memory() -> None:
    memory = LAYOUT.memory(_arrays(2, 3, 1, 4))
    outer_in(memory).reals[2] = 5.0
    assert outer_in(memory).reals.tolist() == [0.0, 0.0, 5.0, 0.0]


def test_arrays_of_another_type_or_shape_are_refused() -> None:
    arrays = _arrays(2, 3, 1, 4)
    with pytest.raises(TypeError, match=r"Outer\.reals must be 1-dimensional float64, got 1-dimensional int64"):
        LAYOUT.memory(arrays._replace(reals=np.zeros(4, np.int64)))
    with pytest.raises(TypeError, match=r"Outer\.inner\.rows must be 2-dimensional float32, got 1-dimensional float32"):
        LAYOUT.memory(arrays._replace(inner=Inner(np.zeros(3, np.float32), np.zeros(1, np.int64))))


def test_what_is_declared_must_be_there() -> None:
    with pytest.raises(ValueError, match=r"Inner has no pages; it has marks, rows"):
        Layout(Inner, grids=["pages"])
    with pytest.raises(TypeError, match="items of header is unknown: name it in records"):
        Layout(Outer)


class Empty(NamedTuple):
    pass


class Words(NamedTuple):
    words: npt.NDArray[np.str_]


class Pair(NamedTuple):
    up: Reals
    down: Reals


class Swapped(NamedTuple):
    down: Reals
    up: Reals


def test_two_classes_of_one_name_may_meet() -> None:
    made: Any = NamedTuple
    first, second = made("Part", [("a", Reals)]), made("Part", [("b", Reals)])
    first.__qualname__, second.__qualname__ = "first.Part", "second.Part"
    whole = made("Part", [("one", first), ("two", second)])
    layout = Layout(whole)
    fields = whole(first(np.ones(2)), second(np.zeros(3)))
    read = layout.reader()(layout.memory(fields))
    assert read.one.a.tolist() == [1.0, 1.0]
    assert read.two.b.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        (int, {}, TypeError, "a layout is of a NamedTuple class, got <class 'int'>"),
        ({"a": Reals}, {}, TypeError, "a layout is of a NamedTuple class"),
        (Pair(np.zeros(1), np.zeros(1)), {}, TypeError, "a layout is of a NamedTuple class"),
        (collections.namedtuple("Bare", "a b"), {}, TypeError, "every field of Bare must be annotated"),
        (Empty, {}, ValueError, "Empty has no fields to lay out"),
        (Words, {}, TypeError, "the items of words must be numbers, got <U0"),
        (Pair, {"grids": "up"}, TypeError, "grids must be a collection of names, got 'up'"),
    ],
)
def test_what_cannot_be_laid_out_is_said(kind: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Layout(kind, **options)


def test_fields_of_another_class_are_refused() -> None:
    wrong: Any = Swapped(np.zeros(1), np.ones(1))
    with pytest.raises(TypeError, match="the fields must be a Pair, got a Swapped"):
        Layout(Pair).memory(wrong)
    with pytest.raises(TypeError, match=r"Pair\.up must be an array, got 1\.0"):
        Layout(Pair).memory(Pair(1.0, np.zeros(1)))  # type: ignore[arg-type]

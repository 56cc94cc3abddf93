"""Requests that follow another: who begins a conversation, and what becomes of turns when rows are chosen."""

from typing import Literal

import numpy as np

from brgym.workload._validation import FloatArray, IntArray, WorkloadError, first_true

Orphans = Literal["error", "arrive"]


def beginnings(after: IntArray) -> IntArray:
    """The row of the request that begins each request's conversation, shape `(requests,)`; its own where it does."""
    first: IntArray = np.where(after < 0, np.arange(len(after)), after)
    while True:
        further = first[first]  # twice as far up at each turn of the loop
        if np.array_equal(further, first):
            return first
        first = further


def earliest_s(arrival_s: FloatArray, after: IntArray) -> FloatArray:
    """When each request would arrive if answers took no time: the delays since its conversation began, summed up."""
    moment, pointer = arrival_s.astype(np.float64), after.copy()
    while (pointer >= 0).any():
        follows = pointer >= 0
        moment = moment + np.where(follows, moment[pointer], 0.0)
        pointer = np.where(follows, pointer[pointer], -1)
    return moment


def renumbered(after: IntArray, rows: IntArray) -> IntArray:
    """`after` of the chosen rows, in the numbers of their new places; -2 where the request before was left out.

    Raises:
        WorkloadError: If a row is chosen twice: whom would its followers follow?
    """
    place = np.full(len(after), -2, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    bad = first_true(place[rows] != np.arange(len(rows)))
    if bad is not None:
        raise WorkloadError(f"rows[{bad}] = {rows[bad]} is chosen twice; requests that others follow cannot be")
    before = after[rows]
    return np.where(before < 0, -1, place[before])


def in_order(arrival_s: FloatArray, after: IntArray) -> tuple[IntArray, IntArray]:
    """Sorts conversations by when they begin; rows of equal beginnings keep their order.

    Returns:
        The rows in their new order, and `after` for them.
    """
    order: IntArray = np.argsort(arrival_s[beginnings(after)], kind="stable").astype(np.int64)
    return order, renumbered(after, order)

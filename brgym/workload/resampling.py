"""More requests, or others like them, from those of a trace: rounds of it, and a bootstrap of its blocks.

A trace is one draw from whatever made it, so a study on it has no spread. `resampled` gives other draws, by a circular
block bootstrap (Politis and Romano 1992): blocks of consecutive conversations, with the gaps before them, are drawn
with replacement and put one after the other. What goes on within a block, such as bursts and runs of similar lengths,
is kept; what takes longer than a block, such as the hours of a day, is not. Every conversation is equally likely in
every place, so lengths and mean rate are those of the trace on average. The first conversation of a trace has no gap
before it and gets the mean one.
"""

import math
from typing import Any

import numpy as np

from brgym._checks import check_integer
from brgym.workload._validation import FloatArray, IntArray
from brgym.workload.turns import beginnings
from brgym.workload.workload import Workload


def resampled(workload: Workload, *, seed: int, block_requests: int | None = None) -> Workload:
    """As many conversations as a workload has, put together from its blocks; the same seed gives the same.

    Requests that follow others come with their conversation, so only where there are such is the number of requests
    another one.

    Args:
        workload: The requests.
        seed: Seed of the draws, at least 0.
        block_requests: Conversations in a block, single requests most of all; by default the square root of their
            number, rounded: long enough for bursts, with as many blocks as a block has requests (our choice).

    Raises:
        ValueError: If a parameter is out of range.
    """
    rng = np.random.default_rng(check_integer("seed", seed, minimum=0))
    begins = _conversations(workload)
    count = len(begins)
    block = round(math.sqrt(count)) if block_requests is None else block_requests
    block = check_integer("block_requests", block, minimum=1, maximum=count)
    starts = rng.integers(count, size=-(-count // block))
    drawn = ((starts[:, None] + np.arange(block)) % count).ravel()[:count]
    gaps_s = np.diff(workload.arrival_s[begins], prepend=workload.arrival_s[begins[0]])
    gaps_s[0] = gaps_s.sum() / max(count - 1, 1)
    arrival_s = np.cumsum(gaps_s[drawn])
    return _put_together(workload, drawn, arrival_s - arrival_s[0])


def repeated(workload: Workload, times: int) -> Workload:
    """A workload's requests again and again; each round begins a mean gap after the last arrival of the one before.

    Prompts keep their hashes, and requests that follow others follow those of their own round.

    Args:
        workload: The requests.
        times: How often they come, at least 1.

    Raises:
        ValueError: If `times` is out of range.
    """
    times = check_integer("times", times, minimum=1)
    arrival_s = workload.arrival_s[_conversations(workload)]
    count, span_s = len(arrival_s), float(arrival_s[-1] - arrival_s[0])
    round_s = span_s + span_s / max(count - 1, 1)
    moments_s = np.arange(times)[:, None] * round_s + arrival_s
    return _put_together(workload, np.tile(np.arange(count), times), np.maximum.accumulate(moments_s.ravel()))


def _conversations(workload: Workload) -> IntArray:
    """Rows of the requests that begin conversations: all where none follows another."""
    return np.arange(len(workload)) if workload.after is None else np.flatnonzero(workload.after < 0)


def _put_together(workload: Workload, drawn: IntArray, arrival_s: FloatArray) -> Workload:
    """The drawn conversations, each with all that follows in it, beginning at the given times."""
    if workload.after is None:
        return Workload(arrival_s, **_of_rows(workload, drawn))
    begins = _conversations(workload)
    grouped: IntArray = np.argsort(np.searchsorted(begins, beginnings(workload.after)), kind="stable")
    sizes = np.diff(np.flatnonzero(workload.after[grouped] < 0), append=len(grouped))
    firsts = np.cumsum(sizes) - sizes
    place = np.empty(len(workload), np.int64)  # of a row within its conversation
    place[grouped] = np.arange(len(workload)) - np.repeat(firsts, sizes)
    copies = sizes[drawn]
    new_firsts = np.repeat(np.cumsum(copies) - copies, copies)
    rows = grouped[np.repeat(firsts[drawn], copies) + np.arange(copies.sum()) - new_firsts]
    before = workload.after[rows]
    return Workload(
        np.where(before < 0, np.repeat(arrival_s, copies), workload.arrival_s[rows]),
        **_of_rows(workload, rows),
        after=np.where(before < 0, -1, new_firsts + place[before]),
    )


def _of_rows(workload: Workload, rows: IntArray) -> dict[str, Any]:
    """The columns of some rows that say nothing of when they come."""
    names = ("prompt_tokens", "output_tokens", "prompt_hash", "max_tokens", "patience_s")
    columns = {name: getattr(workload, name) for name in names}
    return {name: None if column is None else column[rows] for name, column in columns.items()}

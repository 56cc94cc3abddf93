"""An environment's whole memory as one row of bytes.

A `State` has over a dozen arrays, and handing that many to compiled code costs more than a step of an environment does.
So an environment keeps them, and the record of its own episode, side by side in one buffer, and compiled code takes
its views of it. The log of steps, which grows, has a buffer of its own.
"""

import weakref
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import inlined
from brgym.cluster import Integers, Layout, Records
from brgym.cluster.engine import STATE_RECORDS, STEP, Bytes, State, borrower, records_in, regimes_of

EPISODE = np.dtype(
    [
        ("reward", "i8"),  # index into `reward.REWARDS`
        ("reward_scale", "f8"),
        ("hold_when_running", "i8"),  # or only where nothing fits
        ("hold_if_invalid", "i8"),
        ("invalid_penalty", "f8"),
        ("max_decisions", "i8"),
        ("max_time_s", "f8"),
        ("running_at_start", "i8"),  # the first rows of the requests, see `episode.Opening`
        ("decisions", "i8"),  # actions carried out so far
        ("holds", "i8"),  # those that held where something fitted
        ("ended", "i8"),  # why it ended, see `stepping.step_env`; 0 while it goes on
        ("penalty", "f8"),  # due with the next reward, as `stalled` is
        ("stalled", "f8"),  # what stalling costs, unscaled
        ("paid_step", "i8"),  # rewards have been paid up to this point of the run: `clock.step`,
        ("paid_s", "f8"),  # the time,
        ("paid_arrived", "i8"),  # `clock.arrived`,
        ("paid_request_s", "f8"),  # with a regime on: request-seconds paid so far
        ("paid_in_system", "i8"),  # and the requests that were in the system then
    ],
    align=True,
)
"""What an environment knows beside the cluster: the rules of the episode and how far the rewards have been paid."""


class Run(NamedTuple):
    """An environment's cluster and its episode.

    Attributes:
        episode: `EPISODE`, shape (1,).
        pair: Room for a decision of one row, shape (1, 2).
        state: The cluster.
    """

    episode: Records
    pair: Integers
    state: State


_LAYOUT = Layout(
    Run,
    grids=["pair", "state.step_time"],
    records={"episode": EPISODE} | {f"state.{name}": items for name, items in STATE_RECORDS.items()},
    apart=["state.steps"],
)

_run_at = _LAYOUT.reader_at()
_steps_in = records_in(STEP)
borrowed_run = borrower(Run)
"""A run whose arrays do not own their memory; said again in each function that works with one, or it would count."""

_LINE = 64
"""Bytes of a cache line: environments side by side do not share one."""


class PackedRun(NamedTuple):
    """A run in memory that compiled code takes in four arguments.

    Attributes:
        memory: The episode's record and all arrays of a `State` but its log, shape (bytes,).
        places: Where each of them lies in `memory`, see `Layout.places`.
        log: The log of steps, shape (bytes,).
        regimes: As in `brgym.cluster.engine.regimes_of`.
    """

    memory: Bytes
    places: Integers
    log: Bytes
    regimes: int | None


@inlined
def run_in(memory: Bytes, places: Integers, log: Bytes) -> Run:
    """The run in a packed one, for compiled code; valid as long as the caller holds `memory` and `log`."""
    return borrowed_run(_run_at(memory, places, _steps_in(log)))


def unpacked(packed: PackedRun) -> Run:
    """The run in a packed one, as views of its memory."""
    return _run_at(packed.memory, packed.places, _steps_in(packed.log))


def shielded(state: State) -> State:
    """The same arrays, live, but none leads to the memory beside it, where the hidden output lengths stand."""
    return State._make(np.asarray(_Place(array)).view(array.dtype).reshape(array.shape) for array in state)


class _Place:
    """Where an array's bytes lie; it keeps the memory alive without naming it."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.__array_interface__ = {
            "version": 3,
            "shape": (array.nbytes,),
            "typestr": "|u1",
            "data": (array.ctypes.data, False),
        }
        weakref.finalize(self, _nothing, array).atexit = False


def _nothing(*held: object) -> None:
    """What is done when a place is given up: what it kept goes with it."""


def pack(run: Run) -> PackedRun:
    """Copies a run into memory of its own; the log is taken as it is."""
    places = places_of(run)
    memory = np.zeros(bytes_of(places), np.uint8)
    write(run, memory, places)
    return PackedRun(memory, places, run.state.steps.view(np.uint8), regimes_of(run.state))


def places_of(run: Run) -> Integers:
    """Where the arrays of a run stand in the memory that holds them all."""
    return _LAYOUT.places(run)


def bytes_of(places: Integers) -> int:
    """Bytes of that memory, whole cache lines."""
    return -(-_LAYOUT.nbytes(places) // _LINE) * _LINE


def write(run: Run, memory: Bytes, places: Integers) -> None:
    """Copies a run, its log excepted, into a memory with its places."""
    _LAYOUT.write(run, memory, places)


def with_longer_log(packed: PackedRun) -> PackedRun:
    """The same run with room for twice as many steps; `memory` stays where it is."""
    return packed._replace(log=longer_log(packed.log))


def longer_log(log: Bytes) -> Bytes:
    """A log, or a row of logs, with room for twice as many steps."""
    return np.concatenate([log, np.zeros_like(log)], axis=-1)

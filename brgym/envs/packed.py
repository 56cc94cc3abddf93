"""An environment's whole memory as one row of bytes.

A `State` has a dozen arrays, and handing that many to compiled code costs more than a step of the environment does.
So an environment keeps them, and the record of its own episode, side by side in one buffer, and compiled code takes
its views of it. The log of steps, which grows, has a buffer of its own.
"""

from typing import Any, NamedTuple, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.core import cgutils, types
from numba.extending import intrinsic

from brgym._compile import compiled, inlined
from brgym.cluster.state import (
    CANDIDATE,
    CLOCK,
    CONSTANTS,
    REQUEST,
    RUNNING,
    STEP,
    WORKER,
    Integers,
    Records,
    State,
)

Bytes = npt.NDArray[np.uint8]

EPISODE = np.dtype(
    [
        ("reward", "i8"),  # index into `reward.REWARDS`
        ("reward_scale", "f8"),
        ("hold_if_invalid", "i8"),
        ("invalid_penalty", "f8"),
        ("max_decisions", "i8"),
        ("max_time_s", "f8"),
        ("running_at_start", "i8"),  # the first rows of the requests, see `episode.Opening`
        ("decisions", "i8"),  # actions carried out so far
        ("penalty", "f8"),  # due with the next reward
        ("paid_step", "i8"),  # rewards have been paid up to this point of the run: `clock.step`,
        ("paid_s", "f8"),  # the time,
        ("paid_arrived", "i8"),  # `clock.arrived`,
        ("paid_in_system", "i8"),  # and the requests that were in the system then
        ("candidate", "i8"),  # the pair that is being carried out; `candidate` and `worker` are one row of pairs
        ("worker", "i8"),
    ],
    align=True,
)
"""What an environment knows beside the cluster: the rules of the episode and how far the rewards have been paid."""

_WORD = 8
_PAIR_START = int(EPISODE.fields["candidate"][1])  # type: ignore[index]
carray: Any = cast(Any, numba).carray
_STEP_BYTES = STEP.itemsize


class PackedRun(NamedTuple):
    """A run in memory that compiled code takes in three arguments.

    Attributes:
        memory: The episode's record and all arrays of a `State` but its log, shape (bytes,).
        layout: Where each of them starts and stops in `memory`, in bytes, and its length, shape (1 + arrays, 3).
        log: The log of steps, shape (bytes,).
    """

    memory: Bytes
    layout: Integers
    log: Bytes


def pack(state: State, episode: Records) -> PackedRun:
    """Copies a state and an episode's record, `EPISODE` of shape (1,), into one buffer."""
    layout = layout_of(state, episode)
    memory = np.zeros(layout[-1, 1], np.uint8)
    write(state, episode, memory, layout)
    return PackedRun(memory, layout, state.steps.view(np.uint8))


def layout_of(state: State, episode: Records) -> Integers:
    """Where each array stands in the memory that holds them all; the last one ends it."""
    parts = _parts(state, episode)
    sizes = np.array([array.nbytes for array in parts])
    starts = np.concatenate([[0], np.cumsum(-(-sizes[:-1] // _WORD) * _WORD)])
    return np.column_stack([starts, starts + sizes, [len(array) for array in parts]])


def write(state: State, episode: Records, memory: Bytes, layout: Integers) -> None:
    """Copies a state and an episode's record into a memory that has their layout."""
    for array, (start, stop, _) in zip(_parts(state, episode), layout, strict=True):
        memory[start:stop] = array.reshape(-1).view(np.uint8)


def _parts(state: State, episode: Records) -> list[npt.NDArray[Any]]:
    return [episode, *state[:-1]]


def with_longer_log(run: PackedRun) -> PackedRun:
    """The same run with room for twice as many steps; `memory` stays where it is."""
    return run._replace(log=longer_log(run.log))


def longer_log(log: Bytes) -> Bytes:
    """A log, or a row of logs, with room for twice as many steps."""
    return np.concatenate([log, np.zeros_like(log)], axis=-1)


def episode_of(memory: Bytes, layout: Integers) -> Records:
    """The episode's record, `EPISODE` of shape (1,), as a view of the memory; see also `compiled_episode_of`."""
    return memory[layout[0, 0] : layout[0, 1]].view(EPISODE)


def state_of(memory: Bytes, layout: Integers, log: Bytes) -> State:
    """The cluster's state as views of the memory; see also `compiled_state_of`."""
    return State(
        memory[layout[1, 0] : layout[1, 1]].view(CONSTANTS),
        memory[layout[2, 0] : layout[2, 1]].view(np.float64).reshape(-1, 4),
        memory[layout[3, 0] : layout[3, 1]].view(CLOCK),
        memory[layout[4, 0] : layout[4, 1]].view(REQUEST),
        memory[layout[5, 0] : layout[5, 1]].view(np.int64),
        memory[layout[6, 0] : layout[6, 1]].view(np.int64),
        memory[layout[7, 0] : layout[7, 1]].view(WORKER),
        memory[layout[8, 0] : layout[8, 1]].view(CANDIDATE),
        memory[layout[9, 0] : layout[9, 1]].view(RUNNING),
        memory[layout[10, 0] : layout[10, 1]].view(np.int32),
        memory[layout[11, 0] : layout[11, 1]].view(np.int32),
        memory[layout[12, 0] : layout[12, 1]].view(np.int32),
        log.view(STEP),
    )


@intrinsic
def _pointer(context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@inlined
def _pointer_into(buffer: Bytes, offset: int) -> Any:
    return _pointer(buffer.ctypes.data + offset)  # type: ignore[call-arg]  # the context is Numba's


@compiled
def compiled_state_of(memory: Bytes, layout: Integers, log: Bytes) -> State:
    """`state_of` for compiled code.

    Its arrays do not own their memory: they are valid as long as the caller holds `memory` and `log`. Handing on a
    dozen arrays that do would cost more, in counting references, than a step of the environment.
    """
    return State(
        carray(_pointer_into(memory, layout[1, 0]), layout[1, 2], CONSTANTS),
        carray(_pointer_into(memory, layout[2, 0]), (layout[2, 2], 4), np.float64),
        carray(_pointer_into(memory, layout[3, 0]), layout[3, 2], CLOCK),
        carray(_pointer_into(memory, layout[4, 0]), layout[4, 2], REQUEST),
        carray(_pointer_into(memory, layout[5, 0]), layout[5, 2], np.int64),
        carray(_pointer_into(memory, layout[6, 0]), layout[6, 2], np.int64),
        carray(_pointer_into(memory, layout[7, 0]), layout[7, 2], WORKER),
        carray(_pointer_into(memory, layout[8, 0]), layout[8, 2], CANDIDATE),
        carray(_pointer_into(memory, layout[9, 0]), layout[9, 2], RUNNING),
        carray(_pointer_into(memory, layout[10, 0]), layout[10, 2], np.int32),
        carray(_pointer_into(memory, layout[11, 0]), layout[11, 2], np.int32),
        carray(_pointer_into(memory, layout[12, 0]), layout[12, 2], np.int32),
        carray(_pointer_into(log, 0), len(log) // _STEP_BYTES, STEP),
    )


@compiled
def compiled_episode_of(memory: Bytes, layout: Integers) -> Records:
    """`episode_of` for compiled code; see `compiled_state_of`."""
    return carray(_pointer_into(memory, layout[0, 0]), 1, EPISODE)


@compiled
def pair_of(memory: Bytes) -> Integers:
    """The episode's pair as a decision of one row, shape (1, 2); see `compiled_state_of`."""
    return carray(_pointer_into(memory, _PAIR_START), (1, 2), np.int64)

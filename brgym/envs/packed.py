"""An environment's whole memory as one row of bytes.

A `State` has a dozen arrays, and handing that many to compiled code costs more than a step of the environment does.
So an environment keeps them, and the record of its own episode, side by side in one buffer, and compiled code takes
its views of it. The log of steps, which grows, has a buffer of its own.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
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
_PAIR_STOP = _PAIR_START + 2 * _WORD


class PackedRun(NamedTuple):
    """A run in memory that compiled code takes in three arguments.

    Attributes:
        memory: The episode's record and all arrays of a `State` but its log, shape (bytes,).
        layout: Where each of them starts and stops in `memory`, in bytes, shape (1 + arrays, 2).
        log: The log of steps, shape (bytes,).
    """

    memory: Bytes
    layout: Integers
    log: Bytes


def pack(state: State, episode: Records) -> PackedRun:
    """Copies a state and an episode's record, `EPISODE` of shape (1,), into one buffer."""
    arrays = [episode, *state[:-1]]
    sizes = np.array([array.nbytes for array in arrays])
    starts = np.concatenate([[0], np.cumsum(-(-sizes // _WORD) * _WORD)])
    memory = np.zeros(starts[-1], np.uint8)
    layout = np.column_stack([starts[:-1], starts[:-1] + sizes])
    for array, (start, stop) in zip(arrays, layout, strict=True):
        memory[start:stop] = array.reshape(-1).view(np.uint8)
    return PackedRun(memory, layout, state.steps.view(np.uint8))


def with_longer_log(run: PackedRun) -> PackedRun:
    """The same run with room for twice as many steps; `memory` stays where it is."""
    return run._replace(log=np.concatenate([run.log, np.zeros_like(run.log)]))


def episode_of(memory: Bytes, layout: Integers) -> Records:
    """The episode's record, `EPISODE` of shape (1,), as a view of the memory; see also `compiled_episode_of`."""
    return memory[layout[0, 0] : layout[0, 1]].view(EPISODE)


@compiled
def pair_of(memory: Bytes) -> Integers:
    """The episode's pair as a decision of one row, shape (1, 2), as a view of the memory."""
    return memory[_PAIR_START:_PAIR_STOP].view(np.int64).reshape(1, 2)


def state_of(memory: Bytes, layout: Integers, log: Bytes) -> State:
    """The cluster's state as views of the memory; for compiled code, `compiled_state_of`."""
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


compiled_episode_of = compiled(episode_of)
compiled_state_of = compiled(state_of)

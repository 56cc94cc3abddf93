"""Many environments at once: one compiled call steps all of them, or a thread's share.

Each environment is a row of bytes, see `PackedRun`; all rows have the same places. Rows know nothing of each other, so
it does not matter which thread takes which, or how many there are.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from brgym._compile import compiled
from brgym.cluster import Integers, Reals
from brgym.cluster.engine import LOG_FULL, Bytes
from brgym.envs.observation import Floats
from brgym.envs.stepping import Mask, begin_env, resume_env, step_env


class Batch(NamedTuple):
    """The environments and what their agent gets.

    Attributes:
        memory: One row for each environment, see `PackedRun`.
        places: Of every row.
        log: Their logs.
        regimes: Of every one.
        observation: Flat observations, shape (environments, columns or 0).
        mask: Masks, shape (environments, actions).
        stops: Why each environment stopped, see `step_env`, shape (environments,).
        rewards: Rewards of the last step, shape (environments,).
    """

    memory: Bytes
    places: Integers
    log: Bytes
    regimes: int | None
    observation: Floats
    mask: Mask
    stops: Integers
    rewards: Reals


@compiled
def begin_rows(batch: Batch, rows: Integers) -> None:
    """`begin_env` for the environments in `rows`."""
    for row in rows:
        batch.stops[row] = begin_env(
            batch.memory[row], batch.places, batch.log[row], batch.regimes, batch.observation[row], batch.mask[row]
        )


@compiled
def step_rows(batch: Batch, rows: Integers, actions: Integers) -> None:
    """`step_env` for the environments in `rows`; `actions` has one for each environment, in `rows` or not."""
    for row in rows:
        batch.stops[row], batch.rewards[row] = step_env(
            batch.memory[row],
            batch.places,
            batch.log[row],
            batch.regimes,
            actions[row],
            batch.observation[row],
            batch.mask[row],
        )


@compiled
def resume_rows(batch: Batch, rows: Integers) -> None:
    """`resume_env` for the environments in `rows`."""
    for row in rows:
        batch.stops[row], batch.rewards[row] = resume_env(
            batch.memory[row], batch.places, batch.log[row], batch.regimes, batch.observation[row], batch.mask[row]
        )


def out_of_log(batch: Batch, rows: Integers) -> Integers:
    """Those of `rows` that wait for a longer log."""
    return rows[batch.stops[rows] == LOG_FULL]


class Shares:
    """Splits rows among threads.

    Args:
        threads: Number of threads, at least 1.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def run(self, task: Callable[[Integers], None], rows: Integers) -> None:
        """Calls `task` with each thread's share of `rows`, side by side, and waits for all."""
        if self.threads == 1 or len(rows) < 2:
            task(rows)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="brgym")
        first, *others = np.array_split(rows, self.threads)
        pending = [self._pool.submit(task, share) for share in others]
        task(first)
        for share in pending:
            share.result()

    def close(self) -> None:
        """Ends the threads; a later `run` begins new ones."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

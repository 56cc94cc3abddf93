"""The load of every worker at every decode step, worked out from who was where."""

from dataclasses import dataclass

import numpy as np

from brgym.cluster import Integers, Records


@dataclass(frozen=True)
class WorkerLoads:
    """What every worker bore in every decode step.

    Attributes:
        load_tokens: L_g in tokens, shape (steps, workers).
        active: n_g, active requests, shape (steps, workers).
    """

    load_tokens: Integers
    active: Integers

    @classmethod
    def of(cls, stays: Records, *, steps: int, workers: int) -> "WorkerLoads":
        """Adds up the stays: each weighs its context in its first step and a token more in each step that follows.

        Args:
            stays: Fields of `brgym.study.stays.STAY`.
            steps: Decode steps of the run.
            workers: Number of workers.
        """
        active = _running_total(stays, np.ones(len(stays), np.int64), steps, workers)
        at_step_0 = stays["context_tokens"] - stays["first_step"]  # its weight is this plus the number of the step
        loads = _running_total(stays, at_step_0, steps, workers) + np.arange(steps)[:, None] * active
        return cls(load_tokens=loads, active=active)


def _running_total(stays: Records, amounts: Integers, steps: int, workers: int) -> Integers:
    """The sum of the amounts of those who stay, by step and worker."""
    change = np.zeros((steps + 1, workers), np.int64)
    np.add.at(change, (stays["first_step"], stays["worker"]), amounts)
    np.add.at(change, (stays["stop_step"], stays["worker"]), -amounts)
    return np.cumsum(change[:-1], axis=0)

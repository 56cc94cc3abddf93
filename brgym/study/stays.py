"""Who was on which worker, from which decode step to which: what pictures and traces of a run are made of."""

import heapq

import numpy as np

from brgym.cluster import ClusterConfig, Integers, Oversize, Policy, Records, Result
from brgym.study.stepped_run import SteppedRun
from brgym.workload import Workload

STAY = np.dtype(
    [
        ("request", "i8"),  # row in the workload
        ("worker", "i8"),
        ("first_step", "i8"),
        ("stop_step", "i8"),  # the step after its last one
        ("context_tokens", "i8"),  # what it weighs in its first step; it gains a token a step
        ("preempted", "?"),  # whether it was thrown out; else it finished, or the run ended before it did
    ]
)
"""A request's time on a worker between an admission and what ended it."""


def stays_of(result: Result, workload: Workload) -> Records:
    """Reads the stays from a run's result: a request is admitted at the start of a step, and decodes in every one.

    Args:
        result: What came of the run.
        workload: The requests that it served.

    Returns:
        Fields of `STAY`, by first step, then by request; dropped requests have none.

    Raises:
        ValueError: If the workload is another one's, or if a request was preempted: a result holds the first admission
            and the last worker, which is not enough. `record_stays` finds them.
    """
    requests = result.requests
    if len(requests) != len(workload):
        raise ValueError(f"the result is of {len(requests)} requests, the workload has {len(workload)}")
    preempted = np.flatnonzero(requests["preemptions"])
    if len(preempted):
        raise ValueError(
            f"{len(preempted)} requests were preempted, the first in row {preempted[0]}, and the result does not say "
            "where they were in between: record_stays runs it again and does"
        )
    rows = np.flatnonzero(~np.isnan(requests["admit_s"]))
    stays = np.zeros(len(rows), STAY)
    stays["request"] = rows
    stays["worker"] = requests["worker"][rows]
    stays["first_step"] = np.searchsorted(result.steps["start_s"], requests["admit_s"][rows])
    stays["stop_step"] = np.minimum(stays["first_step"] + workload.output_tokens[rows], len(result.steps))
    stays["context_tokens"] = workload.prompt_tokens[rows]
    return np.sort(stays, order=("first_step", "request"))


def record_stays(
    cluster: ClusterConfig, workload: Workload, policy: Policy, seed: int = 0, *, oversize: Oversize = "error"
) -> Records:
    """Makes the run of `simulate` again, step by step, and writes down the stays, preemptions included.

    Args:
        cluster: As in `simulate`, as the other arguments.
        workload: See there.
        policy: See there.
        seed: See there.
        oversize: See there.

    Returns:
        As `stays_of`.

    Raises:
        TypeError: As `simulate`.
        ValueError: As `simulate`.
        RuntimeError: As `simulate`.
    """
    run = SteppedRun(cluster, workload, policy, seed, oversize=oversize)
    book = _Book(len(run.rows))
    while not run.done:
        book.note(run)
        run.advance()
    book.note(run)
    stays = np.concatenate(book.closed) if book.closed else np.zeros(0, STAY)
    stays["request"] = run.rows[stays["request"]]
    return np.sort(stays, order=("first_step", "request"))


class _Book:
    """Which stays are open, and those that are closed; told of a run before each of its steps, and at its end."""

    def __init__(self, requests: int) -> None:
        self.closed: list[Records] = []
        self._open = np.zeros(0, STAY)
        self._preemptions = np.zeros(requests, np.int64)

    def note(self, run: SteppedRun) -> None:
        step, rows = run.view.step, self._open["request"]
        thrown_out = run.requests["preemptions"][rows] > self._preemptions[rows]
        ended = thrown_out | ~np.isnan(run.requests["finish_s"][rows])
        if ended.any():
            over = self._open[ended]
            over["preempted"] = thrown_out[ended]
            over["stop_step"] = np.where(
                over["preempted"], step - 1, step
            )  # a victim misses the step that it leaves at
            self.closed.append(over)
            self._open = self._open[~ended]
            self._preemptions[rows] = run.requests["preemptions"][rows]
        if len(self._open) < run.view.active_requests:
            self._open = np.concatenate([self._open, _begun(run, self._open["request"], step)])


def _begun(run: SteppedRun, known: Integers, step: int) -> Records:
    """Stays of the active requests that are not known yet."""
    rows = run.running_places
    new = ~np.isin(rows, known)
    stays = np.zeros(np.count_nonzero(new), STAY)
    stays["request"] = rows[new]
    stays["worker"] = run.view.active_worker[new]
    stays["first_step"] = step
    stays["context_tokens"] = run.view.active_context_tokens[new]
    return stays


def slots_of(stays: Records) -> Integers:
    """A slot of its worker for each stay: the lowest that is free at its first step.

    The model's slots have no names, so this choice is ours; a worker never needs more than it has.

    Args:
        stays: By first step.

    Returns:
        Shape (stays,), from 0.
    """
    slots = np.zeros(len(stays), np.int64)
    busy: dict[int, list[tuple[int, int]]] = {}
    free: dict[int, list[int]] = {}
    for place, (worker, first, stop) in enumerate(
        zip(*(stays[name].tolist() for name in ("worker", "first_step", "stop_step")), strict=True)
    ):
        taken, empty = busy.setdefault(worker, []), free.setdefault(worker, [])
        while taken and taken[0][0] <= first:
            heapq.heappush(empty, heapq.heappop(taken)[1])
        slots[place] = heapq.heappop(empty) if empty else len(taken)
        heapq.heappush(taken, (stop, int(slots[place])))
    return slots

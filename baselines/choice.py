"""Which worker is routed to next: the rules that BR-0, BR-H, level and the learned router share."""

from typing import Literal

from brgym._compile import compiled
from brgym.cluster import Integers, View
from brgym.cluster.vocabulary import free_slots, workers

WorkerChoice = Literal["most-free-slots", "lowest-load"]
WORKER_CHOICES = ("most-free-slots", "lowest-load")
"""How the next worker is chosen (DESIGN 2.6); its code in compiled functions is the index.

"most-free-slots" is the paper's. Below saturation every worker has free slots and their number says nothing about the
load; "lowest-load" is ours. In a backlog, where hardly any slot is free, they are equal.
"""

_LOWEST_LOAD = WORKER_CHOICES.index("lowest-load")


@compiled
def next_worker(view: View, passed: Integers, choice: int) -> int:
    """The worker to route to next, among those that have a free slot and are not passed over; -1 if there is none.

    Args:
        view: What the router sees.
        passed: Whether each worker is passed over, shape (workers,).
        choice: Index into `WORKER_CHOICES`. Most free slots, ties: the lowest load, which is the largest margin, then
            the lowest index; or lowest load, ties: most free slots, then the lowest index.
    """
    best = -1
    for worker in range(workers(view)):
        if passed[worker] or free_slots(view, worker) <= 0:
            continue
        if best < 0:
            best = worker
            continue
        by_slots = int(view.active[worker]) - int(view.active[best])
        by_load = int(view.load_tokens[worker]) - int(view.load_tokens[best])
        first, second = (by_load, by_slots) if choice == _LOWEST_LOAD else (by_slots, by_load)
        if first < 0 or (first == 0 and second < 0):
            best = worker
    return best

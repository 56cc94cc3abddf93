"""Which worker: a rule that several policies share."""

from brgym._compile import compiled
from brgym.cluster import Integers, View
from brgym.cluster.vocabulary import free_slots, workers


@compiled
def freest_worker(view: View, passed: Integers) -> int:
    """The worker with the most free slots that is not passed over; -1 if none has any.

    Ties: the lowest load, which is the largest margin; then the lowest index.
    """
    best = -1
    for worker in range(workers(view)):
        if passed[worker] or free_slots(view, worker) <= 0:
            continue
        if best < 0 or (view.active[worker], view.load_tokens[worker]) < (view.active[best], view.load_tokens[best]):
            best = worker
    return best

"""Which worker: rules that several policies share."""

from brgym._compile import compiled
from brgym.cluster import Integers, View, fits


@compiled
def freest_worker(view: View, passed: Integers) -> int:
    """The worker with the most free slots that is not passed over; -1 if none has any.

    Ties: the lowest load, which is the largest margin; then the lowest index.
    """
    best = -1
    for worker in range(len(view.load)):
        if passed[worker] or view.active[worker] >= view.constants[0].slots:
            continue
        if best < 0 or (view.active[worker], view.load[worker]) < (view.active[best], view.load[best]):
            best = worker
    return best


@compiled
def lowest_load_that_fits(view: View, context: int) -> int:
    """The worker with the lowest load among those on which `context` tokens fit; -1 if none; ties: lowest index."""
    best = -1
    for worker in range(len(view.load)):
        if fits(view, worker, context) and (best < 0 or view.load[worker] < view.load[best]):
            best = worker
    return best

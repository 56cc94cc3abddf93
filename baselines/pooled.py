"""Textbook policies that leave requests in the pool until a worker has room."""

import numpy as np

from baselines.compiled import CompiledPoolPolicy
from brgym._compile import compiled
from brgym.cluster import ClusterConfig, Integers, Memory, View, compiled_kernel, fits, window_size


@compiled
def lowest_load_that_fits(view: View, context: int) -> int:
    """The worker with the lowest load among those on which `context` tokens fit; -1 if none; ties: lowest index."""
    best = -1
    for worker in range(len(view.load)):
        if fits(view, worker, context) and (best < 0 or view.load[worker] < view.load[best]):
            best = worker
    return best


@compiled_kernel
def _least_kv(view: View, memory: Memory, pairs: Integers) -> int:
    start = view.clock[0].pool_start
    for candidate in range(window_size(view)):
        worker = lowest_load_that_fits(view, view.pool[start + candidate].context_tokens)
        if worker >= 0:
            pairs[0, 0] = candidate
            pairs[0, 1] = worker
            return 1
    return 0


class LeastKV(CompiledPoolPolicy):
    """The oldest candidate that fits anywhere goes to the worker with the lowest load on which it fits.

    A candidate that fits nowhere does not hold up the younger ones (our choice: work-conserving).
    """

    kernel = staticmethod(_least_kv)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """Nothing."""
        return Memory(np.zeros(0, np.int64), np.zeros(0))

"""vLLM's router between data-parallel engines (`vllm/v1/engine/core_client.py`)."""

import numpy as np

from baselines.compiled import CompiledArrivalPolicy
from brgym._checks import check_integer
from brgym._compile import compiled
from brgym.cluster import ClusterConfig, Integers, Memory, Reals, View, compiled_kernel

_PUBLISH_S = 0.1
_PUBLISH_UNCHANGED_S = 5.0


@compiled
def refresh_counts(view: View, counts: Integers, published: Integers, last_s: Reals) -> None:
    """Replaces a router's counts by the engines' when they are due.

    The engines publish at most every 100 ms, and every 5 s if nothing has changed; each time, the router's own copy and
    what it added to it are overwritten.

    Args:
        view: What the router sees.
        counts: The router's copy of (waiting, running), shape (workers, 2).
        published: The same as last published, shape (workers, 2).
        last_s: When that was, shape (1,).
    """
    elapsed_s = view.clock[0].now_s - last_s[0]
    if elapsed_s < _PUBLISH_S:
        return
    changed = False
    for worker in range(len(view.load)):
        changed |= published[worker, 0] != view.workers[worker].queued
        changed |= published[worker, 1] != view.active[worker]
    if not changed and elapsed_s < _PUBLISH_UNCHANGED_S:
        return
    last_s[0] = view.clock[0].now_s
    for worker in range(len(view.load)):
        published[worker, 0] = view.workers[worker].queued
        published[worker, 1] = view.active[worker]
    counts[:] = published


@compiled_kernel
def _vllm_legacy(view: View, memory: Memory, pairs: Integers) -> int:
    workers = len(view.load)
    counts = memory.integers[1 : 1 + 2 * workers].reshape(workers, 2)
    refresh_counts(view, counts, memory.integers[1 + 2 * workers :].reshape(workers, 2), memory.reals)
    best = 0
    for worker in range(1, workers):
        if 4 * counts[worker, 0] + counts[worker, 1] < 4 * counts[best, 0] + counts[best, 1]:
            best = worker
    counts[best, 0] += memory.integers[0]
    pairs[0, 0] = 0
    pairs[0, 1] = best
    return 1


class VLLMLegacy(CompiledArrivalPolicy):
    """vLLM's router before July 2026: the worker with the lowest 4 x waiting + running; ties: the lowest index.

    It sees counts that are up to 100 ms old (5 s if unchanged) and adds to its own copy at each pick.

    Args:
        api_servers: Number of routers that share the traffic, which is what a pick adds to the waiting count; None for
            the number of workers, vLLM's default.

    Raises:
        ValueError: If `api_servers` is below 1.
    """

    kernel = staticmethod(_vllm_legacy)

    def __init__(self, *, api_servers: int | None = None) -> None:
        self.api_servers = None if api_servers is None else check_integer("api_servers", api_servers, minimum=1)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """What a pick adds, the router's counts, the published ones; when they were published."""
        integers = np.zeros(1 + 4 * cluster.workers, np.int64)
        integers[0] = self.api_servers or cluster.workers
        return Memory(integers, np.array([-np.inf]))

"""vLLM's router between data-parallel engines (`vllm/v1/engine/core_client.py`), as of 0.33 and as it was before.

It knows the engines' counts of waiting and running requests from snapshots, and adds to its own copy at each pick.
"""

import numpy as np

from baselines.compiled import CompiledArrivalPolicy
from baselines.on_arrival import requests_on
from brgym._checks import check_integer
from brgym._compile import compiled
from brgym.cluster import ClusterConfig, Integers, Memory, Reals, View, compiled_kernel

_PUBLISH_S = 0.1
_PUBLISH_UNCHANGED_S = 5.0
_KV_USE_ABOVE = 0.5
_KV_USE_WEIGHT = 6.0

_PICK_COUNTS_AS, _DECISIONS, _HEADER = range(3)
_WAITING, _RUNNING, _TOKENS, _COLUMNS = range(4)


@compiled
def refreshed_counts(view: View, integers: Integers, reals: Reals) -> Integers:
    """The router's own copy of the engines' counts, replaced where a new snapshot is due.

    The engines publish at most every 100 ms, and every 5 s if no request began, ended or queued in between; each time,
    what the router had added to its copy is overwritten.

    Args:
        view: What the router sees.
        integers: A router's memory: header, its counts, the published counts.
        reals: When they were published, in seconds, shape (1,).

    Returns:
        Waiting, running and KV tokens of each worker, shape (workers, 3), a view of `integers`.
    """
    workers = len(view.load)
    size = workers * _COLUMNS
    counts = integers[_HEADER : _HEADER + size].reshape(workers, _COLUMNS)
    published = integers[_HEADER + size :].reshape(workers, _COLUMNS)
    elapsed_s = view.clock[0].now_s - reals[0]
    if elapsed_s < _PUBLISH_S:
        return counts
    changed = False
    for worker in range(workers):
        changed |= published[worker, _WAITING] != view.workers[worker].queued
        changed |= published[worker, _RUNNING] != view.active[worker]
    if changed or elapsed_s >= _PUBLISH_UNCHANGED_S:
        reals[0] = view.clock[0].now_s
        for worker in range(workers):
            published[worker, _WAITING] = view.workers[worker].queued
            published[worker, _RUNNING] = view.active[worker]
            published[worker, _TOKENS] = view.load[worker]
        counts[:] = published
    return counts


@compiled_kernel
def _vllm(view: View, memory: Memory, pairs: Integers) -> int:
    workers = len(view.load)
    counts = refreshed_counts(view, memory.integers, memory.reals)
    start = memory.integers[_DECISIONS] % workers
    memory.integers[_DECISIONS] += 1
    best, lowest = -1, 0.0
    for offset in range(workers):
        worker = (start + offset) % workers
        waiting = counts[worker, _WAITING]
        kv_use = counts[worker, _TOKENS] / view.constants[0].kv_capacity
        crowding = _KV_USE_WEIGHT * waiting * max(0.0, kv_use - _KV_USE_ABOVE)
        load = max(requests_on(view, worker), waiting + counts[worker, _RUNNING]) + crowding
        if best < 0 or load < lowest:
            best, lowest = worker, load
    counts[best, _WAITING] += memory.integers[_PICK_COUNTS_AS]
    pairs[0, 0] = 0
    pairs[0, 1] = best
    return 1


@compiled_kernel
def _vllm_legacy(view: View, memory: Memory, pairs: Integers) -> int:
    counts = refreshed_counts(view, memory.integers, memory.reals)
    best, lowest = -1, 0
    for worker in range(len(view.load)):
        load = 4 * int(counts[worker, _WAITING]) + int(counts[worker, _RUNNING])
        if best < 0 or load < lowest:
            best, lowest = worker, load
    counts[best, _WAITING] += memory.integers[_PICK_COUNTS_AS]
    pairs[0, 0] = 0
    pairs[0, 1] = best
    return 1


class VLLM(CompiledArrivalPolicy):
    """vLLM's router since 0.33: the lowest max(in flight, waiting + running), crowded KV caches counting extra.

    A worker with waiting requests counts 6 x waiting x max(0, KV use - 0.5) more. Ties: the scan starts one worker
    further after every decision and the first of the lowest wins. Waiting, running and KV use are from snapshots up to
    100 ms old (5 s if unchanged); what is in flight is exact. vLLM multiplies a router's own requests in flight by the
    number of routers, which here, with one router modelled, is all of a worker's requests (our choice).

    Args:
        api_servers: Number of routers that share the traffic, which is what a pick adds to the waiting count; None for
            the number of workers, vLLM's default.

    Raises:
        ValueError: If `api_servers` is below 1.
    """

    kernel = staticmethod(_vllm)

    def __init__(self, *, api_servers: int | None = None) -> None:
        self.api_servers = None if api_servers is None else check_integer("api_servers", api_servers, minimum=1)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """What a pick adds, decisions made, the router's counts, the published ones; when they were published."""
        integers = np.zeros(_HEADER + 2 * _COLUMNS * cluster.workers, np.int64)
        integers[_PICK_COUNTS_AS] = self.api_servers or cluster.workers
        return Memory(integers, np.array([-np.inf]))


class VLLMLegacy(VLLM):
    """vLLM's router before July 2026: the worker with the lowest 4 x waiting + running; ties: the lowest index.

    Its counts are from the same snapshots, and its parameter is the same.
    """

    kernel = staticmethod(_vllm_legacy)

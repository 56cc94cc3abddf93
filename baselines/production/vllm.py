"""vLLM's router between data-parallel engines (`vllm/v1/engine/core_client.py`), as of 0.33 and as it was before.

It knows the engines' counts of waiting and running requests from snapshots, and adds to its own copy at each pick.
"""

from typing import NamedTuple

import numpy as np

from baselines.compiled import CompiledArrivalPolicy
from brgym._checks import check_integer
from brgym._compile import compiled
from brgym.cluster import ClusterConfig, Integers, Layout, Memory, Records, View, compiled_kernel
from brgym.cluster.vocabulary import is_up, kv_capacity, now_s, requests_on, workers

_PUBLISH_S = 0.1
_MAX_SERVERS = 2**20  # what a run of 2**31 requests counts together fits 64 bits
_PUBLISH_UNCHANGED_S = 5.0
_KV_USE_ABOVE = 0.5
_KV_USE_WEIGHT = 6.0

_ROUTER = np.dtype([("pick_counts_as", "i8"), ("decisions", "i8"), ("published_s", "f8")], align=True)


def _servers(count: int) -> int:
    return check_integer("api_servers", count, minimum=1, maximum=_MAX_SERVERS)


class Counters(NamedTuple):
    """What the router knows of the engines; one number a worker.

    Attributes:
        router: What a pick adds to `waiting`, decisions made, when the snapshot was published, shape (1,).
        waiting: Waiting requests: those of the snapshot, and what has been added since.
        running: Running requests of the snapshot.
        kv_tokens: KV tokens of the snapshot.
        published_waiting: Waiting requests of the snapshot.
    """

    router: Records
    waiting: Integers
    running: Integers
    kv_tokens: Integers
    published_waiting: Integers


_LAYOUT = Layout(Counters, records={"router": _ROUTER})
_counters_in = _LAYOUT.reader()


@compiled
def refresh(view: View, counters: Counters) -> None:
    """Replaces the router's copy of the engines' counts where a new snapshot is due.

    The engines publish at most every 100 ms, and every 5 s if no request began, ended or queued in between; each time,
    what the router had added to its copy is overwritten.
    """
    elapsed_s = now_s(view) - counters.router[0].published_s
    if elapsed_s < _PUBLISH_S:
        return
    changed = False
    for worker in range(workers(view)):
        changed |= counters.published_waiting[worker] != view.queued[worker]
        changed |= counters.running[worker] != view.active[worker]
    if changed or elapsed_s >= _PUBLISH_UNCHANGED_S:
        counters.router[0].published_s = now_s(view)
        counters.waiting[:] = view.queued
        counters.running[:] = view.active
        counters.kv_tokens[:] = view.load_tokens
        counters.published_waiting[:] = view.queued


@compiled_kernel
def _vllm(view: View, memory: Memory, pairs: Integers) -> int:
    counters = _counters_in(memory)
    refresh(view, counters)
    start = counters.router[0].decisions % workers(view)
    counters.router[0].decisions += 1
    best, lowest = -1, 0.0
    for offset in range(workers(view)):
        worker = (start + offset) % workers(view)
        if not is_up(view, worker):
            continue
        waiting = counters.waiting[worker]
        kv_use = counters.kv_tokens[worker] / kv_capacity(view)
        crowding = _KV_USE_WEIGHT * waiting * max(0.0, kv_use - _KV_USE_ABOVE)
        load = max(requests_on(view, worker), waiting + counters.running[worker]) + crowding
        if best < 0 or load < lowest:
            best, lowest = worker, load
    counters.waiting[best] += counters.router[0].pick_counts_as
    pairs[0, 0] = 0
    pairs[0, 1] = best
    return 1


@compiled_kernel
def _vllm_legacy(view: View, memory: Memory, pairs: Integers) -> int:
    counters = _counters_in(memory)
    refresh(view, counters)
    best, lowest = -1, 0
    for worker in range(workers(view)):
        if not is_up(view, worker):
            continue
        load = 4 * int(counters.waiting[worker]) + int(counters.running[worker])
        if best < 0 or load < lowest:
            best, lowest = worker, load
    counters.waiting[best] += counters.router[0].pick_counts_as
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
        ValueError: If `api_servers` is not in 1..2**20.
    """

    kernel = staticmethod(_vllm)

    def __init__(self, *, api_servers: int | None = None) -> None:
        self.api_servers = None if api_servers is None else _servers(api_servers)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """The router's counters; the first decision finds a snapshot due."""
        router = np.array([(self.api_servers or cluster.workers, 0, -np.inf)], _ROUTER)
        counts = [np.zeros(cluster.workers, np.int64) for _ in range(4)]
        return _LAYOUT.memory(Counters(router, *counts))


class VLLMLegacy(VLLM):
    """vLLM's router before July 2026: the worker with the lowest 4 x waiting + running; ties: the lowest index.

    Its counts are from the same snapshots, and its parameter is the same.
    """

    kernel = staticmethod(_vllm_legacy)

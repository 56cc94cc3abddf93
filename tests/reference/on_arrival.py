"""Policies that bind on arrival, in plain Python; what routers of real systems know and when is from their sources.

Where workers tie, Python's `min` keeps the first of a list that says where the scan begins. No policy names a worker
that is stopped, and none is asked while all are.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .cluster import ReferenceCluster, Request, Worker


class RoundRobin:
    """The next worker that is up, counted on from the last one named."""

    binding: Literal["arrival"] = "arrival"

    def __init__(self) -> None:
        self.next = 0

    def bind(self, cluster: ReferenceCluster, request: Request) -> int:
        worker = scan_up(cluster, self.next)[0]
        self.next = worker + 1
        return worker


class JoinShortestQueue:
    """Fewest active + queued; of equals, the first met from worker (decisions so far) mod G on.

    G counts stopped workers too: the scan begins where it would, and passes over them.
    """

    binding: Literal["arrival"] = "arrival"

    def __init__(self) -> None:
        self.decisions = 0

    def bind(self, cluster: ReferenceCluster, request: Request) -> int:
        scan = scan_up(cluster, self.decisions)
        self.decisions += 1
        return min(scan, key=lambda g: requests_on(cluster.workers[g]))


class SplitMix64:
    """Steele, Lea and Flood, OOPSLA 2014: a counter in steps of the golden ratio, and its bits mixed."""

    def __init__(self, seed: int) -> None:
        self.state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])

    def next(self) -> int:
        """64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """One of 0..bound - 1, the remainder of the next 64 bits."""
        return self.next() % bound


class Random:
    """Any worker, each as likely: the draw counts those that are up, by index."""

    binding: Literal["arrival"] = "arrival"

    def __init__(self, seed: int) -> None:
        self.stream = SplitMix64(seed)

    def bind(self, cluster: ReferenceCluster, request: Request) -> int:
        up = cluster.workers_up()
        return up[self.stream.below(len(up))]


class PowerOfTwo:
    """Of two different workers the one with fewer requests, of equals the one drawn first.

    The second draw is among the others, counted on from the first; a single worker is not drawn a second time. Draws
    count the workers that are up, by index.
    """

    binding: Literal["arrival"] = "arrival"

    def __init__(self, seed: int) -> None:
        self.stream = SplitMix64(seed)

    def bind(self, cluster: ReferenceCluster, request: Request) -> int:
        up = cluster.workers_up()
        first = up[self.stream.below(len(up))]
        if len(up) == 1:
            return first
        others = scan_up(cluster, first)[1:]
        second = others[self.stream.below(len(others))]
        return min([first, second], key=lambda g: requests_on(cluster.workers[g]))


@dataclass
class Engine:
    """What vLLM's router knows of a worker."""

    waiting: int
    running: int
    kv_use: float  # 0..1


class VLLM:
    """vLLM since 0.33: lowest max(in flight, waiting + running) + [waiting > 0] 6 waiting max(0, KV use - 0.5).

    The scan starts one worker further after every decision, and passes over workers that are stopped. What is in
    flight is exact: all that the worker has. There are as many API servers as workers, up or not, unless said.
    """

    binding: Literal["arrival"] = "arrival"

    def __init__(self, *, api_servers: int | None = None) -> None:
        self.api_servers = api_servers
        self.decisions = 0
        self.snapshot: list[Engine] = []
        self.snapshot_s = -math.inf
        self.known: list[Engine] = []  # the snapshot, and what was added since

    def bind(self, cluster: ReferenceCluster, request: Request) -> int:
        self.look(cluster)
        worker = self.choose(cluster)
        self.known[worker].waiting += len(cluster.workers) if self.api_servers is None else self.api_servers
        self.decisions += 1
        return worker

    def look(self, cluster: ReferenceCluster) -> None:
        """Takes a snapshot where the last one is 100 ms old and counts have changed, or 5 s old."""
        elapsed_s = cluster.now - self.snapshot_s
        counts = [(len(worker.queue), len(worker.active)) for worker in cluster.workers]
        changed = counts != [(engine.waiting, engine.running) for engine in self.snapshot]
        if elapsed_s >= 5.0 or (elapsed_s >= 0.1 and changed):
            self.snapshot = [engine_of(worker) for worker in cluster.workers]
            self.known = [engine_of(worker) for worker in cluster.workers]
            self.snapshot_s = cluster.now

    def choose(self, cluster: ReferenceCluster) -> int:
        scan = scan_up(cluster, self.decisions)
        return min(scan, key=lambda g: self.cost(self.known[g], cluster.workers[g]))

    def cost(self, engine: Engine, worker: Worker) -> float:
        crowding = 6.0 * engine.waiting * max(0.0, engine.kv_use - 0.5)
        return max(requests_on(worker), engine.waiting + engine.running) + crowding


class VLLMLegacy(VLLM):
    """vLLM before: lowest 4 waiting + running, of equals the lowest index."""

    def choose(self, cluster: ReferenceCluster) -> int:
        return min(cluster.workers_up(), key=lambda g: 4 * self.known[g].waiting + self.known[g].running)


def scan_up(cluster: ReferenceCluster, start: int) -> list[int]:
    """The workers that are up, by index from `start` mod G on and round to it."""
    G = len(cluster.workers)
    scan = [(start + offset) % G for offset in range(G)]
    return [g for g in scan if cluster.workers[g].up]


def requests_on(worker: Worker) -> int:
    """Requests that a worker has, active or in its queue."""
    return len(worker.active) + len(worker.queue)


def engine_of(worker: Worker) -> Engine:
    """A worker as it is now. A capacity without limit is never used up."""
    kv_use = 0.0 if worker.kv_capacity is None else worker.load / worker.kv_capacity
    return Engine(waiting=len(worker.queue), running=len(worker.active), kv_use=kv_use)

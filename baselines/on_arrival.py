"""Textbook policies that bind a request when it arrives."""

import numpy as np

from baselines.compiled import CompiledArrivalPolicy
from baselines.randomness import next_below, stream
from brgym._compile import compiled
from brgym.cluster import ClusterConfig, Integers, Memory, View, compiled_kernel
from brgym.cluster.vocabulary import requests_on, workers

_NO_REALS = np.zeros(0)


@compiled
def fewest_requests(view: View, start: int) -> int:
    """The worker with the fewest requests; the scan starts at worker `start` and the first of the fewest wins."""
    count = workers(view)
    best = start
    for offset in range(1, count):
        worker = (start + offset) % count
        if requests_on(view, worker) < requests_on(view, best):
            best = worker
    return best


@compiled_kernel
def _random(view: View, memory: Memory, pairs: Integers) -> int:
    pairs[0, 0] = 0
    pairs[0, 1] = next_below(memory.integers, 0, workers(view))
    return 1


@compiled_kernel
def _round_robin(view: View, memory: Memory, pairs: Integers) -> int:
    pairs[0, 0] = 0
    pairs[0, 1] = memory.integers[0] % workers(view)
    memory.integers[0] += 1
    return 1


@compiled_kernel
def _power_of_two(view: View, memory: Memory, pairs: Integers) -> int:
    count = workers(view)
    first = next_below(memory.integers, 0, count)
    second = first
    if count > 1:
        second = (first + 1 + next_below(memory.integers, 0, count - 1)) % count
    pairs[0, 0] = 0
    pairs[0, 1] = second if requests_on(view, second) < requests_on(view, first) else first
    return 1


@compiled_kernel
def _jsq(view: View, memory: Memory, pairs: Integers) -> int:
    pairs[0, 0] = 0
    pairs[0, 1] = fewest_requests(view, memory.integers[0] % workers(view))
    memory.integers[0] += 1
    return 1


class Random(CompiledArrivalPolicy):
    """A worker drawn uniformly for each request."""

    kernel = staticmethod(_random)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """The random stream."""
        return Memory(np.array([stream(seed)]), _NO_REALS)


class RoundRobin(CompiledArrivalPolicy):
    """The workers in turn, from worker 0."""

    kernel = staticmethod(_round_robin)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """Decisions made."""
        return Memory(np.zeros(1, np.int64), _NO_REALS)


class PowerOfTwo(CompiledArrivalPolicy):
    """Of two different workers drawn uniformly, the one with fewer requests; ties: the one drawn first.

    Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001).
    """

    kernel = staticmethod(_power_of_two)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """The random stream."""
        return Memory(np.array([stream(seed)]), _NO_REALS)


class JoinShortestQueue(CompiledArrivalPolicy):
    """The worker with the fewest requests, active or queued.

    Ties rotate: the scan starts one worker further at every decision (our choice, after vLLM's router).
    """

    kernel = staticmethod(_jsq)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """Decisions made."""
        return Memory(np.zeros(1, np.int64), _NO_REALS)

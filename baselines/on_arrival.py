"""Textbook policies that bind a request when it arrives; workers that are stopped are passed over."""

import numpy as np

from baselines.compiled import CompiledArrivalPolicy
from baselines.randomness import next_below, stream
from brgym._compile import compiled
from brgym.cluster import ClusterConfig, Integers, Memory, View, compiled_kernel
from brgym.cluster.vocabulary import is_up, requests_on, workers, workers_up

_NO_REALS = np.zeros(0)


@compiled
def nth_up(view: View, start: int, steps: int) -> int:
    """The worker that is met after `steps` others, of those that are up, from worker `start` on and round to it."""
    if workers_up(view) == workers(view):
        return start + steps if start + steps < workers(view) else start + steps - workers(view)
    worker = start
    while steps > 0 or not is_up(view, worker):
        steps -= is_up(view, worker)
        worker = worker + 1 if worker + 1 < workers(view) else 0
    return worker


@compiled
def fewest_requests(view: View, start: int) -> int:
    """The worker with the fewest requests; the scan starts at worker `start` and the first of the fewest wins."""
    count = workers(view)
    best, fewest = -1, 0
    worker = start
    for _ in range(count):
        requests = requests_on(view, worker)
        if (best < 0 or requests < fewest) and is_up(view, worker):
            best, fewest = worker, requests
        worker = worker + 1 if worker + 1 < count else 0
    return best


@compiled_kernel
def _random(view: View, memory: Memory, pairs: Integers) -> int:
    pairs[0, 0] = 0
    pairs[0, 1] = nth_up(view, 0, next_below(memory.integers, 0, workers_up(view)))
    return 1


@compiled_kernel
def _round_robin(view: View, memory: Memory, pairs: Integers) -> int:
    worker = nth_up(view, memory.integers[0], 0)
    pairs[0, 0], pairs[0, 1] = 0, worker
    memory.integers[0] = worker + 1 if worker + 1 < workers(view) else 0
    return 1


@compiled_kernel
def _power_of_two(view: View, memory: Memory, pairs: Integers) -> int:
    count = workers_up(view)
    first = nth_up(view, 0, next_below(memory.integers, 0, count))
    second = first
    if count > 1:
        second = nth_up(view, first, 1 + next_below(memory.integers, 0, count - 1))
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
        """The worker after the last one named."""
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

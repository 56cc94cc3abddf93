"""A compiled router of one's own: a kernel, a memory and a reset, written with the public vocabulary alone.

It is `least-kv` with a memory: among the workers with the lowest load the one that was chosen least often wins, so that
ties do not all go to worker 0. It runs without entering the interpreter, as fast as the routers that brgym ships.

    python examples/own_router.py
"""

from typing import ClassVar, Literal, NamedTuple

import numpy as np

import baselines
from brgym import ClusterConfig, compiled_kernel, load_workload, simulate
from brgym.cluster import Integers, Layout, Memory, View
from brgym.cluster.vocabulary import candidate_context_tokens, fits, window_size, workers


class Notes(NamedTuple):
    """What the router remembers.

    Attributes:
        chosen: How often each worker was chosen, shape (workers,).
    """

    chosen: Integers


LAYOUT = Layout(Notes)
notes_in = LAYOUT.reader()


@compiled_kernel
def fewest_choices(view: View, memory: Memory, pairs: Integers) -> int:
    """The oldest candidate that fits anywhere goes to the lowest load; ties: chosen least often, then lowest index."""
    notes = notes_in(memory)
    for candidate in range(window_size(view)):
        context, best = candidate_context_tokens(view, candidate), -1
        for worker in range(workers(view)):
            if not fits(view, worker, context):
                continue
            load, chosen = view.load_tokens[worker], notes.chosen[worker]
            if best < 0 or (load, chosen) < (view.load_tokens[best], notes.chosen[best]):
                best = worker
        if best >= 0:
            notes.chosen[best] += 1
            pairs[0, 0] = candidate
            pairs[0, 1] = best
            return 1
    return 0


class FewestChoices:
    """The lowest load that fits; ties go to the worker that was chosen least often."""

    binding: ClassVar[Literal["pool"]] = "pool"
    kernel = staticmethod(fewest_choices)
    memory: Memory

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Forgets everything before a new run."""
        self.memory = LAYOUT.memory(Notes(chosen=np.zeros(cluster.workers, np.int64)))


def main(requests: int = 8000) -> None:
    """Serves a backlog with this router and with two that brgym ships."""
    workload = load_workload("proprietary-like", count=requests)
    for name, policy in (
        ("own", FewestChoices()),
        ("least-kv", baselines.make("least-kv")),
        ("br-0", baselines.make("br-0")),
    ):
        metrics = simulate(ClusterConfig(), workload, policy).metrics
        print(f"{name:>8}: imbalance {metrics.imbalance_mean:,.0f} tokens, {metrics.throughput_tok_s:,.0f} tok/s")


if __name__ == "__main__":
    main()

"""Decode steps per second of the compiled kernel: the loop over step boundaries, log and routing included.

Every slot is busy. "decoding" has no other requests than those, so that all there is to do is the step itself. In
"serving" every finished request is followed by another, so that a step also releases, routes and admits about
`workers / 22` requests. Round-robin routes, which costs next to nothing.
"""

import numpy as np
import pytest

import baselines
from brgym.cluster import ClusterConfig
from brgym.cluster.engine import ON_ARRIVAL, empty_histogram, initial_state, run
from brgym.workload import Workload, load_workload

SLOTS = 72
STEPS = 20_000
REQUESTS_PER_WORKER = 500


def decoding(workers: int) -> Workload:
    requests = workers * SLOTS
    return Workload(np.zeros(requests), np.full(requests, 1000), np.full(requests, STEPS))


def serving(workers: int) -> Workload:
    return load_workload("proprietary-like", count=REQUESTS_PER_WORKER * workers)


@pytest.mark.parametrize("workers", [8, 64, 144])
@pytest.mark.parametrize("workload_of", [decoding, serving])
def test_kernel(benchmark, workload_of, workers):
    cluster = ClusterConfig(workers=workers, slots=SLOTS)
    workload = workload_of(workers)
    policy = baselines.make("round-robin")

    def fresh_run():
        policy.reset(cluster, 0)
        return (initial_state(cluster, workload, binding=ON_ARRIVAL), policy, cluster, empty_histogram()), {}

    final = benchmark.pedantic(run, setup=fresh_run, rounds=5, warmup_rounds=1)
    steps = int(final.clock["step"][0])
    benchmark.group = f"kernel, {workload_of.__name__}"
    benchmark.extra_info |= {
        "decode_steps_per_s": steps / benchmark.stats["min"],
        "requests_per_step": len(workload) / steps,
    }

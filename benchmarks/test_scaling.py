"""What ten times the requests cost: time and peak memory of a run with 80,000 requests over those of one with 8,000."""

import timeit
import tracemalloc
from collections.abc import Callable

import pytest

import baselines
from brgym.cluster import ClusterConfig, simulate
from brgym.workload import load_workload

REQUESTS = 8000
ROUNDS = 5


def run_of(router: str, requests: int) -> Callable[[], object]:
    cluster = ClusterConfig(workers=16, slots=72)
    workload = load_workload("proprietary-like", count=requests)
    policy = baselines.make(router)
    return lambda: simulate(cluster, workload, policy)


def peak_bytes(run: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("router", ["jsq", "br-0"])
def test_ten_times_the_requests(benchmark, router):
    one, ten = run_of(router, REQUESTS), run_of(router, 10 * REQUESTS)
    one()
    benchmark.pedantic(ten, rounds=ROUNDS)
    benchmark.group = "ten times the requests"
    benchmark.extra_info |= {
        "time_ratio": benchmark.stats["min"] / min(timeit.repeat(one, number=1, repeat=2 * ROUNDS)),
        "memory_ratio": peak_bytes(ten) / peak_bytes(one),
    }

"""A whole `simulate`, warm: 8,000 requests in backlog, 72 slots; routers beside round-robin, which weighs nothing.

"own" is the router of examples/own_router.py, written with the public vocabulary alone; its built-in like is least-kv.
"""

import pytest

import baselines
from brgym.cluster import ClusterConfig, simulate
from brgym.workload import load_workload
from examples.own_router import FewestChoices


@pytest.mark.parametrize("workers", [8, 16])
@pytest.mark.parametrize("router", ["round-robin", "least-kv", "own", "br-0"])
def test_simulate(benchmark, router, workers):
    cluster = ClusterConfig(workers=workers, slots=72)
    workload = load_workload("proprietary-like")
    policy = FewestChoices() if router == "own" else baselines.make(router)
    result = benchmark.pedantic(simulate, (cluster, workload, policy), rounds=10, warmup_rounds=1)
    benchmark.group = f"simulate, {len(workload)} requests, {workers} workers"
    benchmark.extra_info |= {
        "best_ms": benchmark.stats["min"] * 1e3,
        "median_ms": benchmark.stats["median"] * 1e3,
        "decode_steps_per_s": result.metrics.steps / benchmark.stats["min"],
        "requests_per_s": len(workload) / benchmark.stats["min"],
        "routing_p50_us": result.metrics.routing_time_p50_s * 1e6,
        "routing_p99_us": result.metrics.routing_time_p99_s * 1e6,
    }

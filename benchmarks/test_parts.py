"""What each part of the model costs beside the same run without it: memory, load, faults, prefill, drafts.

8,000 requests on 16 workers in one process, warm, JSQ; the ratio is of the fastest of the rounds, per decode step, to
the run with every part off. "a regime that does nothing" is the price of the machine code that knows the parts: a
worker that is told to be as fast as it is.
"""

from typing import Any

import numpy as np
import pytest

import baselines
from brgym.cluster import (
    ChunkedPrefill,
    ClusterConfig,
    PrefillTier,
    Speculation,
    WorkerEvent,
    simulate,
)
from brgym.workload import Workload, load_workload

WORKLOAD = load_workload("proprietary-like", count=8000)
MEMORY: dict[str, Any] = {"kv_capacity": 300_000}
PARTS: dict[str, dict[str, Any]] = {
    "all off": {},
    "a regime that does nothing": {"events": [WorkerEvent(0.0, 0, "slow", 1.0)]},
    "KV": MEMORY,
    "KV, least generated, to the router": MEMORY | {"victim": "least-generated", "victim_returns": "router"},
    "a worker stops and starts": {"events": [WorkerEvent(50.0, 0, "stop"), WorkerEvent(100.0, 0, "start")]},
    "prefill tier": {"prefill": PrefillTier(16, 0.0, 2e-5, 200_000)},
    "chunked prefill": {"prefill": ChunkedPrefill(8192, 2)},
    "drafts": {"speculation": Speculation(2, 0.7)},
}
SOURCES = {
    "closed loop": lambda: WORKLOAD.closed_loop(concurrency=1200),
    "patience that nobody loses": lambda: WORKLOAD.with_columns(patience_s=np.full(len(WORKLOAD), 1e6)),
}
PER_STEP_S: dict[str, float] = {}


def measure(benchmark, name: str, cluster: ClusterConfig, workload: Workload) -> None:
    policy = baselines.make("jsq")
    result = benchmark.pedantic(simulate, args=(cluster, workload, policy), rounds=15, warmup_rounds=1)
    PER_STEP_S[name] = benchmark.stats["min"] / result.metrics.steps
    benchmark.group = "parts"
    benchmark.extra_info |= {
        "steps": result.metrics.steps,
        "preemptions": result.metrics.preemptions,
        "per_step_to_all_off": PER_STEP_S[name] / PER_STEP_S.get("all off", np.nan),
    }
    times = benchmark.extra_info["per_step_to_all_off"]
    print(f"{name}: {PER_STEP_S[name] * 1e6:.2f} us a step, {times:.2f} times all off")


@pytest.mark.parametrize("name", PARTS)
def test_part(benchmark, name):
    measure(benchmark, name, ClusterConfig(workers=16, slots=72, **PARTS[name]), WORKLOAD)


@pytest.mark.parametrize("name", SOURCES)
def test_source(benchmark, name):
    measure(benchmark, name, ClusterConfig(workers=16, slots=72), SOURCES[name]())

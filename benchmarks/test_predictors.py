"""One refresh of the predictions for 144 workers of 72 slots, 10,368 active requests, at horizon 80.

`refresh` is what BR-H asks for with `projection="cut"`, `curves` what it asks for with "expected"; "simulate" is BR-H
itself at that size, with `refresh_every` steps between refreshes.
"""

import pytest

import baselines
import classifiers
from brgym.cluster import ClusterConfig, simulate
from brgym.workload import Workload, load_workload
from classifiers.snapshots import sample_snapshots

HORIZON = 80
ACTIVE = 144 * 72
QUICK = {"mlp-hazard": {"max_epochs": 3}, "binned-hazard": {"max_epochs": 3}}


@pytest.fixture(scope="module")
def workload():
    drawn = load_workload("azure-2023-conv-like")
    return Workload(drawn.arrival_s, drawn.prompt_tokens, drawn.output_tokens, drawn.prompt_tokens)


@pytest.fixture(scope="module")
def fitted(workload):
    known = {}

    def make(name):
        if name not in known:
            known[name] = classifiers.make(name, **QUICK.get(name, {})).fit(workload)
        return known[name]

    return make


@pytest.mark.parametrize("name", classifiers.names())
def test_refresh(benchmark, workload, fitted, name):
    snapshots = sample_snapshots(workload, ACTIVE, seed=1)
    predictor = fitted(name)
    benchmark.group = f"refresh, {ACTIVE} requests"
    benchmark.pedantic(predictor.expected_remaining, (snapshots, HORIZON), rounds=50, warmup_rounds=3)
    benchmark.extra_info |= _milliseconds(benchmark)


@pytest.mark.parametrize("name", classifiers.names())
def test_curves(benchmark, workload, fitted, name):
    snapshots = sample_snapshots(workload, ACTIVE, seed=1)
    predictor = fitted(name)
    benchmark.group = f"curves, {ACTIVE} requests"
    benchmark.pedantic(predictor.survival, (snapshots, HORIZON), rounds=30, warmup_rounds=3)
    benchmark.extra_info |= _milliseconds(benchmark)


@pytest.mark.parametrize("refresh_every", [1, 16, 128])
@pytest.mark.parametrize("name", ["survival", "hist-gb", "mlp-hazard"])
def test_simulate(benchmark, fitted, name, refresh_every):
    served = load_workload("azure-2023-conv-like", count=19_366).backlog()
    policy = baselines.make("br-h", predictor=fitted(name), horizon=HORIZON, refresh_every=refresh_every)
    cluster = ClusterConfig(workers=144, slots=72)
    benchmark.group = "BR-H, 144 workers, 72 slots"
    result = benchmark.pedantic(simulate, (cluster, served, policy), rounds=1, warmup_rounds=1)
    benchmark.extra_info |= {
        "routing_p50_ms": result.metrics.routing_time_p50_s * 1e3,
        "routing_p99_ms": result.metrics.routing_time_p99_s * 1e3,
        "imbalance_tokens": result.metrics.imbalance_mean,
    }


def _milliseconds(benchmark):
    return {"best_ms": benchmark.stats["min"] * 1e3, "median_ms": benchmark.stats["median"] * 1e3}

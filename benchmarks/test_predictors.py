"""One refresh of the predictions for 144 workers of 72 slots, 10,368 active requests, at horizon 80.

`refresh` is what BR-H asks for with `projection="cut"`, `curves` what it asks for with "expected". "Routing one
boundary with" is BR-H itself at that size, `refresh_every` steps between refreshes, timed as in `test_routing_time`.
"""

import itertools

import pytest

import baselines
import classifiers
from benchmarks.test_routing_time import Timed
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


@pytest.fixture(scope="module")
def others(workload):
    """Gives other requests at each call: of the same ones, the processor would soon foresee every branch."""
    drawn = itertools.cycle([sample_snapshots(workload, ACTIVE, seed=seed) for seed in range(60)])
    return lambda: ((next(drawn), HORIZON), {})


@pytest.mark.parametrize("name", classifiers.names())
def test_refresh(benchmark, fitted, others, name):
    benchmark.group = f"refresh, {ACTIVE} requests"
    benchmark.pedantic(fitted(name).expected_remaining, setup=others, rounds=50, warmup_rounds=3)
    benchmark.extra_info |= _milliseconds(benchmark)


@pytest.mark.parametrize("name", classifiers.names())
def test_curves(benchmark, fitted, others, name):
    benchmark.group = f"curves, {ACTIVE} requests"
    benchmark.pedantic(fitted(name).survival, setup=others, rounds=50, warmup_rounds=3)
    benchmark.extra_info |= _milliseconds(benchmark)


@pytest.mark.parametrize("refresh_every", [1, 8, 128])
@pytest.mark.parametrize("name", ["survival", "hist-gb", "mlp-hazard"])
def test_routing_one_boundary_with(benchmark, fitted, name, refresh_every):
    served = load_workload("azure-2023-conv-like", count=60_000).backlog()
    policy = Timed(baselines.make("br-h", predictor=fitted(name), horizon=HORIZON, refresh_every=refresh_every))
    simulate(ClusterConfig(workers=2, slots=2), served.slice(0, 40), policy)  # compiles
    benchmark.group = "BR-H, one boundary, 144 workers of 72 slots"
    result = benchmark.pedantic(simulate, (ClusterConfig(workers=144, slots=72), served, policy), rounds=1)
    p50_us, p99_us = policy.quantiles_us(policy.clock_s)
    processor_p50_us, processor_p99_us = policy.quantiles_us(policy.processor_s)
    benchmark.extra_info |= {
        "p50_ms": p50_us / 1e3,
        "p99_ms": p99_us / 1e3,
        "processor_p50_ms": processor_p50_us / 1e3,
        "processor_p99_ms": processor_p99_us / 1e3,
        "boundaries": len(policy.in_the_middle),
        "imbalance_tokens": result.metrics.imbalance_mean,
    }


def _milliseconds(benchmark):
    return {"best_ms": benchmark.stats["min"] * 1e3, "median_ms": benchmark.stats["median"] * 1e3}

"""Results that no cluster gave: each figure follows from setting, policy and seed by a rule that tests can follow."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from brgym.study.engine import Failure
from brgym.study.results import Results

POLICIES = ("jsq", "least-kv", "br-0", "br-0:subset_window=4,worker_choice=lowest-load", "br-h oracle")
"""In every setting the last has 0.3 times the first's imbalance and is clairvoyant, the third 0.5 times."""

FACTORS = (1.0, 1.0, 0.5, 0.6, 0.3)
LOADS = tuple(
    {"cluster.preset": "bf-io", "cluster.workers": workers, "workload.name": "proprietary-like", "workload.load": load}
    for workers in (8, 16)
    for load in (0.5, 0.7, 0.9, 1.1)
)
NAMES = tuple({"cluster.workers": 8, "workload.name": name, "workload.load": "backlog"} for name in ("a-trace", "b"))
ONE = ({"cluster.workers": 8, "workload.name": "proprietary-like"},)

HOSTILE = '<script>window.hostile = 1</script> & "quotes" </pre>'


def imbalance(setting: int, policy: int, seed: int) -> float:
    """Ratios to the first policy are the factors, times a little that varies with the seed."""
    return 1e5 * (1 + setting) * (1 + 0.1 * seed) * FACTORS[policy] * (1 + 0.01 * policy * (-1) ** seed)


def figures(setting: int, policy: int, seed: int) -> dict[str, Any]:
    """The figures of a cell; the last policy knows output lengths, and preemptions are nought."""
    tokens = imbalance(setting, policy, seed)
    return {
        "imbalance_mean": tokens,
        "balance_mean": 1 / (1 + tokens / 1e6),
        "barrier_idle_mean": tokens / 1e7,
        "throughput_tok_s": 13_000 - tokens / 1e2,
        "makespan_s": 500.0 + seed,
        "ttft_s_p99": 10.0 + setting,
        "tpot_s_p95": math.nan if policy == 1 else 0.05 + tokens / 1e8,
        "preemptions": 0,
        "energy_j": math.nan,
        "requests": 2000,
        "steps": 9000 + seed,
        "clairvoyant": policy == len(POLICIES) - 1,
        "routing_time_p99_s": 1e-5 * (policy + 1),
    }


def results(
    settings: Sequence[Mapping[str, Any]] = LOADS,
    *,
    policies: Sequence[str] = POLICIES,
    seeds: int = 5,
    failed: Sequence[tuple[int, int, int]] = (),
    name: str = "loads",
) -> Results:
    """What a sweep would have found.

    Args:
        settings: The settings.
        policies: The policies.
        seeds: Number of seeds.
        failed: Setting, policy and seed (indices) of cells that failed.
        name: Name of the study.
    """
    failure = Failure(error=f"ValueError: {HOSTILE}", traceback=f"Traceback\n  {HOSTILE}\n")
    return Results.of(
        [
            failure if (setting, policy, seed) in failed else figures(setting, policy % len(FACTORS), seed)
            for setting in range(len(settings))
            for seed in range(seeds)
            for policy in range(len(policies))
        ],
        name=name,
        settings=settings,
        policies=policies,
        seeds=range(seeds),
        drawn_per_seed=[True] * len(settings),
        versions={"brgym": "1.2.3", "numba": "0.1"},
        reference=policies[0],
        wall_clock=("routing_time_p99_s",),
    )

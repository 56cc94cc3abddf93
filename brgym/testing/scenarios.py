"""The clusters and workloads that a suite runs: small, and each with a difficulty of its own."""

from typing import NamedTuple

import numpy as np

from brgym.cluster import ClusterConfig, Integers, Records, StepTime
from brgym.workload import Workload

_LONGEST = 24
"""Output tokens at most; what is changed in secret becomes longer than that."""


class Scenario(NamedTuple):
    """What a run is made on.

    Attributes:
        name: Says what is difficult.
        cluster: The cluster.
        workload: The requests.
    """

    name: str
    cluster: ClusterConfig
    workload: Workload


def requests(count: int, *, pace_s: float, seed: int = 0) -> Workload:
    """Requests with prompts of 1..59 tokens, hashes and outputs of 1..24 tokens, `pace_s` apart on average."""
    rng = np.random.default_rng(seed)
    return Workload(
        np.cumsum(rng.exponential(pace_s, count)),
        rng.integers(1, 60, count),
        rng.integers(1, _LONGEST + 1, count),
        rng.integers(0, 7, count),
    )


def scenarios() -> list[Scenario]:
    """The scenarios, each made anew."""
    step_time = StepTime.barrier(base_s=0.01, per_token_s=1e-4)
    small = ClusterConfig(workers=3, slots=4, candidates=5, step_time=step_time)
    tight = ClusterConfig(
        workers=2, slots=6, candidates=4, step_time=step_time, kv_capacity=150, recompute_s_per_token=1e-3
    )
    whole_pool = ClusterConfig(workers=2, slots=3, candidates=None, step_time=step_time)
    single = ClusterConfig(workers=1, slots=1, candidates=1, step_time=step_time)
    return [
        Scenario("requests coming and going", small, requests(60, pace_s=0.02)),
        Scenario("long pauses", small, requests(12, pace_s=2.0)),
        Scenario("a backlog, the whole pool shown", whole_pool, requests(30, pace_s=0.0)),
        Scenario("little KV memory, with preemption", tight, requests(40, pace_s=0.01)),
        Scenario("one worker of one slot", single, requests(8, pace_s=0.01)),
    ]


def with_secrets_changed(workload: Workload, finished: Records, until_s: float) -> Workload:
    """Other output lengths for what is unfinished by `until_s`: longer than any, so that until then all goes alike.

    Args:
        workload: The requests.
        finished: `Result.requests` of a run on them.
        until_s: The time, in seconds.
    """
    later = finished["finish_s"] > until_s
    output: Integers = np.where(later, 2 * _LONGEST + 1 - workload.output_tokens, workload.output_tokens)
    return Workload(workload.arrival_s, workload.prompt_tokens, output, workload.prompt_hash)

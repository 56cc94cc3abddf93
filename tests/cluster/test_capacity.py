"""The rate that saturates a cluster, by formula and by simulation."""

import dataclasses

import numpy as np
import pytest

import baselines
from brgym import ClusterConfig, StepTime, Workload, load_workload, simulate
from brgym.afd import Coefficients, bundle_cluster
from brgym.cluster import ChunkedPrefill, PrefillTier, Speculation, StepTimeRow, preset
from brgym.workload import Poisson

PREFILLING = StepTime([StepTimeRow(base_s=0.02, per_token_s=1e-7, per_prefill_token_s=1e-5)])
BARRIER = StepTime.barrier(base_s=0.02, per_token_s=1e-6)
CLUSTERS = {
    "slots": ClusterConfig(workers=4, slots=96, step_time=BARRIER),
    "more workers": ClusterConfig(workers=12, slots=96, step_time=BARRIER),
    "memory": ClusterConfig(workers=4, slots=256, step_time=BARRIER, kv_capacity=150_000),
    "reserve": ClusterConfig(workers=4, slots=256, step_time=BARRIER, kv_capacity=150_000, kv_reserve_tokens=256),
    "watermark": ClusterConfig(workers=4, slots=256, step_time=BARRIER, kv_capacity=150_000, kv_watermark=0.2),
    "half reserved": ClusterConfig(workers=4, slots=256, step_time=BARRIER, kv_capacity=150_000, kv_reserve_share=0.5),
    "all reserved": ClusterConfig(workers=4, slots=256, step_time=BARRIER, kv_capacity=150_000, kv_reserve_share=1.0),
    "tier": ClusterConfig(workers=4, slots=96, step_time=BARRIER, prefill=PrefillTier(1, 0.0, 3e-5)),
    "chunks that cost nothing": ClusterConfig(workers=4, slots=96, step_time=BARRIER, prefill=ChunkedPrefill(4096, 2)),
    "short of budget": ClusterConfig(workers=4, slots=96, step_time=PREFILLING, prefill=ChunkedPrefill(384)),
    "drafts": ClusterConfig(workers=4, slots=96, step_time=BARRIER, speculation=Speculation(3, 0.7)),
    "drafts and chunks": ClusterConfig(
        workers=4, slots=96, step_time=PREFILLING, prefill=ChunkedPrefill(2048, 2), speculation=Speculation(2, 0.6)
    ),
    "bf-io": preset("bf-io", workers=8),
    "bundle": bundle_cluster(Coefficients.illustrative(), ratio=4, batch=128),
}
SMALL = ClusterConfig(workers=4, slots=24, step_time=BARRIER)


def test_by_hand():
    # Two workers of 3 slots, every request 10 + 5 tokens: it weighs 12 on average, and a step lasts 1 + 0.1 x 36 s.
    cluster = ClusterConfig(workers=2, slots=3, step_time=StepTime.barrier(base_s=1.0, per_token_s=0.1))
    workload = Workload(np.zeros(4), [10] * 4, [5] * 4)
    assert workload.capacity(cluster) == pytest.approx(2 * 3 / (5 * 4.6))
    # Memory for 26 tokens holds two requests of 12 and the token that each is to gain.
    tight = dataclasses.replace(cluster, kv_capacity=26)
    assert workload.capacity(tight) == pytest.approx(2 * 2 / (5 * (1.0 + 0.1 * 24)))
    # Of 60 tokens a watermark of a tenth leaves 54. With 1 and half of 12 - 2 reserved a request takes 18.
    reserving = dataclasses.replace(tight, kv_capacity=60, kv_watermark=0.1, kv_reserve_tokens=1, kv_reserve_share=0.5)
    limited = workload.with_columns(max_tokens=[12] * 4)
    assert limited.capacity(reserving) == pytest.approx(2 * 3 / (5 * (1.0 + 0.1 * 36)))
    of_two = dataclasses.replace(reserving, kv_reserve_tokens=9)
    assert limited.capacity(of_two) == pytest.approx(2 * (54 / 26) / (5 * (1.0 + 0.1 * 12 * 54 / 26)))


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_backlog_is_served_at_about_that_rate(name):
    cluster = CLUSTERS[name]
    requests = 12 * cluster.workers * min(cluster.slots, 128)
    workload = load_workload("azure-2023-conv-like", count=requests, seed=1).backlog()
    workload = workload.with_columns(max_tokens=np.maximum(workload.output_tokens, 512))
    metrics = simulate(cluster, workload, baselines.make("level"), oversize="drop").metrics
    served_per_s = metrics.throughput_tok_s / workload.output_tokens.mean()
    assert 0.95 < served_per_s / workload.capacity(cluster) < 1.04


@pytest.mark.parametrize("prefill", [ChunkedPrefill(2048), ChunkedPrefill(4096, 4)], ids=["each step", "at intervals"])
def test_prompts_that_are_not_levelled_cost_up_to_a_fifth(prefill):
    cluster = ClusterConfig(workers=4, slots=96, step_time=PREFILLING, prefill=prefill)
    workload = load_workload("azure-2023-conv-like", count=4000, seed=1).backlog()
    metrics = simulate(cluster, workload, baselines.make("level")).metrics
    assert 0.8 < metrics.throughput_tok_s / workload.output_tokens.mean() / workload.capacity(cluster) < 1.0


@pytest.mark.parametrize(("load", "grows"), [(0.9, False), (1.15, True)])
def test_the_queue_grows_above_it_and_not_below(load, grows):
    cluster = SMALL
    lengths = load_workload("azure-2023-conv-like", count=12_000, seed=2)
    workload = lengths.with_arrivals(Poisson(rate_per_s=1.0), seed=3).at_load(load, cluster)
    waiting = simulate(cluster, workload, baselines.make("level")).steps
    arriving = waiting[waiting["start_s"] < workload.arrival_s[-1]]
    halves = [half["waiting"].mean() for half in np.array_split(arriving, 2)]
    assert (halves[1] > 2.0 * halves[0] and halves[1] > 100) == grows


@pytest.mark.parametrize("load", [0.5, 1.2])
def test_at_load_sets_the_mean_rate(load):
    cluster = SMALL
    workload = load_workload("azure-2023-conv-like", count=500).at_load(load, cluster)
    assert workload.summary().rate_per_s == pytest.approx(load * workload.capacity(cluster))


def test_turns_count_as_requests():
    cluster = SMALL
    after = [-1, 0, -1, 2, -1]
    workload = Workload([0.0, 5.0, 1.0, 5.0, 2.0], [10] * 5, [5] * 5, after=after).at_load(1.0, cluster)
    rate_per_s = workload.summary().rate_per_s
    assert rate_per_s is not None
    assert rate_per_s * 5 / 3 == pytest.approx(workload.capacity(cluster))
    assert workload.arrival_s[[1, 3]].tolist() == [5.0, 5.0]


def test_errors():
    cluster = SMALL
    workload = load_workload("proprietary-like", count=20)
    with pytest.raises(ValueError, match="all requests arrive at once, at no rate that a load could set"):
        workload.at_load(0.9, cluster)
    for load in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="load must be finite and above 0"):
            workload.at_load(load, cluster)
    with pytest.raises(ValueError, match="kv_capacity 10 holds none of the requests"):
        workload.capacity(dataclasses.replace(cluster, kv_capacity=10))

"""The policies one by one: their rule on a case worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines
from brgym import ClusterConfig, StepTime, Workload, simulate
from tests.policies import make_policy

SECOND_A_STEP = StepTime.barrier(base_s=1.0, per_token_s=0.0)


@given(
    loads=st.lists(st.integers(0, 10_000), min_size=1, max_size=16),
    admitted=st.integers(0, 20_000),
    data=st.data(),
)
def test_f_score_is_the_decrease_of_the_imbalance(loads: list[int], admitted: int, data: st.DataObject) -> None:
    worker = data.draw(st.integers(0, len(loads) - 1))
    after = loads.copy()
    after[worker] += admitted

    def imbalance(load: list[int]) -> int:
        return len(load) * max(load) - sum(load)

    margin = max(loads) - loads[worker]
    assert baselines.f_score(admitted, margin, len(loads)) == imbalance(loads) - imbalance(after)


def test_f_score_is_vectorised() -> None:
    np.testing.assert_array_equal(baselines.f_score([10, 10], [[20], [4]], 8), [[10, 10], [-38, -38]])


def test_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown policy 'br0'; did you mean 'br-0'"):
        baselines.make("br0")


@pytest.mark.parametrize("name", baselines.names())
def test_every_policy_serves_everything(name: str) -> None:
    rng = np.random.default_rng(1)
    workload = Workload(np.sort(rng.uniform(0, 3, 200)), rng.integers(1, 200, 200), rng.integers(1, 60, 200))
    cluster = ClusterConfig(workers=3, slots=5, kv_capacity=900, candidates=8, recompute_s_per_token=0.001)
    result = simulate(cluster, workload, make_policy(name), seed=2)
    assert np.isfinite(result.requests["finish_s"]).all()
    assert result.steps["active"].sum() == workload.output_tokens.sum()


def test_round_robin_takes_turns() -> None:
    result = simulate(
        ClusterConfig(workers=3), Workload(np.zeros(7), np.ones(7), np.ones(7)), baselines.make("round-robin")
    )
    assert result.requests["worker"].tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_jsq_counts_active_and_queued_and_rotates_ties() -> None:
    """Worker 0 holds a long request; the next decisions start their scan at workers 1, 2, 0, ..."""
    workload = Workload([0, 0, 0, 0, 2, 2], [1] * 6, [9, 1, 1, 1, 1, 1])
    cluster = ClusterConfig(workers=3, slots=1, step_time=SECOND_A_STEP)
    result = simulate(cluster, workload, baselines.make("jsq"))
    # the fourth meets one request everywhere and its scan starts at worker 0; at 2 s workers 1 and 2 are empty
    assert result.requests["worker"].tolist() == [0, 1, 2, 0, 1, 2]


def test_power_of_two_draws_two_different_workers() -> None:
    cluster = ClusterConfig(workers=2, slots=9)
    workload = Workload(np.zeros(10), np.ones(10), np.full(10, 5))
    worker = simulate(cluster, workload, baselines.make("power-of-two"), seed=4).requests["worker"]
    assert np.bincount(worker).tolist() == [5, 5], "with two workers it always sees both"


def test_random_is_uniform() -> None:
    workload = Workload(np.zeros(8000), np.ones(8000), np.ones(8000))
    worker = simulate(ClusterConfig(workers=8), workload, baselines.make("random"), seed=1).requests["worker"]
    counts = np.bincount(worker, minlength=8)
    assert ((counts - 1000) ** 2 / 1000).sum() < 24.3, "chi-square, 7 degrees of freedom, 0.1 %"


def test_least_kv_admits_the_oldest_to_the_lowest_load() -> None:
    cluster = ClusterConfig(workers=2, slots=2, step_time=SECOND_A_STEP)
    result = simulate(cluster, Workload(np.zeros(4), [10, 3, 3, 3], np.ones(4)), baselines.make("least-kv"))
    assert result.requests["worker"].tolist() == [0, 1, 1, 0]


def test_vllm_legacy_sees_counts_that_are_up_to_100_ms_old() -> None:
    """Steps of 40 ms. What ends at 40 ms is not yet known at 80 ms, but is at 120 ms."""
    cluster = ClusterConfig(workers=2, slots=4, step_time=StepTime.barrier(base_s=0.04, per_token_s=0.0))
    # at 0 s: 0 -> 4 waiting, then 1 -> 4 waiting; both published as waiting 0, running 0 before that
    arrivals = [0.0, 0.0, 0.0, 0.08, 0.12]
    result = simulate(
        cluster, Workload(arrivals, [5] * 5, [1, 9, 1, 1, 1]), baselines.make("vllm-legacy", api_servers=1)
    )
    # 80 ms: its own copy still says 2 and 1 waiting -> worker 1; 120 ms: really 0 and 1 running -> worker 0
    assert result.requests["worker"].tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(("arrival_s", "worker"), [(2.0, 0), (5.0, 0), (6.0, 1)])
def test_vllm_sees_counts_that_are_up_to_5_s_old_where_they_have_not_changed(arrival_s: float, worker: int) -> None:
    """From 2 s on a long request runs on worker 0 and none on worker 1, as the snapshot of 1 s has it."""
    cluster = ClusterConfig(workers=2, slots=4, step_time=SECOND_A_STEP)
    workload = Workload([0.0, 1.0, arrival_s], [1] * 3, [20, 1, 1])
    result = simulate(cluster, workload, baselines.make("vllm", api_servers=1))
    # the second is counted on worker 1 until the next snapshot: 1 and 1, and the scan starts at worker 0
    assert result.requests["worker"].tolist() == [0, 1, worker]


def test_vllm_keeps_away_from_a_crowded_kv_cache() -> None:
    """At 0.5 s both workers have two requests, but worker 0's KV is 90 % full and one of its requests waits."""
    cluster = ClusterConfig(
        workers=2, slots=2, kv_capacity=100, step_time=StepTime.barrier(base_s=0.5, per_token_s=0.0)
    )
    # worker 0: 88 tokens active and one queued that does not fit; worker 1: two active
    workload = Workload([0.0, 0.0, 0.0, 0.0, 0.5], [88, 2, 20, 2, 2], [9, 9, 9, 9, 9])
    worker = simulate(cluster, workload, baselines.make("vllm", api_servers=1)).requests["worker"]
    assert worker[:4].tolist() == [0, 1, 0, 1]
    assert worker[4] == 1, "the scan starts at worker 0 and the counts are equal"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"greedy_above": -1}, "greedy_above must be at least 0"),
        ({"subset_window": 0}, "subset_window must be in 1..16"),
        ({"subset_window": 17}, "subset_window must be in 1..16"),
        ({"order": "prompt"}, "unknown order 'prompt'"),
    ],
)
def test_bad_br0_parameter_is_named(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        baselines.make("br-0", **parameters)

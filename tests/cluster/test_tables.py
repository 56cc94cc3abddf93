"""A run as tables: every request and every step, with nulls where there is nothing, and the figures in them."""

from typing import Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import baselines
from brgym import ClusterConfig, Workload, load_workload, simulate
from brgym.cluster import Power

CLUSTER = ClusterConfig(workers=2, slots=4, power=Power(idle_w=80.0, peak_w=300.0))
TIGHT = ClusterConfig(workers=1, slots=2, kv_capacity=100)


@pytest.fixture(scope="module")
def result():
    return simulate(CLUSTER, load_workload("azure-2023-conv-like", count=60, seed=3), baselines.make("br-0"))


def test_the_requests_are_those_of_the_workload_with_what_became_of_them(result):
    table = result.requests_table()
    assert table.column_names == [
        "request",
        *("arrival_s", "prompt_tokens", "output_tokens"),
        *("worker", "admit_s", "first_token_s", "finish_s"),
        *("preemptions", "interruptions", "cancelled"),
        *("queueing_s", "ttft_s", "tpot_s", "e2e_s"),
    ]
    assert table["request"].to_pylist() == list(range(60))
    for name in ("arrival_s", "prompt_tokens", "output_tokens"):
        np.testing.assert_array_equal(table[name], getattr(result.workload, name))
    for name in result.requests.dtype.names:
        np.testing.assert_array_equal(table[name], result.requests[name])
    for name in ("queueing_s", "ttft_s", "tpot_s", "e2e_s"):
        figure = getattr(result.metrics, name)
        assert pc.mean(table[name]).as_py() == pytest.approx(figure.mean, rel=1e-12)
        assert pc.max(table[name]).as_py() == figure.max


def test_the_steps_give_the_figures_of_the_window(result):
    table = result.steps_table()
    assert table["step"].to_pylist() == list(range(result.metrics.steps))
    assert {"max_load_tokens", "sum_load_tokens", "min_load_tokens", "active", "energy_j"} < set(table.column_names)
    assert not {"max_load", "sum_load", "min_load"} & set(table.column_names)
    window = table.filter(table["in_window"])
    assert window.num_rows == result.metrics.window_steps < table.num_rows
    assert pc.mean(window["imbalance_tokens"]).as_py() == pytest.approx(result.metrics.imbalance_mean)
    assert pc.mean(window["barrier_idle"]).as_py() == pytest.approx(result.metrics.barrier_idle_mean)
    rate = pc.sum(window["active"]).as_py() / pc.sum(window["duration_s"]).as_py()
    assert rate == pytest.approx(result.metrics.throughput_tok_s)


def test_the_window_that_was_asked_for_is_marked():
    workload = load_workload("proprietary-like", count=60)
    whole = simulate(CLUSTER, workload, baselines.make("jsq"), window=(0.0, 1.0)).steps_table()
    assert all(whole["in_window"].to_pylist())


def test_what_there_is_not_is_null():
    workload = Workload([0.0, 0.0, 1.0], [5, 500, 5], [3, 3, 1])
    result = simulate(TIGHT, workload, baselines.make("jsq"), oversize="drop")
    rows = result.requests_table().to_pylist()
    assert (rows[1]["prompt_tokens"], rows[1]["output_tokens"], rows[1]["preemptions"]) == (500, 3, 0)
    for name in ("worker", "admit_s", "first_token_s", "finish_s", "queueing_s", "ttft_s", "tpot_s", "e2e_s"):
        assert rows[1][name] is None
        assert (rows[2][name] is None) == (name == "tpot_s")
    steps = result.steps_table()
    assert steps["energy_j"].null_count == steps.num_rows


def test_an_episode_has_the_same_tables():
    workload = load_workload("azure-2023-conv-like", count=20, seed=3)
    env: Any = gym.make("brgym/ArrivalRouting-v0", cluster=CLUSTER, workload=workload).unwrapped
    _, info = env.reset(seed=0)
    begun = env.result().requests_table()
    assert begun["finish_s"].null_count == begun["worker"].null_count == 20
    ended = False
    while not ended:
        _, _, terminated, truncated, info = env.step(0)
        ended = terminated or truncated
    assert info["metrics"] == env.result().metrics.as_dict()

    class First:
        binding: ClassVar[Literal["arrival"]] = "arrival"

        def reset(self, cluster, seed):
            pass

        def bind(self, view):
            return 0

    alone = simulate(CLUSTER, workload, First())
    assert env.result().workload == workload
    assert env.result().requests_table().equals(alone.requests_table())
    assert env.result().steps_table().equals(alone.steps_table())


def test_tables_are_those_of_arrow(result):
    assert result.requests_table().schema.field("worker").type == pa.int32()
    assert result.requests_table().schema.field("prompt_tokens").type == pa.int64()
    assert result.steps_table().schema.field("in_window").type == pa.bool_()

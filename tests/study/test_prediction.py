from typing import Any

import numpy as np
import pytest

import classifiers
from brgym import ClusterConfig, load_workload
from brgym.study.prediction import NOISE_AUC, compare_predictors, noisy_oracles, policy_name, write_worth_plot

CLUSTER = ClusterConfig(workers=2, slots=8)
SETTING: dict[str, Any] = {"cluster": CLUSTER, "requests": 300, "horizon": 20, "projection": "cut"}


@pytest.fixture(scope="module")
def pool():
    return load_workload("azure-2023-conv-like", count=250)


@pytest.fixture(scope="module")
def predictors(pool):
    return {"survival": classifiers.Survival().fit(pool), **noisy_oracles()}


def test_every_predictor_meets_the_same_requests_beside_br0_and_the_oracle(pool, predictors):
    told: list[Any] = []
    found = compare_predictors("pool", pool, predictors, seeds=2, on_trial=told.append, **SETTING)
    names = [policy_name(name) for name in (*predictors, "oracle")]
    assert found.policies == ("br-0", *names)
    assert len(told) == 2 * len(found.policies)
    assert found.reference == "br-0"
    assert found.ratio("br-0", "imbalance_mean").mean == 1.0


def test_seeds_differ_even_where_the_pool_has_fewer_requests_than_are_drawn(pool):
    found = compare_predictors("pool", pool, {}, seeds=3, **SETTING)
    assert len(set(found.fingerprints)) == 3
    assert all(summary.requests == 300 for summary in found.summaries)
    assert np.ptp(found.values("br-0", "imbalance_mean")) > 0.0


def test_noise_gets_smaller_from_one_oracle_to_the_next():
    assert list(NOISE_AUC) == sorted(NOISE_AUC)
    assert [noisy.auc for noisy in noisy_oracles().values()] == list(NOISE_AUC)


@pytest.mark.parametrize("noise", [False, True])
def test_the_plot_is_written_with_and_without_noise(pool, predictors, tmp_path, noise):
    asked = predictors if noise else {"survival": predictors["survival"]}
    found = compare_predictors("pool", pool, asked, seeds=2, **SETTING)
    write_worth_plot(found, {"survival": 0.7}, tmp_path / "worth.png")
    assert (tmp_path / "worth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("parameter", "value"), [("seeds", 0), ("requests", 0), ("horizon", -1)])
def test_a_parameter_out_of_range_is_named(pool, parameter, value):
    with pytest.raises(ValueError, match=parameter):
        compare_predictors("pool", pool, {}, **({"seeds": 1} | SETTING | {parameter: value}))


def test_the_horizon_may_follow_the_outputs_and_slots_be_filled_again(pool, predictors):
    asked = {"survival": predictors["survival"]}
    plain, other = (
        compare_predictors("pool", pool, asked, seeds=2, **SETTING | changes)
        for changes in ({}, {"horizon": "auto", "refill": True})
    )
    for policy in ("br-0", "br-h, survival"):
        values = [found.values(policy, "imbalance_mean").tolist() for found in (plain, other)]
        assert (values[0] == values[1]) == (policy == "br-0")

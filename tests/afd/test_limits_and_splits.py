from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym import afd

COEFFICIENTS = afd.Coefficients.illustrative()
LOAD = afd.TokenLoad.geometric(100, 500)
FREE = afd.optimal_ratio(COEFFICIENTS, load=LOAD)


@given(st.floats(1, 5000), st.floats(0, 5000), st.integers(1, 10**7), st.integers(1, 5), st.floats(1e-6, 0.5))
def test_largest_batch_fits_and_one_more_does_not(theta, nu, capacity, microbatches, overflow):
    load = afd.TokenLoad(theta, nu)
    options = {"microbatches": microbatches, "kv_overflow": overflow}
    batch = afd.largest_batch(load, kv_capacity_tokens=capacity, **options)
    slack = 1e-9 * capacity
    if batch:
        assert afd.kv_tokens_needed(load, batch=batch, **options) <= capacity + slack
    assert afd.kv_tokens_needed(load, batch=batch + 1, **options) > capacity - slack


def test_kv_need_is_exceeded_as_often_as_it_says():
    loads = np.random.default_rng(0).normal(100 * 30, 10 * 20, 100_000)
    needed = afd.kv_tokens_needed(afd.TokenLoad(30, 20), batch=50, microbatches=2, kv_overflow=0.05)
    assert (loads > needed).mean() == pytest.approx(0.05, abs=0.003)


def test_a_batch_that_does_not_fit_says_which_would():
    with pytest.raises(afd.InfeasibleError, match=r"needs \d+ tokens of KV cache .* largest batch that fits is 42"):
        afd.optimal_ratio(COEFFICIENTS, load=LOAD, limits=afd.Limits(kv_capacity_tokens=94_000))
    fitting = afd.optimal_ratio(COEFFICIENTS, batch=42, load=LOAD, limits=afd.Limits(kv_capacity_tokens=94_000))
    assert fitting.integer >= 1


@pytest.mark.parametrize("method", ["mean-field", "microbatch"])
def test_tpot_limit_caps_the_ratio(method):
    limit = 1500.0
    c = afd.Coefficients(0.00165, 50.0, 0.022, 20.0, 0.083, 100.0)
    free = afd.optimal_ratio(c, load=LOAD, method=method, ffn_cost=100.0)
    p = afd.optimal_ratio(c, load=LOAD, method=method, limits=afd.Limits(tpot=limit), ffn_cost=100.0)
    assert p.limited
    assert p.ratio < free.ratio
    assert p.tpot(p.ratio) == pytest.approx(limit)
    assert p.tpot(p.integer) <= limit < p.tpot(p.integer + 1)
    assert p.regime == "ffn"


def test_a_loose_tpot_limit_changes_nothing():
    p = afd.optimal_ratio(COEFFICIENTS, load=LOAD, limits=afd.Limits(tpot=1e6))
    assert (p.ratio, p.integer, p.limited) == (FREE.ratio, FREE.integer, False)


def test_an_impossible_tpot_says_so():
    with pytest.raises(afd.InfeasibleError, match=r"tpot 500 cannot be kept: one attention worker .* takes 909"):
        afd.optimal_ratio(COEFFICIENTS, load=LOAD, limits=afd.Limits(tpot=500.0))


def test_divisible_split_is_the_best_whole_number_of_bundles():
    splits = {n: afd.divisible_split(FREE, instances=n) for n in (2, 12, 16, 20, 22, 7)}
    assert {n: (split.attention, split.ffn) for n, split in splits.items()} == {
        2: (1, 1),
        12: (10, 2),
        16: (14, 2),
        20: (18, 2),
        22: (20, 2),
        7: (6, 1),
    }
    assert splits[20].throughput == pytest.approx(float(FREE.throughput(9)))


@pytest.mark.parametrize("method", ["mean-field", "gaussian"])
def test_node_split_is_best_of_all(method):
    p = afd.optimal_ratio(COEFFICIENTS, load=LOAD, method=method)
    for nodes in (2, 3, 11, 22):
        split = afd.node_split(p, nodes=nodes, instances_per_node=4)
        every = [float(p.throughput((nodes - ffn) / ffn)) for ffn in range(1, nodes)]
        assert (split.attention + split.ffn) == 4 * nodes
        assert split.attention % 4 == split.ffn % 4 == 0
        assert split.throughput == pytest.approx(max(every))
        assert split.ratio == split.attention / split.ffn


def test_splits_keep_the_tpot_limit_or_say_that_none_does():
    steep = afd.Coefficients(0.0, 1.0, 0.0, 0.0, 1.0, 1.0)
    p = afd.optimal_ratio(steep, batch=1, load=LOAD, limits=afd.Limits(tpot=9.0), ffn_cost=100.0)
    assert p.tpot(afd.node_split(p, nodes=12, instances_per_node=1).ratio) <= 9.0
    with pytest.raises(afd.InfeasibleError, match=r"no split keeps tpot 9: the smallest ratio is 6"):
        afd.divisible_split(p, instances=7)


def test_finer_nodes_never_lose():
    coarse_to_fine = [afd.node_split(FREE, nodes=96 // size, instances_per_node=size).throughput for size in (16, 8, 4)]
    assert all(fine >= coarse for coarse, fine in pairwise(coarse_to_fine))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: afd.Limits(tpot=0.0), "tpot must be finite and above 0"),
        (lambda: afd.Limits(kv_capacity_tokens=0), "kv_capacity_tokens must be at least 1"),
        (lambda: afd.Limits(kv_overflow=0.7), "kv_overflow must be"),
        (lambda: afd.largest_batch(LOAD, kv_capacity_tokens=0), "kv_capacity_tokens must be at least 1"),
        (lambda: afd.divisible_split(FREE, instances=1), "instances must be at least 2"),
        (lambda: afd.node_split(FREE, nodes=1), r"nodes must be in 2\.\."),
        (lambda: afd.node_split(FREE, nodes=2, instances_per_node=0), "instances_per_node must be at least 1"),
    ],
)
def test_bad_parameters_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

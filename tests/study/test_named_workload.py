"""What studies make of a workload's name: each step by the function that does it, in the order that is promised."""

import numpy as np
import pytest

from brgym import ClusterConfig, Workload, load_workload
from brgym.study import NamedWorkload
from brgym.workload import OfferedLoad, repeated, resampled

CLUSTER = ClusterConfig(workers=2, slots=8)
ROWS = 40


@pytest.fixture
def trace(tmp_path):
    rng = np.random.default_rng(5)
    arrival_s = np.concatenate([[0.0], np.cumsum(rng.exponential(1.0, ROWS - 1)).round(3)])
    rows = zip(arrival_s.tolist(), rng.integers(1, 900, ROWS).tolist(), rng.integers(1, 90, ROWS).tolist(), strict=True)
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s,prompt_tokens,output_tokens\n" + "".join(f"{a},{p},{o}\n" for a, p, o in rows))
    return str(path)


@pytest.fixture
def read(trace) -> Workload:
    return load_workload(trace)


def test_a_recipe_is_drawn_for_each_seed():
    named = NamedWorkload("azure-2023-conv-like", requests=30)
    assert named.drawn_per_seed
    assert named.workload(4) == load_workload("azure-2023-conv-like", count=30, seed=4)


def test_a_trace_is_the_same_for_all(trace, read):
    named = NamedWorkload(trace, requests=30)
    assert not named.drawn_per_seed
    assert named.workload(0) == named.workload(9) == read.slice(0, 30)


def test_what_is_set_aside_is_learnt_from_and_not_served(trace, read):
    named = NamedWorkload(trace, train_share=0.25)
    assert named.training(0) == read.slice(0, 10)
    assert named.workload(0) == read.slice(10, ROWS).rebase()


def test_a_recipe_is_learnt_from_seeds_that_no_run_serves():
    named = NamedWorkload("burstgpt-like", requests=50)
    assert named.training(2) != named.workload(2)
    assert named.training(2) == load_workload("burstgpt-like", seed=1_000_002)


def test_a_trace_of_which_nothing_is_set_aside_teaches_nothing(trace):
    with pytest.raises(ValueError, match="set train_share"):
        NamedWorkload(trace).training(0)


def test_everything_is_made_in_the_promised_order(trace, read):
    named = NamedWorkload(
        trace, requests=30, train_share=0.2, repeat=3, resample=True, load=0.8, arrivals="gamma:cv=2"
    ).on(CLUSTER)
    assert named.drawn_per_seed
    served = resampled(repeated(read.slice(6, 30).rebase(), 3), seed=7)
    assert named.workload(7) == OfferedLoad(0.8, arrivals="gamma:cv=2").applied(served, CLUSTER, seed=7)
    assert named.described == f"{trace}, without its first 20%, 3 times, resampled, load 0.8, gamma:cv=2"


def test_a_load_keeps_a_traces_own_arrivals(trace, read):
    named = NamedWorkload(trace, load=0.8).on(CLUSTER)
    assert not named.drawn_per_seed
    assert named.workload(3) == read.at_load(0.8, CLUSTER)


@pytest.mark.parametrize("name", ["proprietary-like", "lengths"])
def test_requests_that_come_at_once_come_as_poisson_has_it(name, trace, tmp_path):
    if name == "lengths":
        name = str(tmp_path / "lengths.csv")
        (tmp_path / "lengths.csv").write_text("prompt_tokens,output_tokens\n" + "100,10\n" * 20)
    named = NamedWorkload(name, requests=20, load=0.8).on(CLUSTER)
    assert named.drawn_per_seed
    assert named.workload(3) != named.workload(4)
    assert named.workload(3) == NamedWorkload(name, requests=20, load=0.8, arrivals="poisson").on(CLUSTER).workload(3)


def test_a_backlog_waits_from_the_beginning(trace, read):
    assert NamedWorkload(trace, load="backlog").workload(0) == read.backlog()


def test_a_rate_scale_makes_requests_come_faster(trace, read):
    assert NamedWorkload(trace, rate_scale=3.0).workload(0) == read.rescale_rate(3.0)


def test_a_trace_that_was_written_over_is_read_again(trace, read):
    named = NamedWorkload(trace)
    assert named.workload(0) == read
    before = named.specification()
    with open(trace, "a", encoding="utf-8") as file:
        file.write("1000,5,5\n")
    assert len(named.workload(0)) == ROWS + 1
    assert named.specification() != before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"load": 0.8, "rate_scale": 2.0}, "load and rate_scale exclude each other"),
        ({"load": -0.5}, "load must be"),
        ({"load": "half"}, "load must be a number above 0 or backlog"),
        ({"arrivals": "poisson"}, "arrivals needs a load"),
        ({"load": 0.5, "arrivals": "poison"}, "did you mean 'poisson'"),
        ({"repeat": 0}, "repeat must be at least 1"),
        ({"requests": 0}, "requests must be at least 1"),
        ({"requests": ROWS + 1}, f"requests must be in 1..{ROWS}"),
        ({"train_share": 1.0}, "train_share must be"),
        ({"rate_scale": 0.0}, "rate_scale must be"),
    ],
)
def test_what_means_nothing_is_refused(options, says, trace):
    with pytest.raises(ValueError, match=says):
        NamedWorkload(trace, **options)


@pytest.mark.parametrize("option", [{"resample": True}, {"train_share": 0.5}])
def test_what_is_for_traces_is_refused_for_recipes(option):
    with pytest.raises(ValueError, match="is for traces: burstgpt-like is drawn anew for each seed"):
        NamedWorkload("burstgpt-like", **option)


def test_a_load_needs_a_cluster(trace):
    with pytest.raises(ValueError, match=r"a load of 0\.8 refers to a cluster's capacity"):
        NamedWorkload(trace, load=0.8).workload(0)

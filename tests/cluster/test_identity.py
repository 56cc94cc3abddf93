"""What a router calls a request lasts for the run, is one to one with the rows of the workload, and tells no row."""

from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines
from brgym import ClusterConfig, RouterView, StepTime, Workload, simulate
from brgym.cluster import View
from brgym.cluster.identity import identity_of, key_after, key_of, row_of
from brgym.cluster.records import PROGRESS

COUNT = 300
TIGHT = ClusterConfig(
    workers=2,
    slots=6,
    kv_capacity=150,
    candidates=4,
    recompute_s_per_token=1e-3,
    step_time=StepTime.barrier(base_s=0.01, per_token_s=1e-4),
)


def requests() -> Workload:
    """Each known by its time of arrival, which no two share."""
    rng = np.random.default_rng(3)
    return Workload(np.cumsum(rng.exponential(0.01, COUNT)), rng.integers(1, 60, COUNT), rng.integers(1, 25, COUNT))


class Names:
    """Writes down, for each arrival, all that the request is called, waiting and running."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.policy: Any = baselines.make("br-0")
        self.policy.reset(cluster, seed)
        self.names: dict[float, set[int]] = {}

    def admit(self, view: RouterView) -> Any:
        for seen in (view.candidates, view.running):
            for arrival_s, name in zip(seen["arrival_s"].tolist(), seen["request"].tolist(), strict=True):
                self.names.setdefault(arrival_s, set()).add(name)
        return self.policy.admit(view)


def named(seed: int, workload: Workload) -> list[int]:
    """What each request is called, by row; each has one name."""
    policy = Names()
    outcome = simulate(TIGHT, workload, policy, seed).requests
    assert outcome["preemptions"].sum() > 20, "some are called again after a preemption"
    assert len(policy.names) == COUNT
    assert all(len(names) == 1 for names in policy.names.values())
    return [name for _, (name,) in sorted(policy.names.items())]


def test_a_request_has_one_name_of_its_own_throughout_the_run() -> None:
    names = named(0, requests())
    assert len(set(names)) == COUNT
    assert min(names) >= 0


def test_the_seed_alone_decides_the_names() -> None:
    workload = requests()
    longer = Workload(workload.arrival_s, workload.prompt_tokens, workload.output_tokens + 1)
    assert named(4, workload) == named(4, workload) == named(4, longer)
    assert not set(named(4, workload)) & set(named(5, workload))


def test_whoever_looks_the_row_up_in_the_trace_is_told_so() -> None:
    class Lookup(Names):
        def admit(self, view: RouterView) -> Any:
            return [(int(np.argmin(workload.output_tokens[view.candidates["request"]])), 0)]

    workload = requests()
    with pytest.raises(IndexError, match="out of bounds"):
        simulate(TIGHT, workload, Lookup())


@pytest.mark.parametrize("seed", range(5))
def test_names_stand_in_no_order_and_tell_no_length(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, output = np.arange(4000), rng.integers(1, 500, 4000)
    names = identity_of(key_of(seed), rows)
    for told in (names, names % len(rows), np.diff(names, append=0)):  # the chance of a larger correlation is 1e-4
        assert abs(np.corrcoef(told, rows)[0, 1]) < 4.0 / np.sqrt(len(rows))
        assert abs(np.corrcoef(output[told % len(rows)], output)[0, 1]) < 4.0 / np.sqrt(len(rows))


@given(st.integers(0, 2**31 - 1), st.lists(st.integers(0, 2**31 - 1), min_size=1, unique=True))
def test_rows_and_names_are_one_to_one(key: int, rows: list[int]) -> None:
    names = identity_of(key, np.array(rows))
    assert len(set(names.tolist())) == len(rows)
    assert ((names >= 0) & (names < 2**31)).all()
    np.testing.assert_array_equal(row_of(key, names), rows)


def test_no_view_holds_the_key() -> None:
    assert "identity_key" in (PROGRESS.names or ())
    assert "progress" not in View._fields


def test_a_key_that_follows_a_generator_shifts_nothing_in_it() -> None:
    rng, twin = np.random.default_rng(8), np.random.default_rng(8)
    assert key_after(rng) == key_after(rng) == key_after(twin)
    assert rng.random() == np.random.default_rng(8).random()
    assert key_after(rng) != key_after(twin)

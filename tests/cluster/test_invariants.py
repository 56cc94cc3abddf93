"""What holds in every run, whatever the policy: read off by a policy that watches while another one decides."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import baselines
from brgym import ClusterConfig, RouterView, Workload, simulate
from brgym.cluster import ChunkedPrefill, Result, is_clairvoyant
from brgym.cluster.identity import key_of, row_of
from tests.cluster.of_scenario import cluster_of, workload_of
from tests.policies import make_policy
from tests.reference.strategies import mixes, scenarios

SEED = 3


class Watched:
    """Lets another policy decide, and checks at every decision what must be true of the cluster."""

    def __init__(self, policy: Any, workload: Workload) -> None:
        self.policy = policy
        self.workload = workload
        self.binding = policy.binding
        self.clairvoyant = is_clairvoyant(policy)
        self.placed: dict[int, tuple[int, int]] = {}
        self.begun_anew: Counter[int] = Counter()
        self.arrived_s: dict[int, float] = {}
        self.now_s = 0.0
        if policy.binding == "arrival":
            self.bind = self._bind
        else:
            self.admit = self._admit

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.cluster = cluster
        self.policy.reset(cluster, seed)

    def _bind(self, view: RouterView) -> int:
        self.check(view)
        return int(self.policy.bind(view))

    def _admit(self, view: RouterView) -> Any:
        self.check(view)
        return self.policy.admit(view)

    def check(self, view: RouterView) -> None:
        assert view.now_s >= self.now_s, "the clock never goes back"
        self.now_s = view.now_s
        weights = view.active_prompt_tokens + view.active_generated_tokens
        load = np.bincount(view.active_worker, weights, minlength=view.workers)
        np.testing.assert_array_equal(view.load_tokens, load)
        np.testing.assert_array_equal(view.active, np.bincount(view.active_worker, minlength=view.workers))
        assert (view.active <= self.cluster.slots * view.up).all(), "nothing on a stopped worker"
        assert (view.queued[~view.up] == 0).all()
        assert (view.free_slots == self.cluster.slots * view.up - view.active).all()
        if self.cluster.kv_capacity is not None:
            assert (view.load_tokens <= self.cluster.kv_capacity).all()
        rows = row_of(key_of(SEED), view.running["request"])
        assert len(np.unique(rows)) == len(rows), "nobody is served twice"
        assert (view.active_generated_tokens < self.workload.output_tokens[rows]).all()
        assert (view.active_arrival_s <= view.active_admit_s).all()
        self.arrived_s |= zip(rows.tolist(), view.active_arrival_s.tolist(), strict=True)
        self.check_nobody_migrates(view)

    def check_nobody_migrates(self, view: RouterView) -> None:
        births = view.step - view.active_generated_tokens  # steps before the first token, had there been no pause
        if self.cluster.speculation is not None or isinstance(self.cluster.prefill, ChunkedPrefill):
            births[:] = 0  # tokens are no steps
        running = zip(view.running["request"].tolist(), view.active_worker.tolist(), births.tolist(), strict=True)
        for request, worker, birth in running:
            before = self.placed.setdefault(request, (worker, birth))
            if before != (worker, birth):  # it lost its KV in between; it may be back at once where its worker stopped
                assert birth >= before[1]
                self.placed[request] = (worker, birth)
                self.begun_anew[request] += 1


def run_watched(name: str, cluster: ClusterConfig, workload: Workload) -> Result:
    """Runs a baseline, and checks what must be true of every run."""
    watched: Any = Watched(make_policy(name), workload)
    result = simulate(cluster, workload, watched, seed=SEED)
    steps, requests = result.steps, result.requests

    served = np.isfinite(requests["finish_s"])
    assert (served != requests["cancelled"]).all(), "everybody is served or has left"
    assert result.metrics.cancelled == (~served).sum()
    assert workload.output_tokens[served].sum() <= steps["tokens"].sum() <= workload.output_tokens.sum()
    if cluster.prefill is None and cluster.speculation is None:
        np.testing.assert_array_equal(steps["active"], steps["tokens"], err_msg="a token for each active request")
    for row, arrival_s in watched.arrived_s.items():
        assert arrival_s == requests["arrival_s"][row]
    assert (requests["admit_s"] >= requests["arrival_s"])[served].all()
    assert (requests["first_token_s"] > requests["admit_s"])[served].all()
    assert (requests["finish_s"] >= requests["first_token_s"])[served].all()
    assert (steps["start_s"][1:] >= (steps["start_s"] + steps["duration_s"])[:-1]).all()
    if cluster.kv_capacity is not None:
        assert (steps["max_load"] <= cluster.kv_capacity).all()
    else:
        assert result.metrics.preemptions == 0, "KV without limit never runs out"
    assert result.metrics.preemptions == requests["preemptions"].sum()
    begun_anew = requests["preemptions"] + requests["interruptions"]
    for request, times in watched.begun_anew.items():
        assert times <= begun_anew[row_of(key_of(SEED), request)], "only who lost its KV begins anew"
    return result


@pytest.mark.parametrize("name", baselines.names())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios())
def test_every_run_keeps_the_rules(name: str, scenario: dict[str, Any]) -> None:
    workload = workload_of(scenario)
    result = run_watched(name, cluster_of(scenario), workload)

    assert result.steps["tokens"].sum() == workload.output_tokens.sum(), "every token is generated once"
    np.testing.assert_array_equal(result.requests["arrival_s"], workload.arrival_s)
    arrived = np.searchsorted(workload.arrival_s, result.steps["start_s"], side="right")
    accounted = result.steps["waiting"] + result.steps["active"] + result.steps["finished"]
    assert (accounted <= arrived).all()
    if result.metrics.preemptions == 0:
        np.testing.assert_array_equal(accounted, arrived, err_msg="nobody is lost where nobody recomputes")


@pytest.mark.parametrize("name", baselines.names())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=mixes())
def test_every_run_keeps_the_rules_with_all_parts_mixed(name: str, scenario: dict[str, Any]) -> None:
    run_watched(name, cluster_of(scenario), workload_of(scenario))

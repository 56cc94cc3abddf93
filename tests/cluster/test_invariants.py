"""What holds in every run, whatever the policy: read off by a policy that watches while another one decides."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import baselines
from brgym import ClusterConfig, RouterView, StepTime, Workload, simulate
from brgym.cluster import is_clairvoyant
from brgym.cluster.identity import key_of, row_of
from tests.policies import make_policy
from tests.reference.strategies import scenarios

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
        weights = view.active_prompt_tokens + view.active_generated_tokens
        load = np.bincount(view.active_worker, weights, minlength=view.workers)
        np.testing.assert_array_equal(view.load_tokens, load)
        np.testing.assert_array_equal(view.active, np.bincount(view.active_worker, minlength=view.workers))
        assert (view.active <= self.cluster.slots).all()
        assert (view.free_slots == self.cluster.slots - view.active).all()
        if self.cluster.kv_capacity is not None:
            assert (view.load_tokens <= self.cluster.kv_capacity).all()
        rows = row_of(key_of(SEED), view.running["request"])
        assert (view.active_generated_tokens < self.workload.output_tokens[rows]).all()
        np.testing.assert_array_equal(view.active_arrival_s, self.workload.arrival_s[rows])
        assert (view.active_arrival_s <= view.active_admit_s).all()
        self.check_nobody_migrates(view)

    def check_nobody_migrates(self, view: RouterView) -> None:
        births = view.step - view.active_generated_tokens  # steps before the first token, had there been no pause
        running = zip(view.running["request"].tolist(), view.active_worker.tolist(), births.tolist(), strict=True)
        for request, worker, birth in running:
            before = self.placed.setdefault(request, (worker, birth))
            if before != (worker, birth):  # it was preempted in between, so it goes on later than it would have
                assert birth > before[1]
                self.placed[request] = (worker, birth)
                self.begun_anew[request] += 1


@pytest.mark.parametrize("name", baselines.names())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios())
def test_every_run_keeps_the_rules(name: str, scenario: dict[str, Any]) -> None:
    cluster = ClusterConfig(
        **{key: scenario[key] for key in ("workers", "slots", "kv_capacity", "candidates", "recompute_s_per_token")},
        step_time=StepTime.barrier(base_s=0.01, per_token_s=1e-4),
    )
    workload = Workload(scenario["arrival_s"], scenario["prompt_tokens"], scenario["output_tokens"])
    watched: Any = Watched(make_policy(name), workload)
    result = simulate(cluster, workload, watched, seed=SEED)

    assert result.steps["active"].sum() == workload.output_tokens.sum(), "every token is generated once"
    assert (result.requests["admit_s"] >= workload.arrival_s).all()
    assert (result.requests["first_token_s"] > result.requests["admit_s"]).all()
    assert (result.requests["finish_s"] >= result.requests["first_token_s"]).all()
    assert (np.diff(result.steps["start_s"]) >= result.steps["duration_s"][:-1] * (1 - 1e-9)).all()
    if cluster.kv_capacity is not None:
        assert (result.steps["max_load"] <= cluster.kv_capacity).all()
    else:
        assert result.metrics.preemptions == 0, "KV without limit never runs out"
    assert result.metrics.preemptions == result.requests["preemptions"].sum()
    for request, times in watched.begun_anew.items():
        assert times <= result.requests["preemptions"][row_of(key_of(SEED), request)], "only the preempted begin anew"

    arrived = np.searchsorted(workload.arrival_s, result.steps["start_s"], side="right")
    accounted = result.steps["waiting"] + result.steps["active"] + result.steps["finished"]
    assert (accounted <= arrived).all()
    if result.metrics.preemptions == 0:
        np.testing.assert_array_equal(accounted, arrived, err_msg="nobody is lost where nobody recomputes")

"""What must hold of the reference whatever parts of 2.11 to 2.16 are mixed, prefill and speculation among them."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import event, given, settings

from .chunked import ChunkedPrefill
from .cluster import ReferenceCluster, ReferenceRun, simulate_reference
from .prefill import PrefillTier, Tier
from .speculation import Speculation
from .strategies import mixes, regimes
from .test_properties import POLICIES
from .test_regimes import MIXED, Watch, check_requests, check_steps, check_turns


class WatchAll(Watch):
    """What must hold in part 5 of every step; remembers how many tokens each request had in the steps it was active."""

    def __init__(self) -> None:
        super().__init__()
        self.generated: dict[int, set[int]] = defaultdict(set)

    def __call__(self, cluster: ReferenceCluster) -> None:
        super().__call__(cluster)
        for request in cluster.active():
            self.generated[request.row].add(request.generated)
        if cluster.tier is not None:
            self.tier_keeps_to_its_rules(cluster, cluster.tier)
        if cluster.chunked is None:
            assert all(request.prefill_left == 0 for request in cluster.active())
        else:
            self.chunks_keep_to_their_budget(cluster, cluster.chunked)

    def tier_keeps_to_its_rules(self, cluster: ReferenceCluster, tier: Tier) -> None:
        room = tier.rules.buffer_tokens
        assert len(tier.on_servers) <= tier.rules.servers
        assert room is None or tier.held <= room
        assert all(done_s > cluster.now for done_s, _ in tier.on_servers)
        assert all(done_s == cluster.now for done_s, _ in tier.finished)  # what needs no time, once routing made room
        if tier.queue and len(tier.on_servers) < tier.rules.servers:
            assert room is not None
            assert tier.held + tier.queue[0].context > room
        holding = [request.row for request in tier.buffer]
        here = [request.row for _, request in tier.on_servers + tier.finished]
        assert len(holding) == len(set(holding))
        assert set(here) <= set(holding) <= set(here) | {request.row for request in cluster.waiting()}
        if cluster.victim_returns == "prefill":  # nobody reaches the router in any other way
            assert set(holding) == set(here) | {request.row for request in cluster.waiting()}

    def chunks_keep_to_their_budget(self, cluster: ReferenceCluster, chunked: ChunkedPrefill) -> None:
        everywhere = sum(len(worker.decoding) for worker in cluster.workers)
        for worker in cluster.workers:
            prefilled = sum(request.prefill_now for request in worker.active)
            unfinished = sum(request.prefill_left for request in worker.active)
            budget = max(0, chunked.budget_tokens - cluster.u * len(worker.decoding))
            now = everywhere == 0 or len(cluster.steps) % chunked.interval == 0
            assert prefilled == (min(budget, unfinished) if now else 0)
            for older, newer in zip(worker.active, worker.active[1:], strict=False):
                assert newer.prefill_now == 0 or older.prefill_now == older.prefill_left


def check_tokens(run: ReferenceRun, prefill: PrefillTier | ChunkedPrefill | None, u: int) -> None:
    for step in run.steps:
        assert 0 <= step.tokens <= u * step.active
        if isinstance(prefill, ChunkedPrefill):
            assert step.tokens + step.prefill_tokens > 0
        else:
            assert step.tokens >= step.active


def check_prefill(run: ReferenceRun, prefill: PrefillTier | ChunkedPrefill | None, victim_returns: str) -> None:
    prefilled = sum(step.prefill_tokens for step in run.steps)
    if isinstance(prefill, ChunkedPrefill):
        assert prefilled <= run.recomputed_tokens + sum(request.prompt_tokens for request in run.requests)
        assert prefilled >= sum(request.prompt_tokens for request in run.requests if request.first_token_s is not None)
        return
    assert prefilled <= (0 if victim_returns == "prefill" else run.recomputed_tokens)
    if isinstance(prefill, PrefillTier):
        for request in run.requests:
            ready_s = request.arrival_s + prefill.base_s + prefill.per_token_s * request.prompt_tokens
            assert request.admit_s is None or request.admit_s >= ready_s


def check_drafts(run: ReferenceRun, watch: WatchAll, speculation: Speculation, seed: int) -> None:
    """What a request gains depends on the tokens it has and on nothing else, whatever happens to it."""
    for request in run.requests:
        generated, expected = 0, set()
        while generated < request.generated:
            expected.add(generated)
            generated += 1 + speculation.accepted(seed, request.row, generated)
        assert generated == request.generated or request.finish_s is not None
        assert expected == watch.generated[request.row]


@pytest.mark.parametrize("name", POLICIES)
@settings(MIXED, max_examples=60)
@given(scenario=mixes(max_requests=20))
def test_every_request_is_served_once_or_leaves(name: str, scenario: dict[str, Any]) -> None:
    watch = WatchAll()
    prefill, speculation = scenario["prefill"], scenario["speculation"]
    run = simulate_reference(policy=POLICIES[name](), watch=watch, **scenario)
    check_requests(run)
    check_steps(run, scenario["workers"])
    check_tokens(run, prefill, 1 if speculation is None else 1 + speculation.draft_tokens)
    check_prefill(run, prefill, scenario["victim_returns"])
    if scenario["after"] is not None:
        check_turns(run, scenario["after"], scenario["arrival_s"])
    if scenario["patience_s"] is None:
        assert run.cancelled == 0
    if speculation is not None and not isinstance(prefill, ChunkedPrefill):
        check_drafts(run, watch, speculation, scenario["seed"])
    event(f"prefill: {type(prefill).__name__}, victims: {scenario['victim_returns'] if run.recomputed_tokens else '-'}")
    event(f"speculation: {speculation is not None}")


@pytest.mark.parametrize("name", POLICIES)
@settings(MIXED, max_examples=20)
@given(scenario=regimes(max_requests=20))
def test_a_tier_that_needs_no_time_and_has_room_for_all_changes_nothing(name: str, scenario: dict[str, Any]) -> None:
    tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.0)
    plain = simulate_reference(policy=POLICIES[name](), **scenario)
    assert repr(simulate_reference(policy=POLICIES[name](), prefill=tier, **scenario)) == repr(plain)


@pytest.mark.parametrize("name", POLICIES)
@settings(MIXED, max_examples=20)
@given(scenario=regimes(max_requests=20))
def test_chunks_as_large_as_any_prompt_that_cost_nothing_change_nothing(name: str, scenario: dict[str, Any]) -> None:
    """Where the step does not count what decodes, which those with a chunk do a step later."""
    scenario["rows"] = [(const, per_load, 0.0, 0.0) for const, per_load, *_ in scenario["rows"]]
    scenario["recompute_s_per_token"] = 0.0
    plain = simulate_reference(policy=POLICIES[name](), **scenario)
    run = simulate_reference(policy=POLICIES[name](), prefill=ChunkedPrefill(10_000), **scenario)
    assert repr(run.requests) == repr(plain.requests)
    assert run.admissions == plain.admissions
    for one, other in zip(run.steps, plain.steps, strict=True):
        assert (one.start_s, one.duration_s, one.tokens) == (other.start_s, other.duration_s, other.tokens)


@pytest.mark.parametrize("name", POLICIES)
@settings(MIXED, max_examples=20)
@given(scenario=mixes(max_requests=20))
def test_drafts_never_accepted_only_take_room(name: str, scenario: dict[str, Any]) -> None:
    scenario |= {"kv_capacity": None, "speculation": None}
    if isinstance(scenario["prefill"], ChunkedPrefill):
        scenario["prefill"] = None  # u counts against the budget
    plain = simulate_reference(policy=POLICIES[name](), **scenario)
    scenario["speculation"] = Speculation(3, 0.0)
    assert repr(simulate_reference(policy=POLICIES[name](), **scenario)) == repr(plain)

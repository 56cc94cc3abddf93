"""Worked examples of a prefill tier (2.14): when it starts and stops, what it holds, who comes through it again."""

import pytest

from .events import WorkerEvent
from .on_arrival import RoundRobin
from .policies import LeastKV
from .prefill import PrefillTier, Tier
from .worked import admitted_at, request_figures, simulate, step_figures
from .workers import Request

QUARTER = PrefillTier(servers=1, base_s=0.0, per_token_s=0.25)
"""One server, a quarter of a second for each token, and a buffer without end."""


class TestTier:
    def tier(self, contexts, **rules) -> tuple[Tier, list[Request]]:
        requests = [Request(row, 0.0, context, 9) for row, context in enumerate(contexts)]
        return Tier(PrefillTier(**({"servers": 1, "base_s": 1.0, "per_token_s": 0.5} | rules))), requests

    def test_a_prefill_takes_base_and_tokens_and_the_next_begins_when_it_ends(self):
        tier, (a, b) = self.tier([4, 2])
        tier.come(a, 0.5)
        tier.come(b, 0.75)
        assert tier.times() == [3.5]  # 0.5 + 1 + 0.5 * 4
        tier.run(10.0)
        assert tier.finished == [(3.5, a), (5.5, b)]  # not when somebody looks: 3.5 + 1 + 0.5 * 2

    def test_servers_work_beside_one_another(self):
        tier, (a, b, c) = self.tier([4, 2, 2], servers=2)
        for request in (a, b, c):
            tier.come(request, 0.0)
        tier.run(10.0)
        assert tier.finished == [(2.0, b), (3.0, a), (4.0, c)]  # C when B has ended

    def test_the_router_gets_them_by_time_ready_then_index(self):
        tier, (a, b, c) = self.tier([4, 2, 2], servers=3)
        for request in (c, b, a):
            tier.come(request, 0.0)
        tier.run(10.0)
        assert tier.take_finished() == [b, c, a]  # 2, 2 and 3
        assert tier.take_finished() == []

    def test_the_head_waits_for_room_and_nobody_overtakes_it(self):
        tier, (a, b, c) = self.tier([4, 5, 1], servers=3, buffer_tokens=8)
        for request in (a, b, c):
            tier.come(request, 0.0)
        assert (tier.held, tier.queue) == (4, [b, c])  # 4 + 5 > 8, and 4 + 1 does not help
        tier.run(3.0)
        assert (tier.held, tier.queue) == (4, [b, c])  # A is done, and still holds the buffer
        tier.release(a)
        tier.use_room(7.0)
        assert (tier.held, tier.queue) == (6, [])
        assert tier.times() == [10.5, 8.5]  # B, 7 + 1 + 2.5; C, 7 + 1 + 0.5

    def test_the_buffer_may_be_full_to_the_brim(self):
        tier, (a, b) = self.tier([4, 4], servers=2, buffer_tokens=8)
        tier.come(a, 0.0)
        tier.come(b, 0.0)
        assert (tier.held, tier.queue) == (8, [])

    def test_a_completion_comes_before_a_newcomer_of_the_same_time(self):
        tier, (a, b, c) = self.tier([4, 1, 1], base_s=0.0)
        tier.come(a, 0.0)  # until 2
        tier.come(b, 1.0)
        tier.come(c, 2.0)
        assert tier.finished == [(2.0, a)]
        assert tier.on_servers == [(2.5, b)]
        assert tier.queue == [c]

    def test_what_needs_no_time_is_done_when_it_starts(self):
        tier, requests = self.tier([1, 2, 3], base_s=0.0, per_token_s=0.0)
        for request in requests:
            tier.come(request, 5.0)
        assert tier.finished == [(5.0, request) for request in requests]


class TestArrivals:
    def test_each_comes_at_its_own_time_and_joins_when_it_is_ready(self):
        requests = [(0.0, 4, 3), (0.25, 2, 1), (1.5, 4, 1)]
        run = simulate(LeastKV(), requests, slots=2, prefill=QUARTER)
        # A 0 to 1, B 1 to 1.5, C 1.5 to 2.5: it comes when B ends. Steps from 1 on, where the clock jumps to A:
        # B joins at 2, C at 3.
        assert step_figures(run, "start_s", "active", "waiting", "prefill_tokens") == [
            (1.0, 1, 0, 0),
            (2.0, 2, 0, 0),
            (3.0, 2, 0, 0),
        ]
        assert request_figures(run, "arrival_s", "admit_s", "first_token_s", "finish_s") == [
            (0.0, 1.0, 2.0, 4.0),
            (0.25, 2.0, 3.0, 3.0),
            (1.5, 3.0, 4.0, 4.0),
        ]

    @pytest.mark.parametrize("policy", [LeastKV, RoundRobin])
    def test_they_join_by_time_ready_then_index(self, policy):
        tier = PrefillTier(servers=3, base_s=0.0, per_token_s=0.25)
        requests = [(0.0, 8, 1), (0.0, 4, 1), (0.0, 1, 1), (1.0, 1, 1)]
        run = simulate(policy(), requests, workers=1, slots=1, prefill=tier)
        # A is done at 2, B at 1, C at 0.25; D comes at 1 and is done at 1.25. C runs from 0.25 to 1.25: B is there
        # and D. A comes at 2.25.
        assert [admitted_at(run, boundary) for boundary in range(4)] == [[(letter, 0)] for letter in "CBDA"]

    def test_a_turn_comes_to_the_tier(self):
        run = simulate(LeastKV(), [(0.0, 4, 1), (0.5, 2, 1)], slots=1, prefill=QUARTER, after=[-1, 0])
        # A 0 to 1, then until 2. B arrives at 2.5 and is ready at 3.
        assert request_figures(run, "arrival_s", "admit_s", "finish_s") == [(0.0, 1.0, 2.0), (2.5, 3.0, 4.0)]

    def test_in_a_closed_loop_whoever_is_in_the_tier_is_in_the_system(self):
        requests = [(0.0, 4, 1), (0.0, 4, 1), (0.0, 4, 1)]
        run = simulate(LeastKV(), requests, slots=1, prefill=QUARTER, concurrency=2)
        # 0: A and B. A is prefilled until 1, B until 2. A ends at 2: C comes, now, and is prefilled from 2 to 3.
        assert request_figures(run, "arrival_s", "admit_s", "finish_s") == [(0, 1, 2), (0, 2, 3), (2, 3, 4)]

    def test_what_needs_no_time_joins_at_the_boundary_where_the_loop_lets_it_in(self):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.0)
        run = simulate(LeastKV(), [(0.0, 4, 1), (0.0, 4, 1)], slots=1, prefill=tier, concurrency=1)
        assert request_figures(run, "arrival_s", "admit_s", "finish_s") == [(0.0, 0.0, 1.0), (1.0, 1.0, 2.0)]  # d, e

    def test_one_that_exceeds_the_buffer_is_refused_by_row(self):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.0, buffer_tokens=9)
        assert simulate(LeastKV(), [(0.0, 4, 5)], slots=1, prefill=tier).cancelled == 0
        with pytest.raises(ValueError, match=r"row 1.*buffer_tokens 9"):
            simulate(LeastKV(), [(0.0, 4, 5), (0.0, 5, 5)], slots=1, prefill=tier)


class TestBackPressure:
    TIER = PrefillTier(servers=2, base_s=0.0, per_token_s=0.25, buffer_tokens=9)

    def test_room_freed_by_routing_is_used_at_once(self):
        requests = [(0.0, 4, 4), (0.0, 4, 1), (0.0, 4, 1), (0.0, 4, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=1, prefill=self.TIER)
        # A and B are ready at 1: 8 tokens held, C would make 12. 1: A is admitted, 4 held, C runs from 1 to 2; then 8
        # are held again, until A ends at 5 and B is admitted: D runs from 5 to 6.
        assert request_figures(run, "admit_s", "finish_s") == [(1.0, 5.0), (5.0, 6.0), (6.0, 7.0), (7.0, 8.0)]
        # 2: B and C wait; D, which the tier has, does not count. 6: D is there, the moment it is ready.
        assert step_figures(run, "waiting") == [(1,), (2,), (2,), (2,), (1,), (1,), (0,)]

    def test_one_bound_to_a_full_worker_holds_the_buffer_while_another_is_idle(self):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.25, buffer_tokens=9)
        requests = [(0.0, 2, 7), (0.0, 2, 1), (0.0, 5, 1), (0.0, 5, 1)]
        run = simulate(RoundRobin(), requests, slots=1, prefill=tier)
        # A 0 to 0.5, -> 0 until 7.5. B 0.5 to 1, -> 1 from 1.5 to 2.5. C 1 to 2.25, -> 0 behind A: it holds 5 tokens,
        # D would make 10, and worker 1 has nothing to do. 7.5: C is admitted, D 7.5 to 8.75.
        assert request_figures(run, "worker", "admit_s") == [(0, 0.5), (1, 1.5), (0, 7.5), (1, 8.75)]

    def test_what_needs_no_time_and_had_no_room_joins_at_the_next_boundary(self):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.0, buffer_tokens=7)
        run = simulate(LeastKV(), [(0.0, 4, 1), (0.0, 4, 1), (0.0, 4, 1)], slots=2, prefill=tier)
        # 0: A is admitted, which is when B is prefilled: e has been. 1: B is admitted, C prefilled.
        assert request_figures(run, "admit_s") == [(0.0,), (1.0,), (2.0,)]
        assert step_figures(run, "waiting") == [(0,), (0,), (0,)]


class TestVictims:
    # Worker of 10 tokens: A and B weigh 5, 7, then 9, 9 + 2 > 10: at the third step B leaves with ctx 4.
    REQUESTS = ((0.0, 3, 5), (0.0, 2, 4))
    ROWS = ((1.0, 0.0, 0.0, 0.0, 0.5),)

    def run(self, victim_returns, requests=REQUESTS, **cluster):
        defaults = {"workers": 1, "slots": 2, "kv_capacity": 10, "rows": self.ROWS}
        return simulate(LeastKV(), requests, victim_returns=victim_returns, **(defaults | cluster))

    def test_through_the_tier_and_no_worker_computes_its_context(self):
        tier = PrefillTier(servers=2, base_s=0.75, per_token_s=0.0)
        run = self.run("prefill", prefill=tier, recompute_s_per_token=9.0)
        # Both are ready at 0.75. 2.75: B leaves, is prefilled until 3.5 and joins at 3.75: A has ctx 6, 6 + 4 + 2 > 10.
        # A ends at 5.75; B has two tokens to come.
        assert step_figures(run, "start_s", "active", "waiting", "prefill_tokens") == [
            (0.75, 2, 0, 0),
            (1.75, 2, 0, 0),
            (2.75, 1, 0, 0),
            (3.75, 1, 1, 0),
            (4.75, 1, 1, 0),
            (5.75, 1, 0, 0),
            (6.75, 1, 0, 0),
        ]
        assert request_figures(run, "admit_s", "finish_s", "preemptions") == [(0.75, 5.75, 0), (0.75, 7.75, 1)]
        assert run.recomputed_tokens == 4

    def test_beside_the_tier_a_worker_computes_its_context(self):
        tier = PrefillTier(servers=2, base_s=0.75, per_token_s=0.0)
        run = self.run("same-worker", prefill=tier, recompute_s_per_token=0.25)
        # B is ready at 2.75 + 1 = 3.75. Admitted at 5.75, its 4 tokens take 2 s.
        assert step_figures(run, "start_s", "prefill_tokens")[-2:] == [(5.75, 4), (8.75, 0)]

    def test_beside_the_tier_it_holds_nothing_in_the_buffer(self):
        tier = PrefillTier(servers=2, base_s=0.75, per_token_s=0.0, buffer_tokens=8)
        requests = [*self.REQUESTS, (2.0, 7, 1)]
        aside = self.run("same-worker", requests, prefill=tier)
        through = self.run("prefill", requests, prefill=tier)
        # C is prefilled from 2 to 2.75 and fits no worker beside A. At 2.75 B leaves; through the tier it finds
        # 7 tokens held and waits for C's admission at 5.75.
        assert request_figures(aside, "admit_s", "finish_s")[1:] == [(0.75, 9.75), (9.75, 10.75)]
        assert request_figures(through, "admit_s", "finish_s")[1:] == [(0.75, 8.75), (5.75, 6.75)]

    def test_from_the_pool_it_comes_back_behind_those_that_wait(self):
        tier = PrefillTier(servers=2, base_s=0.0, per_token_s=0.0)
        run = self.run("prefill", [*self.REQUESTS, (0.0, 6, 1)], prefill=tier)
        # 2: B leaves and is ready at once. At 5 A has ended; C stands before B, and 6 + 4 + 2 > 10.
        assert admitted_at(run, 5) == [("C", 0)]
        assert admitted_at(run, 6) == [("B", 0)]

    def test_interrupted_requests_go_there_too_and_those_queued_keep_what_they_have(self):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.25, buffer_tokens=9)
        requests = [(0.0, 4, 5), (0.0, 4, 3), (0.0, 4, 1)]
        events = [WorkerEvent(3.5, 0, "stop")]
        run = simulate(RoundRobin(), requests, slots=1, prefill=tier, victim_returns="prefill", events=events)
        # A 0 to 1, -> 0. B 1 to 2, -> 1 until 5. C 2 to 3, -> 0 behind A. 4: worker 0 stops. A has ctx 7 and goes to
        # the tier, C is bound to worker 1 and holds its 4 tokens on: 4 + 7 > 9. 5: C is admitted, A 5 to 6.75.
        assert request_figures(run, "worker", "finish_s", "interruptions") == [(1, 8.75, 1), (1, 5.0, 0), (1, 6.0, 0)]
        assert [step.prefill_tokens for step in run.steps] == [0] * 7

    def test_it_needs_a_tier(self):
        with pytest.raises(ValueError, match="PrefillTier"):
            self.run("prefill")


class TestPatience:
    def test_who_leaves_a_server_frees_it_and_its_buffer_at_that_boundary(self):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=1.0, buffer_tokens=6)
        requests = [(0.0, 1, 5), (0.0, 4, 1), (0.0, 3, 1)]
        run = simulate(LeastKV(), requests, slots=1, prefill=tier, patience_s=[99.0, 2.5, 99.0])
        # A until 1, B from 1, to 5. 3: B leaves, C 3 to 6: there is a server, and 4 + 3 > 6 is no matter any more.
        assert request_figures(run, "admit_s", "cancelled") == [(1.0, False), (None, True), (6.0, False)]

    def test_the_queue_of_the_tier_too(self):
        requests = [(0.0, 8, 1), (0.0, 4, 1), (0.0, 2, 1)]
        run = simulate(LeastKV(), requests, slots=1, prefill=QUARTER, patience_s=[99.0, 0.5, 99.0])
        # Nothing is active, and the clock jumps to 0.5, where B leaves. A until 2, C until 2.5.
        assert request_figures(run, "admit_s", "cancelled") == [(2.0, False), (None, True), (3.0, False)]

    def test_who_waits_for_a_worker_frees_its_part_of_the_buffer(self):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.25, buffer_tokens=7)
        requests = [(0.0, 4, 3), (0.0, 4, 1), (0.0, 4, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=1, prefill=tier, patience_s=[99.0, 2.5, 99.0])
        # A 0 to 1, and runs until 4. B 1 to 2, waits, and leaves at 3: C 3 to 4.
        assert request_figures(run, "admit_s", "cancelled") == [(1.0, False), (None, True), (4.0, False)]
        assert step_figures(run, "waiting") == [(0,), (1,), (0,), (0,)]

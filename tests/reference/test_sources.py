"""Worked examples of where requests come from and when they leave (2.13): closed loop, turns, patience."""

import math
from typing import Literal

import pytest

from .events import WorkerEvent
from .on_arrival import RoundRobin
from .policies import LeastKV
from .worked import request_figures, simulate, step_figures


class AdmitsNothing:
    binding: Literal["pool"] = "pool"

    def route(self, cluster):
        pass


class TestClosedLoop:
    @pytest.mark.parametrize("policy", [LeastKV, RoundRobin])
    def test_when_one_leaves_the_next_comes_whatever_its_arrival(self, policy):
        requests = [(9.0, 1, 3), (9.0, 1, 1), (9.0, 1, 1), (8.0, 1, 1)]
        run = simulate(policy(), requests, workers=1, slots=4, concurrency=2)
        # 0: A and B. 1: B has ended, C comes. 2: D. 3: A and D have ended, nobody is left.
        assert request_figures(run, "arrival_s", "admit_s", "finish_s") == [
            (0.0, 0.0, 3.0),
            (0.0, 0.0, 1.0),
            (1.0, 1.0, 2.0),
            (2.0, 2.0, 3.0),
        ]

    def test_whoever_waits_or_recomputes_is_in_the_system(self):
        requests = [(0.0, 3, 5), (0.0, 2, 4), (0.0, 1, 1), (0.0, 1, 1)]
        run = simulate(
            LeastKV(), requests, workers=1, slots=2, kv_capacity=10, recompute_s_per_token=0.75, concurrency=3
        )
        # 0: A and B run, C waits for a slot. 2: B leaves with ctx 4 (9 + 2 > 10), ready at 5, and A has ctx 5.
        # 3: C (6 + 1 + 2 <= 10) comes in; 4: it has ended, and D comes: A, B, D are three. A and D end at 5.
        assert request_figures(run, "arrival_s", "admit_s", "finish_s") == [
            (0.0, 0.0, 5.0),
            (0.0, 0.0, 7.0),
            (0.0, 3.0, 4.0),
            (4.0, 4.0, 5.0),
        ]

    def test_when_one_loses_its_patience_the_next_comes_at_the_same_boundary(self):
        requests = [(0.0, 1, 3), (0.0, 1, 1), (0.0, 1, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=1, concurrency=2, patience_s=[9.0, 1.5, 9.0])
        # B waits behind A and leaves at 2, where C comes; A ends at 3.
        assert request_figures(run, "arrival_s", "admit_s", "cancelled") == [
            (0.0, 0.0, False),
            (0.0, None, True),
            (2.0, 3.0, False),
        ]

    def test_patience_counts_from_when_it_came(self):
        run = simulate(
            LeastKV(), [(0.0, 1, 3), (0.0, 1, 2)], workers=1, slots=1, concurrency=1, patience_s=[math.inf, 1.5]
        )
        assert request_figures(run, "arrival_s", "cancelled", "generated") == [(0.0, False, 3), (3.0, False, 2)]

    def test_it_has_no_turns(self):
        with pytest.raises(ValueError, match="closed loop"):
            simulate(LeastKV(), [(0.0, 1, 1), (0.0, 1, 1)], slots=1, concurrency=1, after=[-1, 0])


class TestTurns:
    def test_a_turn_comes_so_long_after_the_end_of_another(self):
        run = simulate(LeastKV(), [(2.0, 1, 3), (0.75, 1, 1), (0.0, 1, 1)], slots=1, after=[-1, 0, 1])
        # A ends at 5. B comes at 5.75, the clock jumps there; it ends at 6.75, where C comes and goes on at once.
        assert request_figures(run, "arrival_s", "admit_s", "finish_s") == [
            (2.0, 2.0, 5.0),
            (5.75, 5.75, 6.75),
            (6.75, 6.75, 7.75),
        ]

    def test_several_follow_one(self):
        run = simulate(LeastKV(), [(0.0, 1, 1), (0.5, 1, 1), (0.25, 1, 1)], slots=1, after=[-1, 0, 0])
        # A ends at 1. C comes at 1.25 and its step lasts until 2.25, where B, which came at 1.5, joins.
        assert request_figures(run, "arrival_s", "admit_s") == [(0.0, 0.0), (1.5, 2.25), (1.25, 1.25)]

    @pytest.mark.parametrize("policy", [LeastKV, RoundRobin])
    def test_what_is_due_together_joins_by_arrival_then_by_index(self, policy):
        requests = [(0.0, 1, 1), (1.0, 1, 1), (1.5, 1, 1), (2.0, 1, 1), (0.75, 1, 1)]
        run = simulate(policy(), requests, workers=1, slots=1, after=[-1, 0, -1, -1, 0])
        # A ends at 1: B comes at 2, E at 1.75. C comes at 1.5 and runs from then to 2.5, where E (1.75), B and D (2.0
        # both) join.
        assert [log.row for log in run.admissions] == [0, 2, 4, 1, 3]

    def test_what_follows_a_request_that_left_never_comes(self):
        requests = [(0.0, 1, 9), (0.0, 1, 1), (0.0, 1, 1), (3.0, 1, 1), (0.0, 1, 1)]
        run = simulate(
            LeastKV(), requests, workers=1, slots=1, after=[-1, 0, 1, -1, 3], patience_s=[1.5, *[math.inf] * 4]
        )
        # A leaves at 2 with two tokens; B was to follow it, C to follow B. D comes at 3 and E after it.
        assert request_figures(run, "cancelled", "generated", "finish_s") == [
            (True, 2, None),
            (True, 0, None),
            (True, 0, None),
            (False, 1, 4.0),
            (False, 1, 5.0),
        ]
        assert [math.isnan(request.arrival_s) for request in run.requests] == [False, True, True, False, False]
        assert run.cancelled == 3


class TestPatience:
    @pytest.mark.parametrize("policy", [LeastKV, RoundRobin])
    def test_it_ends_for_one_that_waits(self, policy):
        run = simulate(policy(), [(0.0, 1, 3), (0.5, 1, 1)], workers=1, slots=1, patience_s=[9.0, 1.0])
        # B's patience ends at 1.5, in the second step: it leaves at 2.
        assert step_figures(run, "start_s", "waiting") == [(0.0, 0), (1.0, 1), (2.0, 0)]
        assert request_figures(run, "cancelled", "admit_s") == [(False, 0.0), (True, None)]

    def test_a_boundary_at_its_very_end_is_too_late(self):
        run = simulate(LeastKV(), [(0.0, 1, 3), (0.0, 1, 1)], workers=1, slots=1, patience_s=[9.0, 3.0])
        assert request_figures(run, "cancelled") == [(False,), (True,)]

    def test_it_ends_for_one_that_runs_and_slot_and_kv_are_free_at_once(self):
        run = simulate(
            LeastKV(), [(0.0, 4, 5), (0.5, 6, 2)], workers=1, slots=1, kv_capacity=9, patience_s=[1.5, math.inf]
        )
        # A has two tokens at 2, where it leaves; B comes in at that boundary.
        assert request_figures(run, "cancelled", "generated", "finish_s") == [(True, 2, None), (False, 2, 4.0)]
        assert step_figures(run, "max_load", "active", "tokens", "finished") == [
            (4, 1, 1, 0),
            (5, 1, 1, 0),
            (6, 1, 1, 0),
            (7, 1, 1, 0),
        ]
        assert run.requests[0].worker == 0

    def test_one_that_finishes_in_the_step_in_which_it_ends_has_finished(self):
        run = simulate(LeastKV(), [(0.0, 1, 2)], workers=1, slots=1, patience_s=[1.5])
        assert request_figures(run, "cancelled", "finish_s") == [(False, 2.0)]
        run = simulate(LeastKV(), [(0.0, 1, 2)], workers=1, slots=1, patience_s=[1.0])
        assert request_figures(run, "cancelled", "finish_s", "first_token_s") == [(True, None, 1.0)]

    def test_it_ends_for_one_that_recomputes(self):
        requests = [(0.0, 3, 5), (0.0, 2, 4)]
        run = simulate(
            LeastKV(), requests, workers=1, slots=2, kv_capacity=10, recompute_s_per_token=2.0, patience_s=[9.0, 3.5]
        )
        # B leaves the worker at 2 with ctx 4, to be ready at 10; its patience is over at 4. A ends at 5.
        assert request_figures(run, "cancelled", "preemptions", "generated") == [(False, 0, 5), (True, 1, 2)]
        assert len(run.steps) == 5
        assert run.recomputed_tokens == 4

    def test_one_that_came_and_lost_it_within_a_step_is_never_routed(self):
        run = simulate(RoundRobin(), [(0.0, 1, 1), (0.25, 1, 1), (0.5, 1, 1)], slots=1, patience_s=[9.0, 0.5, 9.0])
        # At 1 B joins and leaves; the second decision is C's.
        assert request_figures(run, "arrival_s", "worker", "cancelled") == [
            (0.0, 0, False),
            (0.25, None, True),
            (0.5, 1, False),
        ]

    def test_the_clock_jumps_to_its_end_where_nothing_runs(self):
        run = simulate(AdmitsNothing(), [(0.0, 1, 1), (4.0, 1, 1), (0.5, 1, 1)], slots=1, patience_s=[2.0, 2.0, 2.0])
        assert run.steps == []
        assert run.cancelled == 3
        with pytest.raises(RuntimeError, match="admits nothing"):
            simulate(AdmitsNothing(), [(0.0, 1, 1), (4.0, 1, 1)], slots=1, patience_s=[math.inf, 2.0])

    def test_the_clock_jumps_to_its_end_for_one_that_recomputes_too(self):
        run = simulate(
            LeastKV(),
            [(0.0, 3, 5), (0.0, 1, 1)],
            slots=1,
            recompute_s_per_token=9.0,
            concurrency=1,
            patience_s=[4.5, math.inf],
            events=[WorkerEvent(0.5, 0, "stop")],
        )
        # At 1 A loses its worker and would be ready at 1 + 4 * 9 = 37. It leaves at 4.5, and B comes there and then.
        assert request_figures(run, "arrival_s", "finish_s", "cancelled") == [(0.0, None, True), (4.5, 5.5, False)]

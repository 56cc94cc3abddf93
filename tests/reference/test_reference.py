"""Worked examples of the cluster, done by hand: the comments say how each figure comes about.

Requests are called A, B, C... in workload order; "ctx" is a request's context.
"""

from typing import Literal

import pytest

from .on_arrival import JoinShortestQueue, RoundRobin
from .policies import LeastKV
from .worked import admitted_at, request_figures, simulate, step_figures


class TestBinding:
    REQUESTS = ((0.0, 2, 2), (0.0, 4, 1), (0.0, 1, 1))
    ROWS = ((1.0, 0.5, 0.0, 0.0),)

    def test_a_request_bound_on_arrival_waits_for_its_worker_though_another_is_idle(self):
        run = simulate(RoundRobin(), self.REQUESTS, slots=1, rows=self.ROWS)
        # A -> 0, B -> 1, C -> 0 behind A.
        # 0.0: loads 2, 4. dt = 1 + 0.5 * 4 = 3; C waits.    B (one token) ends at 3.
        # 3.0: loads 3, 0. dt = 1 + 0.5 * 3 = 2.5; C waits.  A (two tokens) ends at 5.5.
        # 5.5: C admitted, loads 1, 0. dt = 1.5.             C ends at 7.
        assert step_figures(run, "start_s", "duration_s", "max_load", "sum_load", "min_load") == [
            (0.0, 3.0, 4, 6, 2),
            (3.0, 2.5, 3, 3, 0),
            (5.5, 1.5, 1, 1, 0),
        ]
        assert step_figures(run, "active", "waiting", "admitted") == [(2, 1, 2), (1, 1, 2), (1, 0, 3)]
        assert request_figures(run, "worker", "admit_s", "first_token_s", "finish_s") == [
            (0, 0.0, 3.0, 5.5),
            (1, 0.0, 3.0, 3.0),
            (0, 5.5, 7.0, 7.0),
        ]

    def test_a_request_of_the_pool_goes_to_the_worker_that_frees_first(self):
        run = simulate(LeastKV(), self.REQUESTS, slots=1, rows=self.ROWS)
        # 0.0: A -> 0 (both loads 0: the lowest index), B -> 1, C fits nowhere. dt = 3; B ends.
        # 3.0: C -> 1. Loads 3, 1: dt = 2.5; A and C end at 5.5.
        assert step_figures(run, "start_s", "duration_s", "max_load", "sum_load", "min_load") == [
            (0.0, 3.0, 4, 6, 2),
            (3.0, 2.5, 3, 4, 1),
        ]
        assert request_figures(run, "worker", "admit_s", "finish_s")[2] == (1, 3.0, 5.5)

    def test_the_slowest_row_sets_the_step(self):
        rows = [(1.0, 0.5, 0.0, 0.0), (0.0, 0.0, 2.5, 0.0), (0.5, 0.0, 0.0, 1.25)]
        run = simulate(RoundRobin(), [(0.0, 2, 1), (0.0, 1, 2), (0.0, 5, 3)], slots=2, rows=rows)
        # Worker 0: A and C, worker 1: B.
        # Step 0: loads 7, 1, n = 2, 1, sum n = 3: rows give 4.5, 5, 4.25 on worker 0, which has most of both. A ends.
        # Step 1: loads 6, 2, n = 1, 1:        rows give 4, 2.5, 3.      B ends.
        # Step 2: load 7, n = 1:               rows give 4.5, 2.5, 1.75.
        assert step_figures(run, "duration_s") == [(5.0,), (4.0,), (4.5,)]

    def test_the_slowest_worker_sets_the_step_by_its_own_load_and_its_own_requests(self):
        run = simulate(RoundRobin(), [(0.0, 1, 1), (0.0, 8, 1), (0.0, 1, 1)], slots=2, rows=[(1.0, 0.5, 2.0, 0.25)])
        # Worker 0: A and C, load 2, worker 1: B, load 8; three in all. 1 + 1 + 4 + 0.75 = 6.75 and 1 + 4 + 2 + 0.75 =
        # 7.75 s: the larger load of one and the two requests of the other do not meet in one worker.
        assert step_figures(run, "duration_s", "barrier_idle") == [(7.75, 1.0 / 15.5)]

    def test_who_waits_for_the_slowest_and_what_that_draws(self):
        run = simulate(
            RoundRobin(), [(0.0, 4, 1), (0.0, 1, 2)], slots=1, rows=[(1.0, 0.5, 0.25, 0.125)], power=(100.0, 400.0, 0.5)
        )
        # Step 0: loads 4, 1, one active each, two in all: alone the workers need 1 + 2 + 0.25 + 0.25 = 3.5 and 2 s, so
        #   1.5 of 7 s are waited. Worker 0 draws 400 W, worker 1 100 + 300 sqrt(1/4) = 250 W: 650 W for 3.5 s.
        # Step 1: A has ended, loads 0, 2: alone 1 + 0.125 = 1.125 and 1 + 1 + 0.25 + 0.125 = 2.375 s, so 1.25 of 4.75.
        #   Worker 0 draws 100 W, worker 1 400 W: 500 W for 2.375 s.
        assert step_figures(run, "finished", "duration_s") == [(0, 3.5), (1, 2.375)]
        assert step_figures(run, "barrier_idle") == [(1.5 / 7,), (1.25 / 4.75,)]
        assert step_figures(run, "energy_j") == [(650 * 3.5,), (500 * 2.375,)]

    def test_no_row_makes_a_worker_wait_where_all_are_alike(self):
        rows = [(1.0, 0.5, 0.0, 0.0), (0.0, 0.0, 2.5, 0.0), (0.5, 0.0, 0.0, 1.25)]
        run = simulate(RoundRobin(), [(0.0, 2, 1), (0.0, 2, 1)], slots=1, rows=rows)
        assert step_figures(run, "duration_s", "barrier_idle") == [(3.0, 0.0)]  # rows give 2, 2.5, 3


class TestClock:
    def test_an_idle_cluster_jumps_to_the_next_arrival(self):
        run = simulate(JoinShortestQueue(), [(5.0, 1, 1), (5.0, 1, 1), (5.25, 1, 1), (100.0, 1, 1)], slots=1)
        # 5: A and B arrive together, the clock jumps there. C arrives within their step and joins at 6, its end.
        assert request_figures(run, "admit_s", "finish_s") == [(5.0, 6.0), (5.0, 6.0), (6.0, 7.0), (100.0, 101.0)]
        assert step_figures(run, "start_s") == [(5.0,), (6.0,), (100.0,)]

    def test_it_jumps_to_the_return_of_a_preempted_request_too(self):
        # As in TestPreemption, but B needs 4 * 2 s and is ready at 2 + 8 = 10; A ends at 5 and nothing is active.
        requests = [(0.0, 3, 5), (0.0, 2, 4)]
        run = simulate(LeastKV(), requests, workers=1, slots=2, kv_capacity=10, recompute_s_per_token=2.0)
        assert step_figures(run, "start_s") == [(0.0,), (1.0,), (2.0,), (3.0,), (4.0,), (10.0,), (11.0,)]

    def test_waiting_for_ever_is_an_error(self):
        class AdmitsNothing:
            binding: Literal["pool"] = "pool"

            def route(self, cluster):
                pass

        with pytest.raises(RuntimeError):
            simulate(AdmitsNothing(), [(0.0, 1, 1)], slots=1)


class TestCandidates:
    # KV 10: with A (ctx 5) active, B needs 5 + 1 + 7 + 1 = 14 and C 5 + 1 + 1 + 1 = 8.
    REQUESTS = ((0.0, 5, 2), (0.0, 7, 1), (0.0, 1, 1))

    def test_a_candidate_that_fits_nowhere_is_passed_over(self):
        run = simulate(LeastKV(), self.REQUESTS, workers=1, slots=3, kv_capacity=10, candidates=2)
        assert admitted_at(run, 0) == [("A", 0), ("C", 0)]  # the window refilled to B, C when A was admitted
        assert admitted_at(run, 2) == [("B", 0)]

    def test_what_lies_beyond_the_window_is_not_seen(self):
        run = simulate(LeastKV(), self.REQUESTS, workers=1, slots=3, kv_capacity=10, candidates=1)
        assert admitted_at(run, 0) == [("A", 0)]
        assert admitted_at(run, 2) == [("B", 0), ("C", 0)]  # A has ended; C needs 7 + 1 + 1 + 1 = 10

    def test_a_request_too_large_for_the_cluster_is_refused_by_row(self):
        with pytest.raises(ValueError, match="row 1"):
            simulate(LeastKV(), [(0.0, 5, 5), (0.0, 5, 6)], slots=3, kv_capacity=10)


class TestPreemption:
    @pytest.mark.parametrize("policy", [LeastKV, RoundRobin])
    def test_the_last_admitted_leaves_recomputes_and_goes_on_where_it_was(self, policy):
        requests = [(0.0, 3, 5), (0.0, 2, 4)]
        run = simulate(policy(), requests, workers=1, slots=2, kv_capacity=10, recompute_s_per_token=0.5)
        # 0: A fits (3 + 1), B too (3 + 1 + 2 + 1 = 7). L = 5.
        # 1: L = 7, n = 2: 9 <= 10.
        # 2: L = 9, n = 2: 11 > 10: B leaves with ctx 4, ready at 2 + 4 * 0.5 = 4. L = 5; recomputing is not waiting.
        # 3: L = 6.
        # 4: B is back and waits: 7 + 1 + 4 + 1 = 13 > 10. L = 7; A ends at 5.
        # 5: B with ctx 4, then 5; it had two tokens of four and ends at 7.
        assert step_figures(run, "max_load", "active", "waiting", "admitted") == [
            (5, 2, 0, 2),
            (7, 2, 0, 2),
            (5, 1, 0, 2),
            (6, 1, 0, 2),
            (7, 1, 1, 2),
            (4, 1, 0, 2),
            (5, 1, 0, 2),
        ]
        assert request_figures(run, "admit_s", "first_token_s", "finish_s", "preemptions") == [
            (0.0, 1.0, 5.0, 0),
            (0.0, 1.0, 7.0, 1),
        ]
        assert [(log.boundary, log.row) for log in run.admissions] == [(0, 0), (0, 1), (5, 1)]

    @pytest.mark.parametrize(
        ("recompute_s_per_token", "order"),
        [(0.0, [("C", 0), ("D", 1)]), (0.25, [("D", 0), ("C", 1)])],
        ids=["ready together: workload order", "the earliest ready first"],
    )
    def test_the_preempted_return_to_the_head_of_the_pool(self, recompute_s_per_token, order):
        requests = [(0.0, 2, 6), (0.0, 2, 6), (0.0, 2, 5), (0.0, 1, 5), (2.5, 4, 1)]
        run = simulate(LeastKV(), requests, slots=2, kv_capacity=8, recompute_s_per_token=recompute_s_per_token)
        # 0: A -> 0, B -> 1, C -> 0 (loads 2, 2), D -> 1 (loads 4, 2). L = 4, 3.
        # 1: L = 6, 5, both with n = 2: 8 and 7 <= 8.
        # 2: L = 8, 7: both workers overflow. C leaves with ctx 4, D with ctx 3.
        #    At 0.25 s a token C is ready at 3, D at 2.75; at 0 both at 2. Either way both return at 3, E joins then.
        # 3 to 5: A and B (ctx 5 and more) leave room for 8 - 5 - 1 - 1 = 1 token: nothing fits.
        # 6: A and B have ended. The head of the pool takes worker 0, the second worker 1; E (4 + 1) does not fit
        #    beside ctx 3 (3 + 1 + 5 = 9) nor beside ctx 4.
        assert admitted_at(run, 0) == [("A", 0), ("B", 1), ("C", 0), ("D", 1)]
        assert [boundary for boundary in range(1, 6) if admitted_at(run, boundary)] == []
        assert admitted_at(run, 6) == order
        assert admitted_at(run, 9) == [("E", 0)]  # C and D needed three more tokens each

"""Worked examples of BR-0 and BR-H, done by hand: the comments say how each decision comes about.

Requests are called A, B, C... in workload order; "ctx" is a request's context; "free" the free slots, worker by worker.
"""

import pytest

from .cluster import ReferenceCluster, Request
from .on_arrival import RoundRobin
from .policies import BalanceRoute0, BalanceRouteH, f_score, imbalance, oracle_remaining
from .sources import OpenLoop
from .worked import ONE_SECOND, admitted_at, simulate
from .workers import KVMemory


def test_f_is_the_decrease_of_the_imbalance():
    # Loads 10, 4: I = 2 * 10 - 14 = 6. Eight tokens to worker 1, whose margin is 6: loads 10, 12, I = 24 - 22 = 2.
    # F = 8 - 2 * (8 - 6) = 4 = 6 - 2.
    assert imbalance([10, 4]) == 6
    assert imbalance([10, 12]) == 2
    assert f_score(8, 6, 2) == 4


class TestBalanceRoute0:
    # A is alone at 0 and goes to worker 0; at 1 it has ctx 10, the margin of worker 1 is 10, and B to E wait.
    # Worker 1 has more free slots (4 against 3) and comes first. F_1(Delta) = Delta - 2 max(0, Delta - 10).
    REQUESTS = ((0.0, 9, 3), (0.5, 7, 1), (0.5, 4, 1), (0.5, 6, 1), (0.5, 3, 1))

    def test_stage_2_takes_the_best_subset_and_of_equals_the_smallest_mask(self):
        run = simulate(BalanceRoute0(greedy_above=7), self.REQUESTS, slots=4)
        # 7 slots are free: stage 2. F = 10 for B + E (mask 1001 = 9) and for C + D (mask 0110 = 6): C + D.
        # Loads 10, 10, free 3, 2: worker 0, margin 0: no F > 0, so the smallest, E, is forced: loads 13, 10.
        # Free 2, 2: worker 1 has the margin, 3. F(7) = 7 - 2 * 4 = -1: B is forced there.
        assert admitted_at(run, 1) == [("C", 1), ("D", 1), ("E", 0), ("B", 1)]

    def test_stage_1_takes_the_best_candidate_one_by_one(self):
        run = simulate(BalanceRoute0(greedy_above=0), self.REQUESTS, slots=4)
        # Worker 1: B (F = 7). Loads 10, 7, free 3, 3: worker 1, the lower load, margin 3: E (F = 3; C 2, D 0).
        # Loads 10, 10, free 3, 2: worker 0: F = -4 for C, -6 for D: C. Loads 14, 10, free 2, 2: D to worker 1.
        assert admitted_at(run, 1) == [("B", 1), ("E", 1), ("C", 0), ("D", 1)]

    def test_the_stage_changes_as_slots_fill(self):
        run = simulate(BalanceRoute0(greedy_above=6), self.REQUESTS, slots=4)
        # 7 free > 6, stage 1: B -> 1, margin 3 left. 6 free, stage 2 on worker 1 (3, 3; the larger margin):
        # C 2, D 0, E 3, C + E 7 - 8 = -1: E. Then as in stage 1: C forced to 0, D (margin 4: 6 - 4 = 2) to 1.
        assert admitted_at(run, 1) == [("B", 1), ("E", 1), ("C", 0), ("D", 1)]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            # B, C seen: 7, 4, together 11 - 2 = 9. Loads 10, 11; worker 0 (3 free), margin 1: F(6) = -4, F(3) = -1:
            # E forced, loads 13, 11; worker 1, margin 2: F(6) = 6 - 8: D forced.
            ("arrival", [("B", 1), ("C", 1), ("E", 0), ("D", 1)]),
            # C, E seen: together 7. Loads 10, 7; worker 0 (3 free), margin 0, B, D left: D forced, loads 16, 7;
            # worker 1, margin 9: B.
            ("prompt-ascending", [("C", 1), ("E", 1), ("D", 0), ("B", 1)]),
            # B, D seen: 7, 6, together 13 - 6 = 7: B alone has mask 01, the smallest with F = 7. Loads 10, 7;
            # free 3, 3: worker 1, margin 3; C, D seen: F(4) = 2, F(6) = 0: C. Loads 10, 11; worker 0 (3 free),
            # margin 1; D, E seen: F(6) = -4, F(3) = -1: E forced. Loads 13, 11, free 2, 2: D forced to worker 1.
            ("prompt-descending", [("B", 1), ("C", 1), ("E", 0), ("D", 1)]),
        ],
    )
    def test_stage_2_sees_the_first_of_an_order(self, order, expected):
        run = simulate(BalanceRoute0(subset_window=2, order=order), self.REQUESTS, slots=4)
        assert admitted_at(run, 1) == expected

    def test_with_no_margin_the_smallest_is_forced(self):
        run = simulate(BalanceRoute0(), [(0.0, 6, 1), (0.0, 3, 1), (0.0, 2, 1), (0.0, 4, 1)], slots=3)
        # Loads 0, 0: no F > 0, C forced to 0. Loads 2, 0: worker 1 (3 free), margin 2, F(d) = 4 - d: B is 1, best.
        # Loads 2, 3, free 2, 2: worker 0, margin 1, F(d) = 2 - d < 0: D forced.
        # Loads 6, 3, free 1, 2: worker 1, margin 3: F(6) = 6 - 6 = 0, not above 0: A forced.
        assert admitted_at(run, 0) == [("C", 0), ("B", 1), ("D", 0), ("A", 1)]

    def test_a_subset_must_fit_together(self):
        requests = [(0.0, 9, 3), (0.5, 4, 1), (0.5, 3, 1), (0.5, 3, 1)]
        # Worker 1, margin 10: B + C + D would score 10, but needs 10 + 3 = 13 tokens of KV.
        # B + C and B + D both score 7: the smaller mask. Then D fits neither beside them (7 + 2 + 4 = 13) nor on
        # worker 0 (10 + 1 + 4 = 15), and waits for the next boundary.
        run = simulate(BalanceRoute0(), requests, slots=4, kv_capacity=12)
        assert admitted_at(run, 1) == [("B", 1), ("C", 1)]
        assert admitted_at(run, 2) == [("D", 1)]

    def test_a_worker_passed_over_stays_so_for_the_boundary(self):
        requests = [(0.0, 7, 4), (0.5, 1, 4), (0.5, 1, 4), (1.5, 5, 1), (1.5, 1, 1)]
        run = simulate(BalanceRoute0(), requests, slots=3, kv_capacity=12, candidates=1)
        # 1: A has ctx 8 on worker 0; B and C go to worker 1 (margins 8, 7).
        # 2: A has ctx 9, B and C 2 each; free 2, 1. Worker 0 first: D needs 9 + 1 + 5 + 1 = 16: passed over.
        #    Worker 1: 4 + 2 + 5 + 1 = 12: admitted. Now the window shows E, which fits worker 0 (9 + 1 + 1 + 1 = 12),
        #    but worker 0 has been passed over.
        assert admitted_at(run, 1) == [("B", 1), ("C", 1)]
        assert admitted_at(run, 2) == [("D", 1)]


class TestBalanceRouteH:
    def hand_made_cluster(self) -> ReferenceCluster:
        """Worker 0: X with ctx 4. Worker 1: Y with ctx 2 and Z with ctx 1."""
        lengths = [(4, 9), (2, 9), (1, 9)]
        requests = [Request(row, 0.0, prompt, output) for row, (prompt, output) in enumerate(lengths)]
        cluster = ReferenceCluster(
            requests=requests,
            source=OpenLoop(requests),
            workers=2,
            slots=3,
            rows=ONE_SECOND,
            memory=KVMemory(),
            candidates=None,
            recompute_s_per_token=0.0,
            policy=RoundRobin(),
        )
        for request, worker in zip(requests, [0, 1, 1], strict=True):
            request.worker = worker
            cluster.workers[worker].active.append(request)
        return cluster

    def test_the_cut_counts_a_request_while_h_is_below_its_estimate(self):
        policy = BalanceRouteH(predict=lambda active, horizon: [1.5, 3.0, 0.5], horizon=2, gamma=0.5)
        # X: 4, 5 (1 < 1.5), gone. Y: 2, 3, 4. Z: 1, gone, though its estimate is below 1: at h = 0 all are there.
        assert policy.project(self.hand_made_cluster()) == [[4, 5, 0], [3, 3, 4]]

    def test_the_score_weighs_the_excess_over_the_projected_margins(self):
        cluster = self.hand_made_cluster()
        policy = BalanceRouteH(predict=lambda active, horizon: [1.5, 3.0, 0.5], horizon=2, gamma=0.5)
        policy.route(cluster)  # nothing waits; the projection is made
        # Envelope 4, 5, 4. Weights 1, 1/2, 1/4: sum 1.75. Delta = 2: 3.5 less 2 * the excess.
        # Worker 1: margins 1, 2, 0: excess 1 * 1 + 0 + 2 / 4 = 1.5. Worker 0: margins 0, 0, 4: excess 2 + 1 = 3.
        assert policy.score(cluster, 1, 2, 1) == 0.5
        assert policy.score(cluster, 0, 2, 1) == -2.5

    def test_the_expected_projection_weighs_by_survival(self):
        survival = [[1.0, 0.5, 0.25], [1.0, 1.0, 0.5], [1.0, 0.0, 0.0]]
        policy = BalanceRouteH(predict=lambda active, horizon: survival, horizon=2, projection="expected")
        # X: 4, 5 / 2, 6 / 4. Y: 2, 3, 4 / 2. Z: 1.
        assert policy.project(self.hand_made_cluster()) == [[4, 2.5, 1.5], [3, 3, 2]]

    def test_a_slot_that_empties_is_filled_again(self):
        cluster = self.hand_made_cluster()
        cluster.pool = [Request(3, 0.0, 6, 9), Request(4, 0.0, 8, 9)]  # mean context 7
        remaining = BalanceRouteH(predict=lambda active, horizon: [1.5, 3.0, 1.0], horizon=3, gamma=0.5, refill=True)
        # X: 4, 5, then 7 in its place at 2, 8 at 3. Y: 2, 3, 4, then 7. Z: 1, then 7, 8, 9.
        assert remaining.project(cluster) == [[4, 5, 7, 8], [3, 10, 12, 16]]
        survival = [[1.0, 0.5, 0.5, 0.0], [1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]]
        expected = BalanceRouteH(
            predict=lambda active, horizon: survival, horizon=3, projection="expected", refill=True
        )
        # X: 4; 5 / 2 + 7 / 2; 6 / 2 + 8 / 2; 9 / 2 + 7 / 2. Y: 2, 3, 4, 5. Z: 1, then 7, 8, 9.
        assert expected.project(cluster) == [[4, 6, 7, 8], [3, 10, 12, 14]]

    def test_what_is_admitted_grows_where_slots_are_filled_again(self):
        cluster = self.hand_made_cluster()
        policy = BalanceRouteH(predict=lambda active, horizon: [9.0, 9.0, 9.0], horizon=2, gamma=0.5, refill=True)
        policy.P = policy.project(cluster)  # 4, 5, 6 and 3, 5, 7
        # Two requests of 4 tokens on worker 0: 4, 6, 8 above margins 0, 0, 1, weights 1, 1/2, 1/4.
        # 4 + 6 / 2 + 8 / 4 = 9 less 2 * (4 + 3 + 7 / 4).
        assert policy.score(cluster, 0, 4, 2) == 9 - 17.5
        policy.place(cluster, 0, [])
        assert policy.P[0] == [4, 5, 6]

    # B takes worker 0 (forced, the smallest), A worker 1. At 1: B has ctx 6 and stays long, A has ctx 11 and ends
    # with the coming step; C and D wait, and worker 0 has the margin, 5; each worker has one free slot.
    REQUESTS = ((0.0, 10, 2), (0.0, 5, 10), (0.5, 5, 1), (0.5, 1, 1))

    def test_br_0_fills_a_margin_that_is_about_to_vanish(self):
        run = simulate(BalanceRoute0(), self.REQUESTS, slots=2)
        assert admitted_at(run, 0) == [("B", 0), ("A", 1)]
        assert admitted_at(run, 1) == [("C", 0), ("D", 1)]

    def test_br_h_sees_it_vanish(self):
        run = simulate(BalanceRouteH(predict=oracle_remaining, horizon=2, gamma=1.0), self.REQUESTS, slots=2)
        # P_0 = 6, 7, 8 and P_1 = 11, 0, 0: worker 0 has margins 5, 0, 0.
        # F(5) = 15 - 2 * 10 = -5, F(1) = 3 - 2 * 2 = -1: no F > 0 and the best is D.
        assert admitted_at(run, 0) == [("B", 0), ("A", 1)]
        assert admitted_at(run, 1) == [("D", 0), ("C", 1)]

    def test_an_admission_counts_for_the_whole_horizon(self):
        policy = BalanceRouteH(predict=lambda active, horizon: [1.5, 3.0, 0.5], horizon=2, gamma=0.5)
        cluster = self.hand_made_cluster()
        cluster.pool = [Request(3, 0.0, 2, 9)]
        policy.route(cluster)
        # Worker 0 has more free slots (2 against 1): the newcomer's two tokens are added to 4, 5, 0.
        assert policy.P == [[6, 7, 2], [3, 3, 4]]

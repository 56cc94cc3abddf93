"""Worked examples of KV memory (2.12): what fits, who loses its KV, where it returns to and what that costs (2.14)."""

import pytest

from .on_arrival import RoundRobin
from .policies import BalanceRoute0, LeastKV
from .worked import admitted_at, request_figures, simulate, step_figures
from .workers import KVMemory, Request, Worker


def request(prompt_tokens: int, *, generated: int = 0, max_tokens: int | None = None) -> Request:
    return Request(0, 0.0, prompt_tokens, 99, max_tokens, generated=generated)


class TestFits:
    def worker(self, *active: Request, **rules) -> Worker:
        return Worker(4, KVMemory(20, **rules), list(active))

    @pytest.mark.parametrize(("rules", "largest"), [({}, 8), ({"reserve_tokens": 3}, 2), ({"reserve_tokens": 0}, 11)])
    def test_a_reserve_is_kept_for_every_active_request(self, rules, largest):
        # Two active, contexts 5 and 4: 9 + ctx + r * 3 <= 20, with r = 1 unless said.
        worker = self.worker(request(5), request(3, generated=1), **rules)
        assert worker.fits([request(largest)])
        assert not worker.fits([request(largest + 1)])

    @pytest.mark.parametrize(("watermark", "largest"), [(0.25, 4), (0.26, 3), (0.5, 0)])
    def test_no_request_is_admitted_above_the_watermark(self, watermark, largest):
        # 9 + ctx + 2 <= floor(0.75 * 20 = 15), floor(0.74 * 20 = 14.8) = 14, 10: the last leaves room for none.
        worker = self.worker(request(9), watermark=watermark)
        assert largest == 0 or worker.fits([request(largest)])
        assert not worker.fits([request(largest + 1)])

    @pytest.mark.parametrize(("share", "largest"), [(0.0, 9), (0.5, 5), (1.0, 2)])
    def test_a_share_of_what_may_be_generated_is_kept(self, share, largest):
        # Active: ctx 9, one generated, five may follow. A newcomer of p tokens may generate 2:
        # 9 + p + 2 + share * (5 + 2) <= 20, so p <= 9 - 7 * share.
        worker = self.worker(request(8, generated=1, max_tokens=6), reserve_share=share)
        assert worker.fits([request(largest, max_tokens=2)])
        assert not worker.fits([request(largest + 1, max_tokens=2)])

    def test_an_empty_worker_takes_any_single_request_that_has_room_for_one_more_token(self):
        worker = self.worker(watermark=0.5, reserve_tokens=5, reserve_share=1.0)
        assert worker.fits([request(19, max_tokens=99)])
        assert not worker.fits([request(20, max_tokens=99)])

    def test_a_set_fits_as_a_whole_and_is_no_single_request(self):
        # Each of them alone is let in by the rule of the empty worker; together 6 + 4 + 2 = 12 > 10 tokens.
        worker = self.worker(watermark=0.5)
        assert worker.fits([request(6)])
        assert worker.fits([request(4)])
        assert not worker.fits([request(6), request(4)])
        assert worker.fits([request(4), request(4)])

    def test_nothing_fits_a_worker_that_is_stopped(self):
        worker = Worker(4, KVMemory(None), up=False)
        assert worker.free_slots == 0
        assert not worker.fits([request(1)])

    def test_the_rules_hold_in_a_run(self):
        run = simulate(
            LeastKV(), [(0.0, 9, 2), (0.0, 3, 2), (0.0, 2, 2)], workers=1, slots=3, kv_capacity=20, kv_reserve_tokens=4
        )
        # A: the worker is empty. B: 9 + 3 + 4 * 2 = 20. C: 12 + 2 + 4 * 3 = 26, only when both have ended.
        assert admitted_at(run, 0) == [("A", 0), ("B", 0)]
        assert admitted_at(run, 2) == [("C", 0)]

    def test_br_0_packs_sets_under_the_same_rules(self):
        run = simulate(
            BalanceRoute0(), [(0.0, 9, 3), (0.5, 4, 1), (0.5, 3, 1)], slots=4, kv_capacity=20, kv_watermark=0.5
        )
        # 0: A to worker 0. 1: worker 1 is empty, margin 10: B + C would score 7, 7 + 2 <= 10 tokens.
        assert admitted_at(run, 1) == [("B", 1), ("C", 1)]
        run = simulate(
            BalanceRoute0(), [(0.0, 9, 3), (0.5, 5, 1), (0.5, 4, 1)], slots=4, kv_capacity=20, kv_watermark=0.5
        )
        # B + C would need 9 + 2 > 10: B alone. C fits beside none, not even A.
        assert admitted_at(run, 1) == [("B", 1)]

    def test_a_share_needs_limits(self):
        with pytest.raises(ValueError, match="max_tokens"):
            simulate(LeastKV(), [(0.0, 1, 1)], slots=1, kv_capacity=9, kv_reserve_share=0.5)


class TestVictims:
    def test_the_newest(self):
        worker = Worker(4, KVMemory(20), [request(5), request(9), request(1)])
        assert worker.next_victim is worker.active[2]

    def test_the_least_generated_then_the_longest_prompt_then_the_newest(self):
        active = [
            request(9, generated=2),
            request(4, generated=1),
            request(6, generated=1),
            request(6, generated=1),
            request(5, generated=1),
        ]
        worker = Worker(5, KVMemory(99, victim="least-generated"), active.copy())
        for expected in (active[3], active[2], active[4], active[1], active[0]):
            assert worker.next_victim is expected
            worker.active.remove(expected)

    @pytest.mark.parametrize(
        ("victim", "preemptions", "finish_s"), [("newest", [0, 1], [4.0, 7.0]), ("least-generated", [1, 0], [7.0, 5.0])]
    )
    def test_in_a_run(self, victim, preemptions, finish_s):
        requests = [(0.0, 3, 4), (0.0, 2, 5)]
        run = simulate(LeastKV(), requests, workers=1, slots=2, kv_capacity=9, recompute_s_per_token=0.5, victim=victim)
        # 0: L = 5. 1: L = 7, 9 <= 9. 2: L = 9, 11 > 9, two tokens each.
        # Newest: B leaves with ctx 4 and is ready at 4, when A has ended: three more tokens, 7.
        # Least generated: A has the longer prompt and leaves with ctx 5, ready at 4.5. B ends at 5; A then, at 7.
        assert request_figures(run, "preemptions") == [(count,) for count in preemptions]
        assert request_figures(run, "finish_s") == [(time,) for time in finish_s]
        assert run.recomputed_tokens == (4 if victim == "newest" else 5)

    def test_several_leave_until_the_rest_fits(self):
        requests = [(0.0, 6, 4), (0.0, 1, 3), (0.0, 1, 3), (0.0, 1, 3)]
        run = simulate(LeastKV(), requests, workers=1, slots=4, kv_capacity=10, kv_reserve_tokens=0)
        # What leaves is ready at once and returns at the next boundary, the older row first.
        # 0: 6 + 1 + 1 + 1 = 9 <= 10: all come in. 9 + 4 > 10: D leaves. 8 + 3 > 10: C leaves. 7 + 2 <= 10.
        # 1: A 7, B 2, C comes in: 10 <= 10; D would make 11. 10 + 3: C leaves. 9 + 2 > 10: B leaves. 7 + 1.
        # 2: A 8, B (ctx 2) comes in: 10; neither C nor D. 10 + 2: B leaves.
        # 3: A 9, B would make 11, C comes in and leaves. A ends, and the rest fits.
        assert [(log.boundary, log.row) for log in run.admissions] == [
            *[(0, 0), (0, 1), (0, 2), (0, 3)],
            *[(1, 2), (2, 1), (3, 2)],
            *[(4, 2), (4, 1), (4, 3)],  # C has returned last and stands at the head
        ]
        assert [step.active for step in run.steps[:5]] == [2, 1, 1, 1, 3]
        assert request_figures(run, "preemptions") == [(0,), (2,), (3,), (1,)]


class TestReturns:
    # Round robin: A -> 0, B -> 1, C -> 0. KV 8: A and C weigh 4, 6, then 8: at 2 C leaves with ctx 4, ready at 3.
    # D arrives meanwhile and joins at 3.
    REQUESTS = ((0.0, 2, 6), (0.0, 1, 1), (0.0, 2, 4), (2.5, 1, 1))

    def run(self, victim_returns, **cluster):
        return simulate(
            RoundRobin(),
            self.REQUESTS,
            slots=3,
            kv_capacity=8,
            recompute_s_per_token=0.25,
            victim_returns=victim_returns,
            **cluster,
        )

    def test_to_the_same_worker(self):
        run = self.run("same-worker")
        # D is the fourth decision: worker 1. C waits for A (ctx 5 + 4 + 2 > 8), which ends at 6.
        assert request_figures(run, "worker", "finish_s") == [(0, 6.0), (1, 1.0), (0, 8.0), (1, 4.0)]

    def test_to_the_router_ready_victims_before_arrivals(self):
        run = self.run("router")
        # C is the fourth decision: worker 1, at 3. D is the fifth: worker 0 (5 + 1 + 2 = 8).
        assert request_figures(run, "worker", "finish_s") == [(0, 6.0), (1, 1.0), (1, 5.0), (0, 4.0)]
        assert admitted_at(run, 3) == [("D", 0), ("C", 1)]

    def test_to_the_router_the_earliest_ready_first(self):
        requests = [(0.0, 2, 6), (0.0, 2, 6), (0.0, 2, 5), (0.0, 1, 5)]
        run = simulate(
            RoundRobin(), requests, slots=2, kv_capacity=8, recompute_s_per_token=0.25, victim_returns="router"
        )
        # At 2 C leaves worker 0 with ctx 4 and D worker 1 with ctx 3, ready at 3 and at 2.75. At 3 D is bound first,
        # to worker 0, then C to worker 1; there they wait until A and B have ended, at 6.
        assert admitted_at(run, 6) == [("D", 0), ("C", 1)]

    @pytest.mark.parametrize(
        ("victim_returns", "first", "then"),
        [("same-worker", (6, "C"), (8, "E")), ("router", (6, "E"), (7, "C"))],
    )
    def test_to_the_head_of_the_same_queue_or_bound_to_the_tail(self, victim_returns, first, then):
        requests = [(0.0, 2, 6), (0.0, 1, 1), (0.0, 2, 4), (0.0, 1, 1), (0.0, 6, 1), (0.0, 1, 1)]
        run = simulate(RoundRobin(), requests, slots=3, kv_capacity=8, victim_returns=victim_returns)
        # A, C, E -> 0, where E waits; B, D, F -> 1, where they end at 1. At 2 C leaves with ctx 4 and is ready.
        # At 3 it stands before E, or the seventh decision binds it to worker 0 again, behind E. A ends at 6. C and E do
        # not fit together (4 + 6 + 2 > 8); C has two tokens to come, E one.
        for boundary, letter in (first, then):
            assert admitted_at(run, boundary) == [(letter, 0)]

    @pytest.mark.parametrize("victim_returns", ["same-worker", "router"])
    def test_to_the_head_of_the_pool_whatever_is_said(self, victim_returns):
        requests = [(0.0, 2, 6), (0.0, 1, 5), (0.0, 4, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=2, kv_capacity=8, victim_returns=victim_returns)
        # 0: A and B, 3 + 2 <= 8. 1: 5 + 2. 2: 7 + 2 > 8: B leaves with ctx 3; from 3 on it stands before C.
        # 6: A has ended. B comes in, C does not (3 + 4 + 2 > 8). B has three tokens to come and ends at 9.
        assert admitted_at(run, 6) == [("B", 0)]
        assert admitted_at(run, 9) == [("C", 0)]


class TestCost:
    ROWS = ((1.0, 0.0, 0.0, 0.0, 0.5),)

    def test_a_context_that_was_lost_is_computed_once_in_the_first_step_after_it(self):
        run = simulate(LeastKV(), [(0.0, 3, 4), (0.0, 2, 5)], workers=1, slots=2, kv_capacity=9, rows=self.ROWS)
        # 2: B leaves with ctx 4. 4: A has ended and B is there again: 4 tokens, 1 + 0.5 * 4 = 3 s. What is new costs 0.
        assert step_figures(run, "start_s", "duration_s", "prefill_tokens") == [
            (0.0, 1.0, 0),
            (1.0, 1.0, 0),
            (2.0, 1.0, 0),
            (3.0, 1.0, 0),
            (4.0, 3.0, 4),
            (7.0, 1.0, 0),
            (8.0, 1.0, 0),
        ]

    def test_what_leaves_again_at_the_same_boundary_costs_nothing(self):
        requests = [(0.0, 4, 4), (0.0, 2, 1), (0.0, 4, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=3, kv_capacity=10, kv_reserve_tokens=0, rows=self.ROWS)
        # 0: 4 + 2 + 4 = 10 <= 10, but 10 + 3 > 10: C leaves, 6 + 2 <= 10. It returns at each boundary.
        # 1: B has ended, A has ctx 5. 9 <= 10, 9 + 2 > 10: C comes and leaves. 2: 10 <= 10, and again. 3: 11 > 10.
        # 4: A has ended; C's 4 tokens are computed, 1 + 0.5 * 4 = 3 s.
        assert [(log.boundary, log.row) for log in run.admissions] == [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (4, 2)]
        assert step_figures(run, "duration_s", "prefill_tokens") == [(1.0, 0), (1.0, 0), (1.0, 0), (1.0, 0), (3.0, 4)]
        assert request_figures(run, "admit_s", "first_token_s", "preemptions")[2] == (0.0, 7.0, 3)
        assert run.recomputed_tokens == 12

    def test_every_worker_pays_for_its_own(self):
        requests = [(0.0, 2, 6), (0.0, 2, 6), (0.0, 2, 5), (0.0, 1, 5)]
        rows = [(1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 0.0)]
        run = simulate(LeastKV(), requests, slots=2, kv_capacity=8, rows=rows)
        # Loads 4, 3, then 6, 5: the second row gives 4 and 6 s. Then C (ctx 4) leaves worker 0 and D (ctx 3) worker 1.
        # When A and B have ended, C returns to worker 0 and D to worker 1: 1 + 4 = 5 s and 1 + 3 = 4 s by the first
        # row, 4 s and 3 s by the second, so D's worker waits for 1 of 5 s.
        assert [
            (step.prefill_tokens, step.duration_s, step.barrier_idle) for step in run.steps if step.prefill_tokens
        ] == [(7, 5.0, 0.1)]

"""Worked examples of chunked prefill on the workers (2.14): how much, when, for whom, and what a step then lasts."""

import pytest

from .chunked import ChunkedPrefill
from .events import WorkerEvent
from .on_arrival import RoundRobin
from .policies import LeastKV
from .worked import admitted_at, request_figures, simulate, step_figures


class TestBudget:
    def test_a_prompt_holds_its_slot_and_all_its_context_and_the_last_chunk_gives_a_token(self):
        run = simulate(LeastKV(), [(0.0, 10, 2)], workers=1, slots=1, prefill=ChunkedPrefill(4))
        assert step_figures(run, "active", "max_load", "prefill_tokens", "tokens") == [
            (1, 10, 4, 0),
            (1, 10, 4, 0),
            (1, 10, 2, 1),
            (1, 11, 0, 1),
        ]
        assert request_figures(run, "admit_s", "first_token_s", "finish_s") == [(0.0, 3.0, 4.0)]

    def test_decoding_comes_first_and_the_rest_goes_in_order_of_admission(self):
        requests = [(0.0, 2, 4), (0.0, 6, 1), (0.0, 3, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=3, prefill=ChunkedPrefill(5))
        # 0: A 2 and B 3 of 6; A has a token. 1: A decodes, 4 are left: B 3, and it ends; C 1. 2: C 2, and it ends.
        assert step_figures(run, "active", "prefill_tokens", "tokens") == [(3, 5, 1), (3, 4, 2), (2, 2, 2), (1, 0, 1)]
        assert request_figures(run, "finish_s") == [(4.0,), (2.0,), (3.0,)]

    def test_where_all_of_it_goes_into_decoding_prompts_wait(self):
        requests = [(0.0, 1, 3), (0.0, 1, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=2, prefill=ChunkedPrefill(1))
        assert step_figures(run, "prefill_tokens", "tokens") == [(1, 1), (0, 1), (0, 1), (1, 1)]

    def test_every_worker_has_its_own(self):
        requests = [(0.0, 4, 2), (0.0, 7, 1)]
        run = simulate(RoundRobin(), requests, slots=1, prefill=ChunkedPrefill(4))
        # 0: A 4 and B 4. 1: A decodes on worker 0; that takes nothing from B's 3 on worker 1.
        assert step_figures(run, "prefill_tokens", "tokens") == [(8, 1), (3, 2)]


class TestInterval:
    def test_between_the_steps_that_prefill_nothing_is_prefilled_while_anything_decodes_anywhere(self):
        requests = [(0.0, 1, 6), (0.5, 2, 1)]
        run = simulate(RoundRobin(), requests, slots=1, prefill=ChunkedPrefill(8, interval=3))
        # A has its chunk in step 0. B is there from 1 on, alone on worker 1, and is prefilled in step 3.
        assert step_figures(run, "active", "prefill_tokens", "tokens")[:4] == [
            (1, 1, 1),
            (2, 0, 1),
            (2, 0, 1),
            (2, 2, 2),
        ]
        assert request_figures(run, "admit_s", "first_token_s") == [(0.0, 1.0), (1.0, 4.0)]

    def test_where_nothing_decodes_every_step_prefills(self):
        requests = [(0.0, 5, 1), (0.5, 4, 1)]
        run = simulate(RoundRobin(), requests, slots=1, prefill=ChunkedPrefill(2, interval=9))
        # A is prefilled until 3 and ends there, B from 1 to 3.
        assert step_figures(run, "prefill_tokens", "tokens") == [(2, 0), (4, 0), (3, 2)]

    def test_steps_are_counted_not_seconds(self):
        requests = [(0.0, 1, 1), (8.5, 1, 4), (9.0, 1, 1)]
        run = simulate(LeastKV(), requests, slots=1, prefill=ChunkedPrefill(8, interval=2))
        # Step 0 at 0. 1 at 8.5: nothing decodes, B has its chunk. 2 at 9.5: an even one, C has its own.
        assert step_figures(run, "start_s", "prefill_tokens") == [(0.0, 1), (8.5, 1), (9.5, 1), (10.5, 0), (11.5, 0)]


class TestStepTime:
    def test_what_decodes_counts_what_is_prefilled_is_paid_by_the_token(self):
        rows = [(1.0, 0.5, 0.25, 0.125, 0.0625)]
        run = simulate(LeastKV(), [(0.0, 2, 3), (0.0, 8, 1)], workers=1, slots=2, rows=rows, prefill=ChunkedPrefill(5))
        # 0: L = 10, nobody decodes, A 2 and B 3: 1 + 5 + 5/16.
        # 1: L = 11, A decodes, B 4: 1 + 5.5 + 0.25 + 4/16 + 0.125.
        # 2: L = 12, A decodes, B 1, its last, does not yet: 1 + 6 + 0.25 + 1/16 + 0.125.
        assert step_figures(run, "duration_s", "prefill_tokens") == [(6.3125, 5), (7.125, 4), (7.4375, 1)]

    def test_a_slow_worker_prefills_slowly(self):
        run = simulate(
            RoundRobin(),
            [(0.0, 4, 1), (0.0, 4, 1)],
            slots=1,
            rows=[(1.0, 0.0, 0.0, 8.0, 0.5)],
            prefill=ChunkedPrefill(8),
            events=[WorkerEvent(0.0, 1, "slow", 3.0)],
        )
        assert step_figures(run, "duration_s", "barrier_idle") == [(9.0, 6 / 18)]  # 3 s and 3 * 3 s; nobody decodes


class TestVictims:
    def test_prompt_and_generated_tokens_are_prefilled_anew(self):
        requests = [(0.0, 3, 4), (0.0, 2, 4)]
        run = simulate(LeastKV(), requests, workers=1, slots=2, kv_capacity=10, prefill=ChunkedPrefill(3))
        # 0: A 3. 1: B 2. 2: L = 8. 3: L = 10, 12 > 10: B leaves with ctx 4. 4: A has ended, B comes back: 3 tokens,
        # then 1 and its third token, then the fourth.
        assert step_figures(run, "active", "prefill_tokens", "tokens") == [
            (2, 3, 1),
            (2, 2, 2),
            (2, 0, 2),
            (1, 0, 1),
            (1, 3, 0),
            (1, 1, 1),
            (1, 0, 1),
        ]
        assert request_figures(run, "first_token_s", "finish_s", "preemptions") == [(1.0, 4.0, 0), (2.0, 7.0, 1)]
        assert run.recomputed_tokens == 4

    def test_one_that_is_not_yet_prefilled_may_be_the_victim(self):
        requests = [(0.0, 4, 4), (0.0, 5, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=2, kv_capacity=12, prefill=ChunkedPrefill(2))
        # 0, 1: A 2 and 2. 2: A decodes, B 1. 3: L = 6 + 5, 13 > 12: B leaves. 5: A has ended, B begins anew.
        assert [step.prefill_tokens for step in run.steps] == [2, 2, 1, 0, 0, 2, 2, 1]
        assert run.recomputed_tokens == 5  # its context, however much of it had been prefilled

    def test_who_prefills_counts_in_what_fits_and_in_what_is_over_full(self):
        requests = [(0.0, 6, 2), (0.0, 2, 1), (0.0, 1, 1)]
        run = simulate(LeastKV(), requests, workers=1, slots=3, kv_capacity=10, prefill=ChunkedPrefill(1))
        # 6 + 2 + 2 <= 10; C would make 6 + 2 + 1 + 3. In step 5 A has its first token: 9 + 2 > 10 in 6, B leaves.
        assert admitted_at(run, 0) == [("A", 0), ("B", 0)]
        assert request_figures(run, "preemptions") == [(0,), (1,), (0,)]
        assert step_figures(run, "active")[5:7] == [(2,), (1,)]

    def test_interrupted_requests_are_prefilled_anew(self):
        events = [WorkerEvent(1.5, 0, "stop")]
        run = simulate(RoundRobin(), [(0.0, 6, 2)], slots=1, prefill=ChunkedPrefill(3), events=events)
        # 2: its first token has been generated when worker 0 stops: 7 tokens on worker 1, 3 + 3 + 1.
        assert [step.prefill_tokens for step in run.steps] == [3, 3, 3, 3, 1]
        assert request_figures(run, "first_token_s", "finish_s", "worker") == [(2.0, 5.0, 1)]


class TestRefusals:
    def test_time_to_recompute(self):
        with pytest.raises(ValueError, match="recompute_s_per_token must be 0"):
            simulate(LeastKV(), [(0.0, 1, 1)], slots=1, recompute_s_per_token=0.5, prefill=ChunkedPrefill(8))

    def test_returns_through_a_tier_that_is_not_there(self):
        with pytest.raises(ValueError, match="PrefillTier"):
            simulate(LeastKV(), [(0.0, 1, 1)], slots=1, victim_returns="prefill", prefill=ChunkedPrefill(8))

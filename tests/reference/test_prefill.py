"""Worked examples of prefill (2.14): a tier of its own with a finite buffer, and chunks on the workers."""

import pytest

from .on_arrival import RoundRobin
from .policies import LeastKV
from .prefill import ChunkedPrefill, PrefillTier
from .worked import request_figures, simulate, step_figures

ROUTERS = pytest.mark.parametrize("policy", [LeastKV, RoundRobin])


class TestTier:
    @ROUTERS
    def test_first_come_first_served(self, policy):
        tier = PrefillTier(servers=1, base_s=1.0, per_token_s=0.0)
        run = simulate(policy(), [(0.0, 2, 1), (0.0, 2, 1)], workers=1, slots=4, prefill=tier)
        assert request_figures(run, "admit_s", "finish_s") == [(1.0, 2.0), (2.0, 3.0)]

    @ROUTERS
    def test_a_full_worker_stops_it(self, policy):
        tier = PrefillTier(servers=2, base_s=1.0, per_token_s=0.0, buffer_tokens=5)
        run = simulate(policy(), [(0.0, 3, 2)] * 3, workers=1, slots=1, prefill=tier)
        # The buffer holds one. 1: A is admitted, and B begins. 2: B is ready, and waits for the slot. 3: B is admitted,
        # C begins. 4: C is ready. 5: C is admitted.
        assert request_figures(run, "admit_s", "finish_s") == [(1.0, 3.0), (3.0, 5.0), (5.0, 7.0)]

    @ROUTERS
    def test_what_is_ready_together_comes_by_index(self, policy):
        tier = PrefillTier(servers=2, base_s=0.0, per_token_s=1.0)
        run = simulate(policy(), [(0.0, 3, 1), (2.0, 1, 1), (2.5, 2, 1)], workers=1, slots=1, prefill=tier)
        # A and B are ready at 3, C begins then and is ready at 5, where the slot is free again.
        assert request_figures(run, "admit_s") == [(3.0,), (4.0,), (5.0,)]

    @ROUTERS
    def test_a_victim_goes_through_it(self, policy):
        tier = PrefillTier(servers=1, base_s=0.0, per_token_s=0.5)
        run = simulate(
            policy(),
            [(0.0, 3, 5), (0.0, 2, 4)],
            workers=1,
            slots=2,
            kv_capacity=10,
            rows=[(1.0, 0.0, 0.0, 0.0, 9.0)],
            prefill=tier,
            victim_returns="prefill",
        )
        # A is ready at 1.5, B at 2.5. 4.5: contexts are 6 and 4, 10 + 2 > 10, B leaves; 2 s later it is ready again.
        assert request_figures(run, "admit_s", "finish_s", "preemptions") == [(1.5, 6.5, 0), (2.5, 8.5, 1)]
        assert run.recomputed_tokens == 4
        assert all(step.prefill_tokens == 0 for step in run.steps)

    @ROUTERS
    def test_who_leaves_makes_room_at_once(self, policy):
        tier = PrefillTier(servers=1, base_s=5.0, per_token_s=0.0)
        run = simulate(policy(), [(0.0, 1, 1), (0.0, 1, 1)], workers=1, slots=1, prefill=tier, patience_s=[2.0, 100.0])
        assert request_figures(run, "admit_s", "finish_s", "cancelled") == [(None, None, True), (7.0, 8.0, False)]

    @ROUTERS
    def test_a_closed_loop_counts_it(self, policy):
        tier = PrefillTier(servers=9, base_s=1.0, per_token_s=0.0)
        run = simulate(policy(), [(0.0, 1, 1)] * 2, workers=1, slots=9, prefill=tier, concurrency=1)
        assert request_figures(run, "arrival_s", "admit_s", "finish_s") == [(0.0, 1.0, 2.0), (2.0, 3.0, 4.0)]

    def test_what_cannot_be_is_refused(self):
        tier = PrefillTier(servers=1, base_s=1.0, per_token_s=0.0, buffer_tokens=4)
        with pytest.raises(ValueError, match=r"row 1: .* buffer_tokens 4"):
            simulate(LeastKV(), [(0.0, 2, 2), (0.0, 3, 2)], slots=1, prefill=tier)
        with pytest.raises(ValueError, match="needs a prefill tier"):
            simulate(LeastKV(), [(0.0, 2, 2)], slots=1, victim_returns="prefill")


class TestChunks:
    @ROUTERS
    def test_the_last_chunk_gives_the_first_token(self, policy):
        rows = [(1.0, 0.0, 0.0, 0.0, 1.0)]
        run = simulate(policy(), [(0.0, 6, 2)], workers=1, slots=1, rows=rows, prefill=ChunkedPrefill(4))
        assert step_figures(run, "prefill_tokens", "tokens", "duration_s") == [(4, 0, 5.0), (2, 1, 3.0), (0, 1, 1.0)]
        assert request_figures(run, "admit_s", "first_token_s", "finish_s") == [(0.0, 8.0, 9.0)]

    @ROUTERS
    def test_decoding_comes_first_and_prompts_at_intervals(self, policy):
        run = simulate(policy(), [(0.0, 2, 6), (0.0, 4, 1)], workers=1, slots=2, prefill=ChunkedPrefill(2, interval=3))
        # 0: nothing decodes, A is prefilled. 3: A leaves a budget of 1 to B. 6 and 7: nothing decodes.
        assert step_figures(run, "prefill_tokens") == [(2,), (0,), (0,), (1,), (0,), (0,), (2,), (1,)]
        assert step_figures(run, "tokens") == [(1,)] * 6 + [(0,), (1,)]
        assert request_figures(run, "finish_s") == [(6.0,), (8.0,)]

    @ROUTERS
    def test_a_prompt_that_waits_weighs_and_costs_no_slot_of_decoding(self, policy):
        rows = [(1.0, 0.1, 1.0, 0.0, 0.0)]
        run = simulate(policy(), [(0.0, 2, 2), (0.0, 8, 1)], workers=1, slots=2, rows=rows, prefill=ChunkedPrefill(10))
        # Both are prefilled in step 0, in which none decodes yet; their contexts weigh from the beginning.
        assert step_figures(run, "sum_load", "duration_s") == [(10, 2.0), (3, pytest.approx(2.3))]

    def test_a_victim_begins_anew(self):
        run = simulate(
            LeastKV(), [(0.0, 3, 4), (0.0, 3, 4)], workers=1, slots=2, kv_capacity=9, prefill=ChunkedPrefill(100)
        )
        # 1: contexts of 4 and 4, 8 + 2 > 9, B leaves with one token. It fits again when A has gone, at 4.
        assert request_figures(run, "finish_s", "preemptions") == [(4.0, 0), (7.0, 1)]
        assert step_figures(run, "prefill_tokens")[4] == (4,)

    def test_recompute_has_no_price_of_its_own(self):
        with pytest.raises(ValueError, match="recompute_s_per_token must be 0"):
            simulate(LeastKV(), [(0.0, 2, 2)], slots=1, prefill=ChunkedPrefill(100), recompute_s_per_token=0.5)

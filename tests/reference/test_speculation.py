"""Worked examples of speculative decoding (2.15): the draws, what a step gains, and the room that is kept for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .chunked import ChunkedPrefill
from .on_arrival import RoundRobin
from .policies import LeastKV
from .speculation import Speculation, uniform
from .worked import admitted_at, request_figures, simulate, step_figures
from .workers import KVMemory, Request, Worker

WHOLE = st.integers(0, 2**31)


class TestDraws:
    @pytest.mark.parametrize(
        ("place", "value"),
        [
            ((0, 0, 0, 0), 0.57135165182605885),
            ((0, 0, 0, 1), 0.97675872423018162),
            ((0, 0, 1, 0), 0.36648323655199777),
            ((0, 1, 0, 0), 0.24300765472435593),
            ((7, 0, 0, 0), 0.74477650739626999),
            ((123456789, 41, 1000, 7), 0.15804477425361541),
        ],
    )
    def test_they_are_those_of_the_formula(self, place, value):
        """The values are from a few lines of C, where 64 bits wrap by themselves."""
        assert uniform(*place) == value

    @given(seed=WHOLE, i=WHOLE, j=WHOLE, d=WHOLE)
    def test_they_are_those_of_numbers_that_wrap(self, seed, i, j, d):
        counts = np.array([seed, i, j, d], dtype=np.uint64) + np.uint64(1)
        factors = [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93]
        z = np.sum(counts * np.array(factors, dtype=np.uint64), keepdims=True)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        assert uniform(seed, i, j, d) == int((z ^ (z >> np.uint64(31)))[0]) // 2**11 / 2**53

    @pytest.mark.parametrize(("acceptance", "accepted"), [(0.0, 0), (0.5, 0), (0.6, 1), (0.98, 3), (1.0, 3)])
    def test_leading_drafts_count_up_to_the_first_that_is_not_accepted(self, acceptance, accepted):
        # 0.571, 0.977, 0.905: at 0.95 the third would be accepted, but not the second.
        assert Speculation(3, acceptance).accepted(0, 0, 0) == accepted
        assert Speculation(3, 0.95).accepted(0, 0, 0) == 1


class TestGains:
    # Draws 0 and 1 of row 0 and seed 0, by tokens generated: 0: 0.571, 0.977. 2: 0.965. 3: 0.755. 4: 0.193, 0.519.
    # Of row 1: 0: 0.243, 0.964. 2: 0.654, 0.139. Of row 0 and seed 7: 0: 0.745. 1: 0.568, 0.140. 4: 0.653, 0.711.
    REQUESTS = ((0.0, 4, 6), (0.0, 4, 5))

    @pytest.mark.parametrize("policy", [LeastKV, RoundRobin])
    def test_a_request_gains_one_and_its_leading_drafts_and_not_more_than_it_has_left(self, policy):
        run = simulate(policy(), self.REQUESTS, slots=2, speculation=Speculation(2, 0.7))
        # A: 2, 1, 1, then 3, of which it needs 2. B: 2, 3.
        assert step_figures(run, "tokens", "sum_load", "active") == [(4, 8, 2), (4, 12, 2), (1, 7, 1), (2, 8, 1)]
        assert request_figures(run, "first_token_s", "finish_s", "generated") == [(1.0, 4.0, 6), (1.0, 2.0, 5)]

    def test_another_seed_draws_otherwise(self):
        run = simulate(LeastKV(), self.REQUESTS[:1], slots=1, speculation=Speculation(2, 0.7), seed=7)
        assert step_figures(run, "tokens") == [(1,), (3,), (2,)]

    def test_nothing_accepted_is_no_speculation(self):
        requests = [(0.0, 4, 6), (0.5, 3, 5), (0.5, 2, 9)]
        plain = simulate(LeastKV(), requests, workers=1, slots=2)
        assert repr(simulate(LeastKV(), requests, workers=1, slots=2, speculation=Speculation(3, 0.0))) == repr(plain)

    def test_all_accepted_is_one_and_all_drafts(self):
        run = simulate(LeastKV(), [(0.0, 4, 9)], slots=1, speculation=Speculation(3, 1.0))
        assert step_figures(run, "tokens", "max_load") == [(4, 4), (4, 8), (1, 12)]

    def test_a_step_is_paid_by_request_not_by_draft(self):
        rows = [(1.0, 0.5, 0.25, 0.125)]
        run = simulate(LeastKV(), [(0.0, 4, 8)], workers=1, slots=1, rows=rows, speculation=Speculation(3, 1.0))
        assert step_figures(run, "duration_s") == [(3.375,), (5.375,)]  # loads 4 and 8, as they were before the step

    def test_a_turn_follows_the_step_of_the_last_tokens(self):
        run = simulate(LeastKV(), [(0.0, 1, 4), (0.5, 1, 1)], slots=1, speculation=Speculation(3, 1.0), after=[-1, 0])
        assert request_figures(run, "arrival_s") == [(0.0,), (1.5,)]


class TestMemory:
    def test_u_is_kept_for_every_request_unless_said(self):
        requests = [(0.0, 4, 2), (0.0, 2, 2)]
        run = simulate(LeastKV(), requests, workers=1, slots=2, kv_capacity=12, speculation=Speculation(2, 0.0))
        assert admitted_at(run, 0) == [("A", 0), ("B", 0)]  # 4 + 2 + 2 * 3
        run = simulate(LeastKV(), requests, workers=1, slots=2, kv_capacity=11, speculation=Speculation(2, 0.0))
        assert admitted_at(run, 0) == [("A", 0)]

    def test_an_empty_worker_takes_what_leaves_room_for_u(self):
        worker = Worker(2, KVMemory(20, watermark=0.9, u=3))
        assert worker.fits([Request(0, 0.0, 17, 1)])
        assert not worker.fits([Request(0, 0.0, 18, 1)])

    def test_over_full_is_what_may_not_hold_all_drafts(self):
        requests = [(0.0, 3, 3), (0.0, 2, 2)]
        run = simulate(
            LeastKV(),
            requests,
            workers=1,
            slots=2,
            kv_capacity=12,
            kv_reserve_tokens=0,
            speculation=Speculation(2, 0.0),
        )
        # 0: 5 + 6 <= 12. 1: 7 + 6 > 12, though no draft is accepted: B leaves with ctx 3. 2: A has ctx 5, B is there
        # again, 5 + 3 <= 12, and 8 + 6 > 12: it leaves. 3: A has ended.
        assert [(log.boundary, log.row) for log in run.admissions] == [(0, 0), (0, 1), (2, 1), (3, 1)]
        assert request_figures(run, "finish_s", "preemptions") == [(3.0, 0), (4.0, 2)]

    def test_one_that_leaves_no_room_for_drafts_is_refused_by_row(self):
        simulate(LeastKV(), [(0.0, 5, 4)], slots=1, kv_capacity=11, speculation=Speculation(2, 0.5))
        with pytest.raises(ValueError, match=r"row 1.*draft_tokens"):
            simulate(LeastKV(), [(0.0, 1, 1), (0.0, 5, 5)], slots=1, kv_capacity=11, speculation=Speculation(2, 0.5))


class TestWithChunks:
    def test_the_last_chunk_gives_one_token_and_u_of_the_budget_goes_to_each_that_decodes(self):
        requests = [(0.0, 1, 9), (0.0, 8, 1)]
        run = simulate(
            LeastKV(), requests, workers=1, slots=2, prefill=ChunkedPrefill(5), speculation=Speculation(2, 1.0)
        )
        # 0: A 1, and one token; B 4. 1: A decodes: three tokens, 5 - 3 = 2 for B. 2: B's last 2. 3: A needs two.
        assert step_figures(run, "prefill_tokens", "tokens") == [(5, 1), (2, 3), (2, 4), (0, 2)]

    def test_drafts_go_on_from_the_tokens_it_has(self):
        run = simulate(
            LeastKV(), [(0.0, 1, 6)], slots=1, prefill=ChunkedPrefill(1), speculation=Speculation(2, 0.7), seed=7
        )
        # One token with the chunk; with one generated 0.568 and 0.140 are accepted: 3. With four 0.653: 2, all it has.
        assert step_figures(run, "tokens") == [(1,), (3,), (2,)]

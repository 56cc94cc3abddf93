"""Worked examples of speculative decoding (2.15), and its draws."""

import pytest

from .policies import LeastKV
from .prefill import ChunkedPrefill
from .speculation import Speculation, draw
from .worked import request_figures, simulate, step_figures


def test_all_accepted():
    run = simulate(LeastKV(), [(0.0, 1, 7)], workers=1, slots=1, speculation=Speculation(2, 1.0))
    assert step_figures(run, "tokens", "sum_load") == [(3, 1), (3, 4), (1, 7)]
    assert request_figures(run, "first_token_s", "finish_s") == [(1.0, 3.0)]


def test_none_accepted_is_as_without():
    run = simulate(LeastKV(), [(0.0, 1, 3), (1.0, 2, 2)], slots=1, speculation=Speculation(2, 0.0))
    plain = simulate(LeastKV(), [(0.0, 1, 3), (1.0, 2, 2)], slots=1)
    names = ("start_s", "duration_s", "sum_load", "active", "tokens")
    assert step_figures(run, *names) == step_figures(plain, *names)


def test_room_is_kept_for_the_drafts():
    # Each may gain 3, so A with 2 and B with 2 tokens are 4 + 6 > 9 together.
    run = simulate(
        LeastKV(), [(0.0, 2, 3), (0.0, 2, 3)], workers=1, slots=2, kv_capacity=9, speculation=Speculation(2, 1.0)
    )
    assert request_figures(run, "admit_s", "finish_s") == [(0.0, 1.0), (1.0, 2.0)]
    with pytest.raises(ValueError, match="row 0"):
        simulate(LeastKV(), [(0.0, 2, 3)], slots=1, kv_capacity=6, speculation=Speculation(2, 1.0))


def test_the_last_chunk_has_no_drafts():
    run = simulate(
        LeastKV(), [(0.0, 5, 4)], workers=1, slots=1, prefill=ChunkedPrefill(5), speculation=Speculation(2, 1.0)
    )
    assert step_figures(run, "tokens") == [(1,), (3,)]


def test_draws_do_not_depend_on_who_routes_and_are_spread_evenly():
    draws = [draw(seed, i, j, d) for seed in range(3) for i in range(20) for j in range(20) for d in range(3)]
    assert len(set(draws)) == len(draws)
    assert all(0.0 <= number < 1.0 for number in draws)
    assert abs(sum(draws) / len(draws) - 0.5) < 0.02
    assert abs(sum(number < 0.25 for number in draws) / len(draws) - 0.25) < 0.02


def test_the_first_draw_of_a_run():
    mask = (1 << 64) - 1
    z = (0x9E3779B97F4A7C15 + 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB + 0xD6E8FEB86659FD93) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    assert draw(0, 0, 0, 0) == ((z ^ (z >> 31)) >> 11) / 2**53

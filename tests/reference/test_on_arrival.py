"""Worked examples of the policies that bind on arrival, done by hand: the comments say how each choice comes about.

Requests are called A, B, C... in workload order; "w" is what a router counts as waiting, "r" as running.
"""

import pytest

from .on_arrival import VLLM, JoinShortestQueue, PowerOfTwo, Random, RoundRobin, SplitMix64, VLLMLegacy
from .worked import request_figures, simulate


class Drawn(SplitMix64):
    """Says the given numbers instead of random bits."""

    def __init__(self, *bits: int) -> None:
        self.left = list(bits)

    def next(self) -> int:
        return self.left.pop(0)


class TestCounting:
    def test_round_robin_counts_decisions(self):
        run = simulate(RoundRobin(), [(float(i), 1, 1) for i in range(4)], workers=3, slots=1)
        assert request_figures(run, "worker") == [(0,), (1,), (2,), (0,)]

    def test_jsq_counts_active_and_queued(self):
        run = simulate(JoinShortestQueue(), [(0.0, 9, 9), (0.0, 1, 1), (0.0, 1, 1), (1.0, 1, 1)], slots=1)
        # Scans start at 0, 1, 0, 1. A -> 0 (0, 0); B -> 1 (1, 0); C: 1, 1, a tie, scan from 0 -> 0.
        # At 1: B has ended; worker 0 has A active and C queued, worker 1 nothing: D -> 1.
        assert request_figures(run, "worker") == [(0,), (1,), (0,), (1,)]

    def test_jsq_rotates_ties(self):
        run = simulate(JoinShortestQueue(), [(2.0 * i, 1, 1) for i in range(4)], workers=3, slots=1)
        assert request_figures(run, "worker") == [(0,), (1,), (2,), (0,)]  # each finds all idle


class TestDrawing:
    def test_the_stream_is_splitmix64(self):
        stream = SplitMix64(0)
        stream.state = 1234567
        # The numbers that are published with the algorithm for this state.
        assert [stream.next() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]

    def test_random_takes_the_remainder(self):
        policy = Random(0)
        policy.stream = Drawn(7, 4, 3)
        run = simulate(policy, [(0.0, 1, 1)] * 3, workers=3, slots=3)
        assert request_figures(run, "worker") == [(1,), (1,), (0,)]

    def test_power_of_two_takes_the_one_with_fewer_requests_of_equals_the_first(self):
        policy = PowerOfTwo(0)
        policy.stream = Drawn(4, 1, 1, 0, 2, 1, 5, 1)
        run = simulate(policy, [(0.0, 1, 1)] * 4, workers=3, slots=1)
        # A: 4 is worker 1, the others are 2, 0, of them 1 is worker 0; none has a request: 1, drawn first.
        # B: worker 1, and of 2, 0 worker 2, which is empty: 2.
        # C: worker 2, and of 0, 1 worker 1; one request each: 2, drawn first.
        # D: 5 is worker 2, and of 0, 1 worker 1; it has one active and one queued against one: 1.
        assert request_figures(run, "worker") == [(1,), (2,), (2,), (1,)]

    def test_power_of_two_draws_once_where_there_is_one_worker(self):
        policy = PowerOfTwo(0)
        policy.stream = Drawn(5, 3)
        assert request_figures(simulate(policy, [(0.0, 1, 1)] * 2, workers=1, slots=2), "worker") == [(0,), (0,)]


class TestVLLM:
    def test_a_pick_counts_as_so_many_waiting_and_ties_rotate(self):
        requests = [(0.0, 1, 9), (0.0, 1, 1), (0.0, 1, 1), (0.0, 1, 1), (0.5, 1, 1)]
        run = simulate(VLLM(), requests, slots=1)
        # A pick adds 2, the number of workers. A: 0, 0, scan from 0 -> 0. B: 2, 0 -> 1. C: 2, 2, scan from 0 -> 0.
        # D: 4, 2 -> 1. At 1 B has ended. The counts are replaced: w 1, r 1 (C, A) and w 1, r 0 (D): E: 2, 1 -> 1.
        assert request_figures(run, "worker") == [(0,), (1,), (0,), (1,), (1,)]

    def test_waiting_counts_four_times_before_and_the_first_of_equals_wins(self):
        requests = [(0.0, 1, 9), (0.0, 1, 9), (0.0, 1, 1), (0.0, 1, 1), (0.0, 1, 1), *[(0.5, 1, 9)] * 3, (30.0, 1, 1)]
        run = simulate(VLLMLegacy(api_servers=1), requests, slots=2)
        # A to E, each pick adding 4: 0, 0 -> 0; 4, 0 -> 1; 4, 4 -> 0; 8, 4 -> 1; 8, 8 -> 0.
        # Active are A and C on worker 0, where E waits, B and D on worker 1. C and D end.
        # At 1: w 1, r 1 and w 0, r 1, so 5, 1: F -> 1, 5, 5: G -> 0, 9, 5: H -> 1.
        # At 30 all have ended: both 0, the lowest index.
        assert request_figures(run, "worker") == [(0,), (1,), (0,), (1,), (0,), (1,), (0,), (1,), (0,)]

    @pytest.mark.parametrize(("arrival_s", "worker"), [(0.08, 0), (0.12, 1)])
    def test_counts_are_up_to_100_ms_old(self, arrival_s, worker):
        requests = [(0.0, 1, 9), (0.0, 1, 1), (arrival_s, 1, 1)]
        run = simulate(VLLMLegacy(api_servers=1), requests, slots=4, rows=[(0.04, 0.0, 0.0, 0.0)])
        # A -> 0, B -> 1, both counted as waiting. B ends at 0.04.
        # At 0.08 the counts of 0 s, when nobody was there, and the two picks: 4, 4 -> 0. At 0.12: r 1, r 0 -> 1.
        assert request_figures(run, "worker") == [(0,), (1,), (worker,)]

    @pytest.mark.parametrize(("arrival_s", "worker"), [(2.0, 0), (5.0, 0), (6.0, 1)])
    def test_counts_that_have_not_changed_are_up_to_5_s_old(self, arrival_s, worker):
        run = simulate(VLLM(api_servers=1), [(0.0, 1, 20), (1.0, 1, 1), (arrival_s, 1, 1)], slots=4)
        # At 1: worker 0 now has A running, so the counts are replaced: r 1, r 0: B -> 1, then w 1. B ends at 2.
        # From 2 on the workers are as they were at 1, and B's pick stays: max(1, 1), max(0, 1), scan from 0 -> 0.
        # At 6 the counts are 5 s old: 1, 0 -> 1.
        assert request_figures(run, "worker") == [(0,), (1,), (worker,)]

    @pytest.mark.parametrize(("kv_capacity", "chosen"), [(100, [1, 1, 1, 0]), (None, [0, 1, 0, 1])])
    def test_a_crowded_kv_cache_counts_where_requests_wait(self, kv_capacity, chosen):
        requests = [(0.0, 88, 9), (0.0, 2, 9), (0.0, 20, 9), (0.0, 2, 9), *[(0.5, 2, 1)] * 4]
        run = simulate(VLLM(api_servers=1), requests, slots=2 if kv_capacity else 1, kv_capacity=kv_capacity)
        # A to D go to 0, 1, 0, 1 in turn. With KV 100 C does not fit beside A (88 + 1 + 20 + 1 = 110): at 1 worker 0
        # has w 1, r 1, KV use 0.89, worker 1 r 2, KV use 0.06: 2 + 6 * 1 * 0.39 = 4.34 against 2, 3, 4, 5.
        # Without a limit, on one slot each, both have w 1, r 1: 2, 2 -> 0; 3, 2 -> 1; 3, 3 -> 0; 4, 3 -> 1.
        assert [worker for (worker,) in request_figures(run, "worker")] == [0, 1, 0, 1, *chosen]

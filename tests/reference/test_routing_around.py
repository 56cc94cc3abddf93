"""Worked examples of routers that meet a worker that is stopped (2.16)."""

from collections.abc import Callable

import pytest

from .cluster import ArrivalPolicy, PoolPolicy
from .events import WorkerEvent
from .on_arrival import VLLM, JoinShortestQueue, PowerOfTwo, Random, RoundRobin, VLLMLegacy
from .policies import BalanceRoute0, BalanceRouteH, LeastKV, Level, oracle_remaining
from .test_on_arrival import Drawn
from .worked import ONE_SECOND, admitted_at, request_figures, simulate


def stopped_from_the_start(worker: int) -> list[WorkerEvent]:
    return [WorkerEvent(0.0, worker, "stop")]


NEWCOMERS = [(float(i), 1, 1) for i in range(6)]
"""Each comes when the one before has just ended."""


class TestRouters:
    """Worker 1 of three is stopped from the start."""

    def chosen(self, policy, requests=NEWCOMERS, **cluster):
        run = simulate(policy, requests, workers=3, events=stopped_from_the_start(1), **({"slots": 1} | cluster))
        return [worker for (worker,) in request_figures(run, "worker")]

    def test_round_robin_goes_on_to_the_next_that_is_up(self):
        assert self.chosen(RoundRobin()) == [0, 2, 0, 2, 0, 2]

    @pytest.mark.parametrize("policy", [JoinShortestQueue, VLLM])
    def test_scans_begin_as_ever_and_pass_over_it(self, policy):
        # Nobody has anything to do: the first met from 0, 1, 2, 0, 1, 2 on.
        assert self.chosen(policy()) == [0, 2, 2, 0, 2, 2]

    def test_vllm_legacy_passes_over_it(self):
        # Every pick adds three (API servers): 0; 12, 0: 2; 12, 12: 0; 24, 12: 2.
        assert self.chosen(VLLMLegacy(), [(0.0, 1, 1)] * 4) == [0, 2, 0, 2]

    def test_draws_count_those_that_are_up(self):
        policy = Random(0)
        policy.stream = Drawn(4, 3, 1)
        assert self.chosen(policy, NEWCOMERS[:3]) == [0, 2, 2]  # 0, 1, 1 of two

    def test_power_of_two_draws_among_those_that_are_up(self):
        policy = PowerOfTwo(0)
        policy.stream = Drawn(3, 8, 1, 5, 0, 2)
        # A: 3 is the second, worker 2, then of the one other worker 0: equal, the one drawn first. B: worker 2 again,
        # which has A: worker 0. C: worker 0 with one, worker 2 with one: worker 0.
        assert self.chosen(policy, [(0.0, 1, 1)] * 3, slots=2) == [2, 0, 0]

    def test_power_of_two_draws_once_where_one_is_up(self):
        policy = PowerOfTwo(0)
        policy.stream = Drawn(5, 3)
        run = simulate(policy, [(0.0, 1, 1)] * 2, slots=2, events=stopped_from_the_start(0))
        assert request_figures(run, "worker") == [(1,), (1,)]

    def test_g_of_br_0_is_the_number_of_workers_up(self):
        requests = [(0.0, 9, 3), (0.5, 13, 1), (0.5, 6, 1)]
        policy = BalanceRoute0(greedy_above=0)
        run = simulate(policy, requests, workers=3, slots=4, events=stopped_from_the_start(1))
        # At 1 worker 0 has ctx 10 and worker 2 the margin 10. With G = 2, F(13) = 13 - 2 * 3 = 7 against F(6) = 6; with
        # G = 3 it would be 4.
        assert admitted_at(run, 1) == [("B", 2), ("C", 0)]

    @pytest.mark.parametrize(
        "make",
        [
            LeastKV,
            Level,
            lambda: Level(worker_choice="lowest-load"),
            BalanceRoute0,
            lambda: BalanceRoute0(greedy_above=0),
            lambda: BalanceRoute0(worker_choice="lowest-load"),
            lambda: BalanceRouteH(predict=oracle_remaining, horizon=3, gamma=0.5),
            lambda: BalanceRouteH(predict=oracle_remaining, horizon=3, gamma=0.5, refill=True),
        ],
    )
    @pytest.mark.parametrize("stopped", [0, 1, 2])
    def test_the_pool_is_routed_as_if_it_were_not_there(self, make: Callable[[], ArrivalPolicy | PoolPolicy], stopped):
        requests = [(0.0, 9, 3), *[(0.5, prompt, 2) for prompt in (7, 4, 6, 3)], (1.5, 8, 2), (1.5, 2, 2)]
        rows = [*ONE_SECOND, (0.0, 0.25, 0.0, 0.0)]
        fewer = simulate(make(), requests, slots=2, rows=rows)
        run = simulate(make(), requests, workers=3, slots=2, rows=rows, events=stopped_from_the_start(stopped))
        up = [g for g in range(3) if g != stopped]
        assert [(log.boundary, log.row, log.worker) for log in run.admissions] == [
            (log.boundary, log.row, up[log.worker]) for log in fewer.admissions
        ]
        assert repr(run.steps) == repr(fewer.steps)

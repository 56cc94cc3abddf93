"""Worked examples of workers that slow down, stop and come back (2.16)."""

from typing import Any, Literal

import pytest

from .events import WorkerEvent
from .on_arrival import RoundRobin
from .policies import LeastKV
from .worked import admitted_at, request_figures, simulate, step_figures


def stop(time_s: float, worker: int) -> WorkerEvent:
    return WorkerEvent(time_s, worker, "stop")


def start(time_s: float, worker: int) -> WorkerEvent:
    return WorkerEvent(time_s, worker, "start")


def slow(time_s: float, worker: int, factor: float) -> WorkerEvent:
    return WorkerEvent(time_s, worker, "slow", factor)


class TestSlow:
    def test_a_slow_worker_takes_so_much_longer_for_its_own_part(self):
        run = simulate(
            RoundRobin(),
            [(0.0, 4, 2), (0.0, 2, 2)],
            slots=1,
            rows=[(1.0, 0.5, 0.25, 0.125)],
            events=[slow(0.0, 1, 2.0), slow(4.0, 1, 1.0)],
        )
        # 0: loads 4, 2: 1 + 2 + 0.25 = 3.25 s and 2 * (1 + 1 + 0.25) = 4.5 s, and 0.25 s for two requests: 4.75 s.
        # 4.75: the worker is as fast as the other again. Loads 5, 3: 3.75 and 2.75 s: 4 s.
        assert step_figures(run, "start_s", "duration_s", "barrier_idle") == [
            (0.0, 4.75, 1.25 / (2 * 4.75)),
            (4.75, 4.0, 1.0 / (2 * 4.0)),
        ]

    def test_a_slow_worker_without_requests_holds_up_the_others(self):
        rows = [(1.0, 0.5, 0.0, 0.0)]
        run = simulate(LeastKV(), [(0.0, 4, 1)], slots=1, rows=rows, events=[slow(0.0, 1, 10.0)])
        assert step_figures(run, "duration_s") == [(10.0,)]  # 3 s against 10 * 1 s

    def test_it_stays_slow_while_it_is_stopped(self):
        events = [slow(0.0, 0, 3.0), stop(0.5, 0), start(7.5, 0), slow(8.5, 0, 0.5)]
        run = simulate(LeastKV(), [(0.0, 1, 1), (8.0, 1, 2)], workers=1, slots=1, events=events)
        assert step_figures(run, "start_s", "duration_s") == [(0.0, 3.0), (8.0, 3.0), (11.0, 0.5)]


class TestStop:
    def test_what_it_decoded_loses_its_kv_and_returns_elsewhere(self):
        requests = [(0.0, 4, 3), (0.0, 2, 4)]
        run = simulate(
            LeastKV(),
            requests,
            slots=1,
            rows=[(1.0, 0.0, 0.0, 0.0, 0.25)],
            recompute_s_per_token=0.5,
            power=(100.0, 400.0, 1.0),
            events=[stop(0.5, 0)],
        )
        # 0: A -> 0, B -> 1. 1: worker 0 stops, A (ctx 5) will be ready at 3.5. B goes on until 4.
        # 4: A is there again and goes to worker 1: 5 tokens to compute, 1 + 0.25 * 5 = 2.25 s. It ends at 7.25.
        # From 1 on one worker is up: it waits for nobody, no load differs from any other, and it draws 400 W.
        assert step_figures(run, "start_s", "max_load", "sum_load", "min_load", "imbalance", "workers_up") == [
            (0.0, 4, 6, 2, 2, 2),
            (1.0, 3, 3, 3, 0, 1),
            (2.0, 4, 4, 4, 0, 1),
            (3.0, 5, 5, 5, 0, 1),
            (4.0, 5, 5, 5, 0, 1),
            (6.25, 6, 6, 6, 0, 1),
        ]
        assert step_figures(run, "prefill_tokens", "barrier_idle", "energy_j")[3:5] == [
            (0, 0.0, 400.0),
            (5, 0.0, 400.0 * 2.25),
        ]
        assert run.steps[0].energy_j == 400 + 250
        assert request_figures(run, "worker", "finish_s", "preemptions", "interruptions") == [
            (1, 7.25, 0, 1),
            (1, 4.0, 0, 0),
        ]
        assert run.recomputed_tokens == 5

    def test_where_nothing_need_be_waited_for_it_returns_at_the_same_boundary(self):
        run = simulate(LeastKV(), [(0.0, 4, 3), (0.0, 2, 4)], slots=2, events=[stop(1.0, 0)])
        # Part 1f comes after 1b.
        assert admitted_at(run, 1) == [("A", 1)]
        assert request_figures(run, "finish_s", "interruptions") == [(3.0, 1), (4.0, 0)]

    @pytest.mark.parametrize("victim_returns", ["same-worker", "router"])
    def test_what_waited_for_it_is_bound_anew(self, victim_returns):
        requests = [(0.0, 2, 4), (0.0, 2, 3), (0.0, 1, 1), (0.0, 1, 1)]
        run = simulate(
            RoundRobin(),
            requests,
            slots=1,
            recompute_s_per_token=0.25,
            events=[stop(0.5, 0)],
            victim_returns=victim_returns,
        )
        # A, C -> 0, B, D -> 1. 1: C is bound to worker 1, the only one, behind D. A (ctx 3) is ready at 1.75 and bound
        # at 2, behind C, whatever is said about victims. B ends at 3, D at 4, C at 5, A at 8.
        assert request_figures(run, "worker", "finish_s", "interruptions") == [
            (1, 8.0, 1),
            (1, 3.0, 0),
            (1, 5.0, 0),
            (1, 4.0, 0),
        ]
        assert step_figures(run, "waiting")[:3] == [(2,), (2,), (3,)]

    def test_a_second_stop_changes_nothing(self):
        run = simulate(LeastKV(), [(0.0, 1, 1), (0.0, 1, 2)], slots=1, events=[stop(0.5, 0), stop(1.5, 0)])
        assert request_figures(run, "finish_s", "interruptions") == [(1.0, 0), (2.0, 0)]

    def test_one_whose_patience_is_over_has_been_interrupted_first(self):
        run = simulate(LeastKV(), [(0.0, 1, 9)], slots=1, events=[stop(1.5, 0)], patience_s=[1.75])
        assert request_figures(run, "interruptions", "cancelled", "generated") == [(1, True, 2)]  # 1b, 1c


class TestStart:
    def test_it_is_empty(self):
        requests = [(0.0, 2, 4), (0.0, 2, 3), (0.0, 1, 1), (0.0, 1, 1)]
        events = [stop(0.5, 0), start(0.75, 0)]
        run = simulate(RoundRobin(), requests, slots=1, recompute_s_per_token=0.5, events=events)
        # A, C -> 0, B, D -> 1. Both events happen at 1. A (ctx 3) is ready at 2.5. C is bound anew, to worker 0, next
        # in turn, and is there at once. 3: A is bound to worker 1, where B has just ended and D comes first.
        assert admitted_at(run, 1) == [("C", 0)]
        assert admitted_at(run, 3) == [("D", 1)]
        assert admitted_at(run, 4) == [("A", 1)]

    def test_one_that_is_up_goes_on(self):
        run = simulate(LeastKV(), [(0.0, 1, 3)], slots=1, events=[start(0.5, 0)])
        assert request_figures(run, "finish_s", "interruptions") == [(3.0, 0)]

    @pytest.mark.parametrize(
        ("events", "finish_s"),
        [
            ([stop(0.5, 0), start(0.5, 0)], 3.0),
            ([start(0.5, 0), stop(0.5, 0), start(9.0, 0)], 11.0),
            ([start(0.75, 0), stop(0.5, 0)], 3.0),
            ([start(2.5, 0), stop(0.5, 0)], 4.5),
        ],
        ids=["stop, start", "start, stop", "not as listed", "not as listed, one after the other"],
    )
    def test_events_take_effect_by_time_and_then_as_listed(self, events, finish_s):
        # A has one token of three at 1 and is ready again at once.
        run = simulate(LeastKV(), [(0.0, 1, 3)], workers=1, slots=1, events=events)
        assert request_figures(run, "finish_s", "interruptions") == [(finish_s, 1)]

    def test_requests_wait_until_a_worker_starts(self):
        run = simulate(
            RoundRobin(), [(1.0, 1, 1), (3.0, 1, 1)], slots=1, events=[stop(0.0, 0), stop(0.0, 1), start(2.0, 1)]
        )
        assert request_figures(run, "worker", "admit_s") == [(1, 2.0), (1, 3.0)]


class TestNoWorker:
    @pytest.mark.parametrize("policy", [LeastKV, RoundRobin])
    @pytest.mark.parametrize("patience_s", [None, [9.0, 9.0]])
    def test_waiting_for_a_worker_that_never_comes_is_an_error(self, policy, patience_s):
        # Though patience would end the run as well: whoever waits, waits for nothing.
        with pytest.raises(RuntimeError, match="no worker will ever be up"):
            simulate(
                policy(),
                [(0.0, 1, 1), (2.0, 1, 1)],
                slots=1,
                events=[stop(0.5, 0), stop(0.5, 1), slow(8.0, 0, 2.0)],
                patience_s=patience_s,
            )

    def test_nobody_waits_nobody_minds(self):
        run = simulate(LeastKV(), [(0.0, 1, 1)], slots=1, events=[stop(0.5, 0), stop(0.5, 1)])
        assert request_figures(run, "finish_s") == [(1.0,)]

    def test_one_that_recomputes_may_leave_before_it_waits(self):
        run = simulate(
            LeastKV(),
            [(0.0, 1, 3)],
            workers=1,
            slots=1,
            recompute_s_per_token=9.0,
            patience_s=[4.0],
            events=[stop(0.5, 0)],
        )
        assert run.cancelled == 1

    def test_a_start_that_is_taken_back_at_once_is_none(self):
        with pytest.raises(RuntimeError, match="no worker will ever be up"):
            simulate(LeastKV(), [(0.0, 1, 2)], workers=1, slots=1, events=[stop(0.5, 0), start(3.0, 0), stop(3.0, 0)])


class ToTheFirst:
    """Binds to the lowest worker that is up, and remembers the order in which it was asked."""

    binding: Literal["arrival"] = "arrival"

    def __init__(self) -> None:
        self.asked = ""

    def bind(self, cluster, request):
        self.asked += "ABCDEFG"[request.row]
        return cluster.workers_up()[0]


class TestOrderOfBinding:
    def test_ready_victims_then_a_stopped_workers_queue_then_arrivals(self):
        policy = ToTheFirst()
        requests = [(0.0, 2, 6), (0.0, 2, 4), (0.0, 6, 1), (0.0, 6, 1), (2.5, 1, 1)]
        run = simulate(policy, requests, slots=3, kv_capacity=8, victim_returns="router", events=[stop(3.0, 0)])
        # All but E are bound to worker 0, where A and B run. 2: B leaves (8 + 2 > 8), ready at once.
        # 3: worker 0 stops: A is ready at once, too, but later than B. C and D were in its queue. E arrives.
        assert policy.asked == "ABCD" + "BACDE"
        assert admitted_at(run, 3) == [("B", 1)]  # A needs 4 + 5 + 2 = 11

    def test_ready_victims_then_those_that_found_no_worker_up_then_arrivals(self):
        policy = ToTheFirst()
        requests = [(0.0, 2, 5), (0.0, 2, 5), (0.0, 1, 1), (1.25, 1, 1), (1.75, 1, 1)]
        run = simulate(
            policy,
            requests,
            slots=2,
            recompute_s_per_token=0.25,
            events=[stop(0.0, 1), stop(0.5, 0), start(1.75, 1)],
        )
        # A and B run on worker 0, C waits there. 1: all workers are stopped; A and B (ctx 3) are ready at 1.75.
        # C finds no worker, nor does D at 1.25. At 1.75 worker 1 starts and E arrives.
        assert policy.asked == "ABC" + "ABCDE"
        assert admitted_at(run, 1) == [("A", 1), ("B", 1)]

    def test_same_worker_means_router_only_where_that_worker_is_stopped(self):
        requests = [(0.0, 2, 6), (0.0, 2, 4), (0.0, 3, 3)]
        cluster: dict[str, Any] = {"slots": 2, "kv_capacity": 8, "recompute_s_per_token": 0.5}
        # A and B run on worker 0, C waits there. 2: B leaves with ctx 4, ready at 4.
        policy = ToTheFirst()
        simulate(policy, requests, **cluster, events=[stop(2.5, 0)])
        # 3: A (ctx 5, ready at 5.5) is interrupted, C bound anew. 4: B's worker is not up: bound anew. Then A.
        assert policy.asked == "ABC" + "C" + "B" + "A"
        policy = ToTheFirst()
        run = simulate(policy, requests, **cluster, events=[stop(2.5, 0), start(3.5, 0)])
        # 3: C is bound to worker 1 and runs until 6. 4: worker 0 is up again, B's queue is its own: nobody is asked.
        assert policy.asked == "ABC" + "C" + "A"
        assert admitted_at(run, 4) == [("B", 0)]

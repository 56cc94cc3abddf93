"""Figures, names and refusals of the parts beyond a saturated backlog; the reference says how they run."""

import numpy as np
import pytest

import baselines
from brgym import ClusterConfig, Slo, StepTime, WorkerEvent, Workload, simulate
from brgym.cluster import (
    ENGINES,
    ChunkedPrefill,
    PrefillTier,
    Speculation,
    StepTimeRow,
    engine_style,
    has_bound,
    lower_bound,
    preset,
)

SECOND = StepTime.barrier(base_s=1.0, per_token_s=0.0)


def backlog(count: int = 400, *, limit: int | None = None) -> Workload:
    rng = np.random.default_rng(3)
    prompts, outputs = rng.integers(50, 400, count), rng.integers(1, 300, count)
    return Workload(np.zeros(count), prompts, outputs, max_tokens=None if limit is None else np.maximum(outputs, limit))


class TestFigures:
    def test_goodput_counts_who_was_served_in_time(self) -> None:
        # One slot, steps of a second: A is served at once, B waits 2 s, C has one token and waits 4 s.
        workload = Workload([0.0, 0.0, 0.0], [1, 1, 1], [2, 2, 1])
        run = simulate(
            ClusterConfig(workers=1, slots=1, step_time=SECOND),
            workload,
            baselines.make("jsq"),
            slo=Slo(ttft_s=3.0, tpot_s=1.0),
        ).metrics
        assert run.slo_share == pytest.approx(2 / 3)
        assert run.goodput_req_s == pytest.approx(2 / 5)
        assert run.waits_fairness == pytest.approx((0 + 2 + 4) ** 2 / (3 * (0 + 4 + 16)))

    def test_inter_token_latency_is_of_tokens(self) -> None:
        # Steps of 3, 2 and 1 s with three, two and one tokens.
        time = StepTime([StepTimeRow(per_worker_active_s=1.0)])
        workload = Workload([0.0] * 3, [1] * 3, [1, 2, 3])
        run = simulate(ClusterConfig(workers=1, slots=3, step_time=time), workload, baselines.make("jsq")).metrics
        assert run.itl_s.mean == pytest.approx((3 * 3 + 2 * 2 + 1) / 6)
        assert (run.itl_s.p50, run.itl_s.p90, run.itl_s.max) == (2.0, 3.0, 3.0)

    def test_without_an_objective_there_are_none(self) -> None:
        figures = simulate(ClusterConfig(), backlog(20), baselines.make("jsq")).metrics.as_dict()
        assert not figures.keys() & {"slo_share", "goodput_req_s"}
        assert (figures["cancelled"], figures["interruptions"], figures["recomputed_tokens"]) == (0, 0, 0)

    def test_who_left_meets_no_objective_and_has_no_figures(self) -> None:
        workload = Workload([0.0, 0.0], [1, 1], [3, 1], patience_s=[np.inf, 2.0])
        run = simulate(
            ClusterConfig(workers=1, slots=1, step_time=SECOND),
            workload,
            baselines.make("jsq"),
            slo=Slo(ttft_s=100.0, tpot_s=100.0),
        )
        assert run.metrics.cancelled == 1
        assert run.metrics.slo_share == 0.5
        assert run.metrics.e2e_s.max == 3.0
        assert run.requests["cancelled"].tolist() == [False, True]

    def test_a_stopped_worker_idles_without_power(self) -> None:
        workload = Workload([0.0, 10.0], [1, 1], [1, 1])
        events = [WorkerEvent(2.0, 1, "stop"), WorkerEvent(6.0, 1, "start")]
        both = simulate(preset("bf-io", workers=2, step_time=SECOND), workload, baselines.make("jsq")).metrics
        one = simulate(preset("bf-io", workers=2, step_time=SECOND, events=events), workload, baselines.make("jsq"))
        assert both.energy_j - one.metrics.energy_j == pytest.approx(100.0 * 4.0)


class TestEngineStyles:
    @pytest.mark.parametrize("name", ENGINES)
    def test_each_serves_everything(self, name: str) -> None:
        cluster = engine_style(name).of(ClusterConfig(workers=2, slots=32, kv_capacity=4000))
        run = simulate(cluster, backlog(limit=300), baselines.make("br-0")).metrics
        assert run.requests == 400
        assert (run.preemptions > 0) == name.startswith("vllm")

    def test_an_unknown_one_names_the_nearest(self) -> None:
        with pytest.raises(ValueError, match="unknown engine 'vlm'; did you mean 'vllm'"):
            engine_style("vlm")


class TestRefusals:
    def test_a_share_needs_limits(self) -> None:
        cluster = ClusterConfig(kv_capacity=4000, kv_reserve_share=0.5)
        with pytest.raises(ValueError, match=r"kv_reserve_share 0.5 .* needs max_tokens"):
            simulate(cluster, backlog(), baselines.make("jsq"))

    def test_prefill_and_speculation_name_what_is_wrong(self) -> None:
        with pytest.raises(TypeError, match="prefill must be a PrefillTier, a ChunkedPrefill or None, got 3"):
            ClusterConfig(prefill=3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="victim_returns 'prefill' needs a prefill tier"):
            ClusterConfig(victim_returns="prefill", prefill=ChunkedPrefill())
        with pytest.raises(ValueError, match="recompute_s_per_token must be 0 with chunked prefill"):
            ClusterConfig(prefill=ChunkedPrefill(), recompute_s_per_token=1e-5)
        with pytest.raises(ValueError, match="servers must be at least 1, got 0"):
            PrefillTier(servers=0)
        with pytest.raises(ValueError, match="interval must be at least 1, got 0"):
            ChunkedPrefill(interval=0)
        with pytest.raises(ValueError, match=r"acceptance must be finite and in 0..1, got 1.5"):
            Speculation(acceptance=1.5)

    def test_what_the_buffer_can_never_hold_is_refused_or_dropped(self) -> None:
        workload = Workload([0.0, 0.0], [5, 9], [5, 5])
        cluster = ClusterConfig(workers=1, step_time=SECOND, prefill=PrefillTier(1, buffer_tokens=10))
        with pytest.raises(ValueError, match=r"row 1 can never fit: .* exceed buffer_tokens 10"):
            simulate(cluster, workload, baselines.make("jsq"))
        assert simulate(cluster, workload, baselines.make("jsq"), oversize="drop").metrics.dropped == 1

    def test_drafts_need_room_too(self) -> None:
        cluster = ClusterConfig(workers=1, step_time=SECOND, kv_capacity=10, speculation=Speculation(2, 1.0))
        with pytest.raises(ValueError, match=r"row 0 can never fit: .* exceed kv_capacity 10 less 2 draft tokens"):
            simulate(cluster, Workload([0.0], [5], [5]), baselines.make("jsq"))

    def test_events_name_their_place(self) -> None:
        with pytest.raises(ValueError, match=r"events\[1\].worker must be in 0..1, got 2"):
            ClusterConfig(workers=2, events=[WorkerEvent(0.0, 1, "stop"), WorkerEvent(0.0, 2, "stop")])
        with pytest.raises(ValueError, match="unknown kind 'halt'"):
            WorkerEvent(0.0, 0, "halt")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="factor belongs to kind 'slow'"):
            WorkerEvent(0.0, 0, "stop", 2.0)
        with pytest.raises(TypeError, match="events must be a sequence of WorkerEvent"):
            ClusterConfig(events=3)  # type: ignore[arg-type]

    def test_a_policy_that_names_a_stopped_worker_is_told(self) -> None:
        class Stubborn:
            binding = "arrival"

            def reset(self, cluster: ClusterConfig, seed: int) -> None: ...

            def bind(self, view: object) -> int:
                return 1

        cluster = ClusterConfig(workers=2, step_time=SECOND, events=[WorkerEvent(1.0, 1, "stop")])
        with pytest.raises(ValueError, match="routes candidate 0 to worker 1: the worker is stopped"):
            simulate(cluster, Workload([0.0, 1.5], [5, 5], [2, 2]), Stubborn())  # type: ignore[arg-type]

    def test_nobody_left_to_serve_is_said(self) -> None:
        cluster = ClusterConfig(workers=1, step_time=SECOND, events=[WorkerEvent(1.0, 0, "stop")])
        with pytest.raises(RuntimeError, match="every worker is stopped and none will start again"):
            simulate(cluster, Workload([0.0], [5], [5]), baselines.make("jsq"))


def test_there_is_a_bound_where_all_are_served() -> None:
    chat = Workload([0.0, 1.0], [5, 7], [2, 3], after=[-1, 0])
    cluster = ClusterConfig(workers=2, step_time=SECOND)
    assert lower_bound(cluster, chat).makespan_s <= simulate(cluster, chat, baselines.make("jsq")).metrics.makespan_s
    impatient = chat.with_columns(patience_s=[1.0, 1.0])
    assert not has_bound(cluster, impatient)
    with pytest.raises(ValueError, match="no bound holds where requests may leave"):
        lower_bound(cluster, impatient)
    assert not has_bound(ClusterConfig(prefill=ChunkedPrefill()), chat)
    assert not has_bound(ClusterConfig(speculation=Speculation()), chat)
    assert not has_bound(ClusterConfig(events=[WorkerEvent(0.0, 0, "slow", 0.5)]), chat)


def test_draws_go_by_the_row_of_the_workload() -> None:
    """A request gains the same drafts whether or not another one was dropped before it."""
    cluster = ClusterConfig(workers=1, step_time=SECOND, kv_capacity=100, speculation=Speculation(3, 0.6))
    both = Workload([0.0, 0.0], [500, 5], [5, 40])
    alone = simulate(cluster, both, baselines.make("jsq"), seed=7, oversize="drop")
    small = Workload([0.0, 0.0], [5, 5], [5, 40])
    beside = simulate(cluster, small, baselines.make("jsq"), seed=7)
    assert alone.requests["finish_s"][1] == beside.requests["finish_s"][1]

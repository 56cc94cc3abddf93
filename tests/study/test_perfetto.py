"""A run as a trace of events."""

import gzip
import json
import os
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import baselines
from brgym import ClusterConfig, Workload, simulate
from brgym.study.perfetto import write_perfetto
from brgym.study.stays import record_stays

RNG = np.random.default_rng(3)
# A pause in the middle, in which nothing runs.
ARRIVALS_S = np.sort(np.concatenate([RNG.uniform(0, 5, 60), RNG.uniform(200, 205, 30)]))
WORKLOAD = Workload(ARRIVALS_S, RNG.integers(20, 200, 90), RNG.integers(1, 120, 90))
ROOMY = ClusterConfig(workers=3, slots=5)
TIGHT = ClusterConfig(workers=3, slots=5, kv_capacity=400, recompute_s_per_token=1e-4)


def _trace(cluster, path) -> tuple[Any, list[dict[str, Any]]]:
    result = simulate(cluster, WORKLOAD, baselines.make("jsq"))
    stays = None if cluster is ROOMY else record_stays(cluster, WORKLOAD, baselines.make("jsq"))
    write_perfetto(result, WORKLOAD, cluster, path, stays=stays)
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return result, json.loads(text)["traceEvents"]


@pytest.fixture(params=[ROOMY, TIGHT], ids=["roomy", "tight"])
def traced(request, tmp_path):
    return request.param, *_trace(request.param, tmp_path / "run.json")


def _of(events, phase, **fields):
    return [e for e in events if e["ph"] == phase and all(e.get(name) == value for name, value in fields.items())]


def test_every_event_has_the_fields_that_its_kind_needs(traced):
    _, _, events = traced
    needed = {
        "M": {"name", "pid", "args"},
        "X": {"name", "pid", "tid", "ts", "dur"},
        "C": {"name", "pid", "ts", "args"},
    }
    needed["i"] = {"name", "pid", "tid", "ts", "s"}
    for event in events:
        assert needed[event["ph"]] <= event.keys(), event
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 0) >= 0


def test_slices_of_a_thread_never_overlap_and_every_thread_has_a_name(traced):
    _, _, events = traced
    threads = defaultdict(list)
    for slice_ in _of(events, "X"):
        threads[slice_["pid"], slice_["tid"]].append((slice_["ts"], slice_["dur"]))
    named = {(event["pid"], event["tid"]) for event in _of(events, "M", name="thread_name")}
    assert set(threads) == named
    for slices in threads.values():
        slices.sort()
        ends_us = [round(begin + length, 3) for begin, length in slices]
        assert all(end <= begin for end, (begin, _) in zip(ends_us, slices[1:], strict=False))


def test_the_cluster_and_each_worker_are_processes_and_steps_are_slices_in_microseconds(traced):
    _, result, events = traced
    processes = {event["pid"]: event["args"]["name"] for event in _of(events, "M", name="process_name")}
    assert processes == {0: "cluster of 3 workers", 1: "worker 0", 2: "worker 1", 3: "worker 2"}
    steps = _of(events, "X", cat="step")
    np.testing.assert_allclose([step["ts"] for step in steps], result.steps["start_s"] * 1e6, atol=1e-3)
    np.testing.assert_allclose([step["dur"] for step in steps], result.steps["duration_s"] * 1e6, atol=2e-3)
    assert [step["args"]["envelope_tokens"] for step in steps] == result.steps["max_load"].tolist()


def test_requests_are_slices_from_admission_to_finish_and_preemptions_are_marked(traced):
    _, result, events = traced
    slices = _of(events, "X", cat="request")
    assert len(slices) == len(WORKLOAD) + result.metrics.preemptions
    assert len(_of(events, "i", name="preempted")) == result.metrics.preemptions
    for row in range(len(WORKLOAD)):
        own = [event for event in slices if event["args"]["request"] == row]
        assert own[0]["ts"] == pytest.approx(result.requests["admit_s"][row] * 1e6, abs=1e-3)
        assert own[-1]["ts"] + own[-1]["dur"] == pytest.approx(result.requests["finish_s"][row] * 1e6, abs=2e-3)
        assert own[-1]["pid"] == result.requests["worker"][row] + 1
        assert [event["args"]["preempted_here"] for event in own] == [True] * (len(own) - 1) + [False]


def _at(counter, time_us):
    return [event["args"] for event in counter if event["ts"] <= time_us][-1]


def test_counters_tell_the_loads_and_are_0_while_nothing_runs(traced):
    _, result, events = traced
    middle_us = (result.steps["start_s"] + result.steps["duration_s"] / 2) * 1e6
    loads = [_of(events, "C", name="load", pid=worker + 1) for worker in range(3)]
    envelope, waiting = _of(events, "C", name="envelope"), _of(events, "C", name="waiting")
    for step in range(0, len(result.steps), 7):
        now = [_at(load, middle_us[step])["tokens"] for load in loads]
        assert max(now) == _at(envelope, middle_us[step])["tokens"] == result.steps["max_load"][step]
        assert sum(now) == result.steps["sum_load"][step]
        assert _at(waiting, middle_us[step])["requests"] == result.steps["waiting"][step]
    for pause_us in (150e6, 1e12):
        assert [_at(load, pause_us)["tokens"] for load in loads] == [0, 0, 0]


def test_a_compressed_trace_holds_the_same_and_always_has_the_same_bytes(tmp_path):
    _, plain = _trace(ROOMY, tmp_path / "run.json")
    _, packed = _trace(ROOMY, tmp_path / "run.json.gz")
    assert packed == plain
    first = (tmp_path / "run.json.gz").read_bytes()
    _trace(ROOMY, tmp_path / "another.json.gz")
    assert (tmp_path / "another.json.gz").read_bytes() == first


def test_without_stays_a_run_with_preemptions_is_refused_and_nothing_is_written(tmp_path):
    result = simulate(TIGHT, WORKLOAD, baselines.make("jsq"))
    with pytest.raises(ValueError, match="record_stays"):
        write_perfetto(result, WORKLOAD, TIGHT, tmp_path / "run.json")
    assert os.listdir(tmp_path) == []

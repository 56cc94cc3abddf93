"""A run as a trace for ui.perfetto.dev and chrome://tracing, in Chrome's trace event format (JSON).

The cluster is a process: its decode steps are slices; the envelope and the mean load, the imbalance, and what waits and
runs are counters. Each worker is a process too: its slots are threads, whose slices are the requests that held them;
its load and active requests are counters. Times are in microseconds, to the nanosecond.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from brgym.cluster import ClusterConfig, Integers, Reals, Records, Result, imbalance
from brgym.plumbing.files import write_atomically
from brgym.study.stays import slots_of, stays_of
from brgym.study.worker_loads import WorkerLoads
from brgym.workload import Workload

_CLUSTER = 0  # the process of the cluster; worker g is process g + 1
_STEPS = 0  # its thread
Event = dict[str, Any]


def write_perfetto(
    result: Result, workload: Workload, cluster: ClusterConfig, path: Path, *, stays: Records | None = None
) -> None:
    """Writes a run as a trace, whole or not at all; the same run gives the same bytes.

    Args:
        result: What came of the run.
        workload: The requests that it served.
        cluster: The cluster that served them.
        path: The file; compressed if its name ends in `.gz`. Replaced if it is there.
        stays: Who was where, as `record_stays` gives it; None to read it from the result, which is not enough where
            requests were preempted.

    Raises:
        ValueError: As `stays_of`, where `stays` is None; nothing is written.
        OSError: If it cannot be written.
    """
    known = stays_of(result, workload) if stays is None else stays

    def write(file: BinaryIO) -> None:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                _write_events(trace_events(result, workload, cluster, known), cast(BinaryIO, packed))
        else:
            _write_events(trace_events(result, workload, cluster, known), file)

    write_atomically(path, write)


def trace_events(result: Result, workload: Workload, cluster: ClusterConfig, stays: Records) -> Iterator[Event]:
    """The events of the trace; arguments as for `write_perfetto`."""
    steps = result.steps
    loads = WorkerLoads.of(stays, steps=len(steps), workers=cluster.workers)
    edges = _Edges(steps)
    slots = slots_of(stays)
    yield from _names(cluster, stays, slots)
    yield from _step_slices(steps, cluster.workers, edges)
    yield from _cluster_counters(steps, cluster.workers, edges)
    for worker in range(cluster.workers):
        yield from _counter(worker + 1, "load", "tokens", loads.load_tokens[:, worker], edges)
        yield from _counter(worker + 1, "active requests", "requests", loads.active[:, worker], edges)
    yield from _request_slices(result.requests, workload, stays, slots, edges)


class _Edges:
    """Begin and end of each step in whole nanoseconds, so that what ends where the next begins does not overlap it."""

    def __init__(self, steps: Records) -> None:
        self.begin_ns = _nanoseconds(steps["start_s"])
        self.end_ns = _nanoseconds(steps["start_s"] + steps["duration_s"])
        self.idle_after = np.append(self.end_ns[:-1] < self.begin_ns[1:], True)[: len(steps)]


def _nanoseconds(times_s: Reals) -> Integers:
    return np.rint(times_s * 1e9).astype(np.int64)


def _us(time_ns: int) -> float:
    return time_ns / 1000


def _names(cluster: ClusterConfig, stays: Records, slots: Integers) -> Iterator[Event]:
    yield _named(_CLUSTER, None, f"cluster of {cluster.workers} workers")
    yield _named(_CLUSTER, _STEPS, "decode steps")
    used = np.zeros(cluster.workers, np.int64)
    np.maximum.at(used, stays["worker"], slots + 1)
    for worker, count in enumerate(used.tolist()):
        yield _named(worker + 1, None, f"worker {worker}")
        yield {"ph": "M", "name": "process_sort_index", "pid": worker + 1, "args": {"sort_index": worker + 1}}
        for slot in range(count):
            yield _named(worker + 1, slot, f"slot {slot}")
            yield {
                "ph": "M",
                "name": "thread_sort_index",
                "pid": worker + 1,
                "tid": slot,
                "args": {"sort_index": slot},
            }


def _named(process: int, thread: int | None, name: str) -> Event:
    event = {"ph": "M", "name": "process_name", "pid": process, "args": {"name": name}}
    return event if thread is None else event | {"name": "thread_name", "tid": thread}


def _step_slices(steps: Records, workers: int, edges: _Edges) -> Iterator[Event]:
    short = imbalance(workers, steps["max_load"], steps["sum_load"])
    for number, (step, begin_ns, end_ns) in enumerate(
        zip(steps, edges.begin_ns.tolist(), edges.end_ns.tolist(), strict=True)
    ):
        yield {
            "ph": "X",
            "name": "decode step",
            "cat": "step",
            "pid": _CLUSTER,
            "tid": _STEPS,
            "ts": _us(begin_ns),
            "dur": _us(end_ns - begin_ns),
            "args": {
                "step": number,
                "envelope_tokens": int(step["max_load"]),
                "imbalance_tokens": int(short[number]),
                "barrier_idle": round(float(step["barrier_idle"]), 6),
            },
        }


def _cluster_counters(steps: Records, workers: int, edges: _Edges) -> Iterator[Event]:
    short = imbalance(workers, steps["max_load"], steps["sum_load"])
    yield from _counter(_CLUSTER, "envelope", "tokens", steps["max_load"], edges)
    yield from _counter(_CLUSTER, "mean load", "tokens", steps["sum_load"] / workers, edges)
    yield from _counter(_CLUSTER, "imbalance", "tokens", short, edges)
    yield from _counter(_CLUSTER, "waiting", "requests", steps["waiting"], edges)
    yield from _counter(_CLUSTER, "active requests", "requests", steps["active"], edges)


def _counter(process: int, name: str, unit: str, amounts: Integers | Reals, edges: _Edges) -> Iterator[Event]:
    """A counter's values where they change; it is 0 while no step runs."""
    before = None
    for amount, begin_ns, end_ns, idle_after in zip(
        amounts.tolist(), edges.begin_ns.tolist(), edges.end_ns.tolist(), edges.idle_after.tolist(), strict=True
    ):
        event = {"ph": "C", "name": name, "pid": process, "args": {unit: amount}}
        if amount != before:
            yield event | {"ts": _us(begin_ns)}
        before = amount
        if idle_after and amount != 0:
            yield event | {"ts": _us(end_ns), "args": {unit: 0}}
            before = 0


def _request_slices(
    requests: Records, workload: Workload, stays: Records, slots: Integers, edges: _Edges
) -> Iterator[Event]:
    for stay, slot in zip(stays, slots.tolist(), strict=True):
        row, first, stop = int(stay["request"]), int(stay["first_step"]), int(stay["stop_step"])
        begin_ns = int(edges.begin_ns[first])
        end_ns = int(edges.end_ns[stop - 1]) if stop > first else begin_ns
        place = {"pid": int(stay["worker"]) + 1, "tid": slot}
        yield place | {
            "ph": "X",
            "name": f"request {row}",
            "cat": "request",
            "ts": _us(begin_ns),
            "dur": _us(end_ns - begin_ns),
            "args": {
                "request": row,
                "prompt_tokens": int(workload.prompt_tokens[row]),
                "output_tokens": int(workload.output_tokens[row]),
                "context_tokens_at_admission": int(stay["context_tokens"]),
                "queued_s": float(requests["admit_s"][row] - workload.arrival_s[row]),
                "preemptions": int(requests["preemptions"][row]),
                "preempted_here": bool(stay["preempted"]),
            },
        }
        if stay["preempted"]:
            yield place | {"ph": "i", "name": "preempted", "cat": "preemption", "s": "t", "ts": _us(end_ns)}


def _write_events(events: Iterable[Event], file: BinaryIO) -> None:
    """Writes an event a line, so that a trace of any length takes no memory."""
    text = TextIOWrapper(file, encoding="utf-8", newline="\n", write_through=False)
    try:
        text.write('{"displayTimeUnit": "ms", "traceEvents": [\n')
        separator = ""
        for event in events:
            text.write(separator + json.dumps(event, allow_nan=False))
            separator = ",\n"
        text.write("\n]}\n")
        text.flush()
    finally:
        text.detach()  # whoever opened the file closes it

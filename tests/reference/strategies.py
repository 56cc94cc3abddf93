"""Small random workloads and clusters, as plain dicts with the keyword names of `simulate_reference`."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from hypothesis import strategies as st

from .chunked import ChunkedPrefill
from .events import WorkerEvent
from .prefill import PrefillTier
from .speculation import Speculation

TIE_S = st.just(0.0)
TINY_S = st.floats(1e-9, 1e-3)
STEP_S = st.floats(1e-3, 1.0)
HUGE_S = st.floats(1.0, 1e4)
PACES_S = st.sampled_from([TIE_S, TIE_S | TINY_S, TIE_S | STEP_S, TIE_S | TINY_S | STEP_S | HUGE_S])
"""Times between arrivals, from a backlog to gaps that empty the cluster."""

STEP_ROWS = st.tuples(
    st.floats(0.001, 0.5),  # const
    st.floats(0.0, 0.01),  # per_load
    st.sampled_from([0.0, 0.003, 0.02]),  # per_worker_active
    st.sampled_from([0.0, 0.001, 0.01]),  # per_active
)

POWERS = st.tuples(
    st.floats(0.0, 200.0),  # idle_w
    st.floats(200.0, 1000.0),  # peak_w
    st.floats(0.1, 2.0),  # exponent
)


@st.composite
def workloads(draw: st.DrawFn, *, min_requests: int = 1, max_requests: int = 40) -> dict[str, Any]:
    """`min_requests` to `max_requests` requests in order of arrival, prompts and outputs of 1 to 30 tokens."""
    count = draw(st.integers(min_requests, max_requests))
    gaps_s = draw(st.lists(draw(PACES_S), min_size=count, max_size=count))
    tokens = st.lists(st.integers(1, 30), min_size=count, max_size=count)
    return {
        "arrival_s": list(accumulate(gaps_s)),
        "prompt_tokens": draw(tokens),
        "output_tokens": draw(tokens),
    }


@st.composite
def clusters(draw: st.DrawFn, *, largest_request: int) -> dict[str, Any]:
    """1 to 5 workers of 1 to 6 slots; KV unlimited or tight, but enough for `largest_request` tokens."""
    spare_tokens = draw(st.none() | st.integers(0, 10) | st.integers(0, 60))
    return {
        "workers": draw(st.integers(1, 5)),
        "slots": draw(st.integers(1, 6)),
        "rows": draw(st.lists(STEP_ROWS, min_size=1, max_size=1) | st.lists(STEP_ROWS, min_size=3, max_size=3)),
        "kv_capacity": None if spare_tokens is None else largest_request + spare_tokens,
        "candidates": draw(st.sampled_from([None, 1, 2, 3, 8])),
        "recompute_s_per_token": draw(st.sampled_from([0.0, 0.001, 0.01, 0.1, 1.0])),
        "power": draw(st.none() | POWERS),
    }


@st.composite
def scenarios(draw: st.DrawFn, *, min_requests: int = 1, max_requests: int = 40) -> dict[str, Any]:
    """A workload with a cluster that can serve it: everything `simulate_reference` takes but the policy."""
    workload = draw(workloads(min_requests=min_requests, max_requests=max_requests))
    lengths = zip(workload["prompt_tokens"], workload["output_tokens"], strict=True)
    largest = max(prompt + output for prompt, output in lengths)
    return workload | draw(clusters(largest_request=largest))


GRID_S = [0.5 * i for i in range(21)]
"""Times on which the boundaries of one-second steps fall, and between them: so things are due together."""


@st.composite
def regimes(draw: st.DrawFn, *, max_requests: int = 30) -> dict[str, Any]:
    """A scenario in which the parts of 2.11 to 2.13 and 2.16 are mixed, each of them off in many.

    Everything `simulate_reference` takes but the policy and `watch`, always with the same keys; rows have five numbers.
    Some worker is up in the end, so that every run comes to its own.
    """
    crowded, on_grid = draw(st.booleans()), draw(st.booleans())
    scenario = draw(scenarios(min_requests=max_requests // 2 if crowded else 1, max_requests=max_requests))
    if crowded:
        scenario |= draw(crowds(scenario["prompt_tokens"], scenario["output_tokens"]))
    if on_grid:
        scenario |= draw(grids(len(scenario["arrival_s"])))
    prefill_s = st.sampled_from([0.0, 0.0, 0.01, 0.5])
    scenario["rows"] = [(*row, draw(prefill_s)) for row in scenario["rows"]]
    times_s = st.sampled_from(GRID_S) if on_grid else st.sampled_from(GRID_S) | st.floats(0.0, 2.0)
    return {
        **scenario,
        **draw(limits(scenario["output_tokens"])),
        **draw(sources(scenario["arrival_s"], times_s)),
        "patience_s": draw(patiences(len(scenario["arrival_s"]), times_s)),
        "events": draw(st.just([]) | worker_events(scenario["workers"], times_s)),
        "victim": draw(st.sampled_from(["newest", "least-generated"])),
        "victim_returns": draw(st.sampled_from(["same-worker", "router"])),
    }


@st.composite
def crowds(draw: st.DrawFn, prompt_tokens: Sequence[int], output_tokens: Sequence[int]) -> dict[str, Any]:
    """Few workers with many slots and little KV, so that it overflows."""
    largest = max(prompt + output for prompt, output in zip(prompt_tokens, output_tokens, strict=True))
    return {
        "workers": draw(st.integers(1, 3)),
        "slots": draw(st.integers(3, 8)),
        "kv_capacity": largest + draw(st.integers(0, 20)),
    }


@st.composite
def grids(draw: st.DrawFn, count: int) -> dict[str, Any]:
    """Steps of one second, and times that fall on their ends."""
    return {
        "arrival_s": list(accumulate(draw(st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0])) for _ in range(count))),
        "recompute_s_per_token": draw(st.sampled_from([0.0, 0.25, 0.5])),
        "rows": [(1.0, 0.0, 0.0, 0.0)],
    }


@st.composite
def limits(draw: st.DrawFn, output_tokens: Sequence[int]) -> dict[str, Any]:
    """What the client lets requests generate, and how much KV is kept for that and for else."""
    spare_tokens = draw(
        st.none() | st.lists(st.integers(0, 9), min_size=len(output_tokens), max_size=len(output_tokens))
    )
    shares = [0.0] if spare_tokens is None else [0.0, 0.25, 0.3, 0.5, 1.0]
    return {
        "max_tokens": None
        if spare_tokens is None
        else [o + s for o, s in zip(output_tokens, spare_tokens, strict=True)],
        "kv_reserve_share": draw(st.sampled_from(shares)),
        "kv_reserve_tokens": draw(st.none() | st.integers(0, 1) | st.integers(0, 5)),
        "kv_watermark": draw(st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.1, 0.25, 0.9])),
    }


@st.composite
def sources(draw: st.DrawFn, arrival_s: Sequence[float], times_s: st.SearchStrategy[float]) -> dict[str, Any]:
    """Arrivals as they are, with turns among them, or a closed loop."""
    kind = draw(st.sampled_from(["arrivals", "turns", "closed loop"]))
    if kind == "arrivals":
        return {"after": None, "concurrency": None}
    if kind == "closed loop":
        return {"after": None, "concurrency": draw(st.integers(1, 12))}
    after = [draw(st.just(-1) | st.integers(-1, row - 1)) for row in range(len(arrival_s))]
    delayed_s = [
        time_s if before < 0 else draw(st.just(0.0) | times_s) for time_s, before in zip(arrival_s, after, strict=True)
    ]
    return {"after": after, "concurrency": None, "arrival_s": delayed_s}


@st.composite
def patiences(draw: st.DrawFn, count: int, times_s: st.SearchStrategy[float]) -> list[float] | None:
    """How long each request waits, most of them for ever; None: all of them do."""
    if draw(st.booleans()):
        return None
    some_s = times_s.map(lambda time_s: max(time_s, 0.01))
    return draw(st.lists(st.just(math.inf) | some_s, min_size=count, max_size=count))


@st.composite
def worker_events(draw: st.DrawFn, workers: int, times_s: st.SearchStrategy[float]) -> list[WorkerEvent]:
    """Up to eight events in any order, one more where otherwise no worker would be up in the end."""
    g = st.integers(0, workers - 1)
    slowing = st.builds(WorkerEvent, times_s, g, st.just("slow"), st.sampled_from([0.5, 1.0, 1.5, 4.0]))
    stopping = st.builds(WorkerEvent, times_s, g, st.sampled_from(["stop", "stop", "start"]))
    events = draw(st.lists(slowing | stopping | stopping, max_size=8))
    up = set(range(workers))
    for event in sorted(events, key=lambda event: event.time_s):
        if event.kind == "start":
            up.add(event.worker)
        elif event.kind == "stop":
            up.discard(event.worker)
    if not up:
        last_s = max(event.time_s for event in events)
        events.append(WorkerEvent(last_s + draw(times_s), draw(g), "start"))
    return events


SPECULATIONS = st.builds(Speculation, st.integers(1, 4), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
CHUNKS = st.builds(ChunkedPrefill, st.integers(1, 12) | st.integers(1, 100), st.sampled_from([1, 1, 2, 5]))


@st.composite
def tiers(draw: st.DrawFn, *, largest_request: int) -> PrefillTier:
    """1 to 4 servers, some of which need no time, and a buffer without end or tight."""
    spare_tokens = draw(st.none() | st.integers(0, 10) | st.integers(0, 60))
    return PrefillTier(
        servers=draw(st.integers(1, 4)),
        base_s=draw(st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0.0, 0.5)),
        per_token_s=draw(st.sampled_from([0.0, 0.125, 0.25]) | st.floats(0.0, 0.1)),
        buffer_tokens=None if spare_tokens is None else largest_request + spare_tokens,
    )


@st.composite
def mixes(draw: st.DrawFn, *, max_requests: int = 30) -> dict[str, Any]:
    """A regime with prefill (2.14) and speculation (2.15) among its parts, and the seed of the drafts.

    The keys of `regimes`, always with `prefill`, `speculation` and `seed` beside them.
    """
    scenario = draw(regimes(max_requests=max_requests))
    largest = max(p + o for p, o in zip(scenario["prompt_tokens"], scenario["output_tokens"], strict=True))
    prefill = draw(st.none() | CHUNKS | CHUNKS | tiers(largest_request=largest) | tiers(largest_request=largest))
    speculation = draw(st.none() | SPECULATIONS)
    if isinstance(prefill, PrefillTier):
        scenario["victim_returns"] = draw(st.sampled_from(["same-worker", "router", "prefill", "prefill"]))
    if isinstance(prefill, ChunkedPrefill):
        scenario["recompute_s_per_token"] = 0.0
    if speculation is not None and scenario["kv_capacity"] is not None:
        scenario["kv_capacity"] += speculation.draft_tokens
    return {**scenario, "prefill": prefill, "speculation": speculation, "seed": draw(st.integers(0, 3))}

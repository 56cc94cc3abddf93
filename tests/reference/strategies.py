"""Small random workloads and clusters, as plain dicts with the keyword names of `simulate_reference`."""

from itertools import accumulate
from typing import Any

from hypothesis import strategies as st

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
def workloads(draw: st.DrawFn, *, max_requests: int = 40) -> dict[str, Any]:
    """1 to `max_requests` requests in order of arrival, prompts and outputs of 1 to 30 tokens."""
    count = draw(st.integers(1, max_requests))
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
def scenarios(draw: st.DrawFn, *, max_requests: int = 40) -> dict[str, Any]:
    """A workload with a cluster that can serve it: everything `simulate_reference` takes but the policy."""
    workload = draw(workloads(max_requests=max_requests))
    lengths = zip(workload["prompt_tokens"], workload["output_tokens"], strict=True)
    largest = max(prompt + output for prompt, output in lengths)
    return workload | draw(clusters(largest_request=largest))

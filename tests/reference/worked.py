"""Brief forms for the worked examples, where requests are called A, B, C... in workload order."""

from typing import Any

from .cluster import ArrivalPolicy, PoolPolicy, ReferenceRun, simulate_reference

ONE_SECOND = [(1.0, 0.0, 0.0, 0.0)]


def simulate(policy: ArrivalPolicy | PoolPolicy, requests, **cluster) -> ReferenceRun:
    """Runs (arrival, prompt, output) triples on two workers of one-second steps, but for what `cluster` says."""
    arrival_s, prompt_tokens, output_tokens = zip(*requests, strict=True)
    defaults: dict[str, Any] = {
        "workers": 2,
        "rows": ONE_SECOND,
        "kv_capacity": None,
        "candidates": None,
        "recompute_s_per_token": 0.0,
    }
    return simulate_reference(
        policy=policy,
        arrival_s=arrival_s,
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        **(defaults | cluster),
    )


def step_figures(run: ReferenceRun, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(step, name) for name in names) for step in run.steps]


def request_figures(run: ReferenceRun, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(request, name) for name in names) for request in run.requests]


def admitted_at(run: ReferenceRun, boundary: int) -> list[tuple[str, int]]:
    """Admissions of one boundary, in order, as (request's letter, worker)."""
    return [("ABCDEFG"[log.row], log.worker) for log in run.admissions if log.boundary == boundary]

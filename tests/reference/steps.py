"""How long a decode step lasts, what is sampled in it (2.4, 2.5, 2.14), and what a whole run leaves behind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .workers import Request, Worker

StepRow = tuple[float, float, float, float] | tuple[float, float, float, float, float]
"""const, per_load, per_worker_active, per_active and, where it is given, per_prefill: all in seconds."""

PowerModel = tuple[float, float, float]  # idle_w, peak_w, exponent


@dataclass(frozen=True)
class Step:
    """One decode step, with the loads of part 5.

    Loads are those of workers that are up. `active` counts whoever holds a slot; `waiting` nobody in a prefill tier.
    `admitted` and `finished` count requests before the step ends; `tokens` are those generated in it, `prefill_tokens`
    those that workers prefill in it, the sum of p_g; `barrier_idle` is the share of worker time spent
    waiting for the slowest worker; `energy_j` is what the workers use, NaN without a power model.
    """

    start_s: float
    duration_s: float
    max_load: int
    sum_load: int
    min_load: int
    active: int
    waiting: int
    admitted: int
    finished: int
    tokens: int
    prefill_tokens: int
    workers_up: int
    barrier_idle: float
    energy_j: float

    @property
    def imbalance(self) -> int:
        """I = G M - sum_g L_g."""
        return self.workers_up * self.max_load - self.sum_load


@dataclass(frozen=True)
class Admission:
    """One admission; a request that lost its KV has several. `boundary` is the index of the step begun."""

    boundary: int
    row: int
    worker: int


@dataclass(frozen=True)
class ReferenceRun:
    """What a run leaves behind: requests in workload order, steps and admissions in the order they happened.

    `recomputed_tokens` are the contexts that were lost, by preemption or with a worker.
    """

    requests: list[Request]
    steps: list[Step]
    admissions: list[Admission]
    recomputed_tokens: int = 0

    @property
    def cancelled(self) -> int:
        """Requests that left before they had all their tokens, or never came because of one that did."""
        return sum(request.cancelled for request in self.requests)


def measured(
    *,
    start_s: float,
    workers: Sequence[Worker],
    rows: Sequence[StepRow],
    power: PowerModel | None,
    waiting: int,
    requests: Sequence[Request],
    tokens: int,
) -> Step:
    """The step that begins now. Nobody waits for a worker that is stopped, and it draws no power."""
    up = [worker for worker in workers if worker.up]
    loads = [worker.load for worker in up]
    decoding = sum(len(worker.decoding) for worker in up)
    alone_s = [worker_alone_s(worker, rows, decoding) for worker in up]
    duration_s = max(alone_s)
    return Step(
        start_s=start_s,
        duration_s=duration_s,
        max_load=max(loads),
        sum_load=sum(loads),
        min_load=min(loads),
        active=sum(len(worker.active) for worker in up),
        waiting=waiting,
        admitted=sum(request.admit_s is not None for request in requests),
        finished=sum(request.finish_s is not None for request in requests),
        tokens=tokens,
        prefill_tokens=sum(prefill_tokens(worker) for worker in up),
        workers_up=len(up),
        barrier_idle=sum(duration_s - each_s for each_s in alone_s) / (len(up) * duration_s),
        energy_j=power_w(loads, power) * duration_s,
    )


def worker_alone_s(worker: Worker, rows: Sequence[StepRow], sum_decoding: int) -> float:
    """How long the step would last if this worker waited for no other: the largest of the rows."""
    L, d, p, f = worker.load, len(worker.decoding), prefill_tokens(worker), worker.slow_down
    return max(
        f * (const + per_load * L + per_worker_active * d + per_prefill * p) + per_active * sum_decoding
        for const, per_load, per_worker_active, per_active, per_prefill in ((*row, 0.0)[:5] for row in rows)
    )


def prefill_tokens(worker: Worker) -> int:
    """p_g: the tokens that this worker prefills in this step."""
    return sum(request.prefill_now for request in worker.active)


def power_w(loads: Sequence[int], power: PowerModel | None) -> float:
    """What workers with these loads draw."""
    if power is None:
        return math.nan
    idle_w, peak_w, exponent = power
    return sum(idle_w + (peak_w - idle_w) * (load / max(loads)) ** exponent for load in loads)

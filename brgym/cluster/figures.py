"""The figures of one decode step, each defined once, for Python and for compiled code (DESIGN 2.4, 2.5)."""

from typing import Any

from brgym._compile import inlined, shared
from brgym.cluster.records import Integers, Reals

Amount = Any
"""A number, or an array of one number a step."""


@shared
def imbalance(workers: Amount, envelope: Amount, total: Amount) -> Amount:
    """I = G M - sum_g L_g, in tokens.

    Args:
        workers: Number of workers, G.
        envelope: M, the load of the most loaded worker, in tokens.
        total: Sum of all loads, in tokens.
    """
    return workers * envelope - total


@shared
def balance(workers: Amount, envelope: Amount, total: Amount) -> Amount:
    """sum_g L_g / (G M), in 0..1; arguments as for `imbalance`, the envelope above 0."""
    return total / (workers * envelope)


@inlined
def worker_seconds(row: Reals, load_tokens: int, active: int, prefill_tokens: int, slowdown: float) -> float:
    """What a worker needs for its own part of a row of the step time; arguments as in `StepTimeRow`."""
    return slowdown * (row[0] + row[1] * load_tokens + row[2] * active + row[4] * prefill_tokens)


@inlined
def step_seconds(
    step_time: Reals, load_tokens: Integers, active: Integers, envelope: int, most_active: int, all_active: int
) -> float:
    """Duration of a step: the largest of its rows, in each the largest worker (DESIGN 2.4).

    Args:
        step_time: Rows of the step time, see `StepTime.as_array`.
        load_tokens: Load of each worker, shape (workers,).
        active: Active requests of each worker, shape (workers,).
        envelope: The largest load.
        most_active: The largest number of active requests on a worker.
        all_active: Active requests of the whole cluster, also where the others are of some workers only.
    """
    duration_s = 0.0
    for row in range(len(step_time)):
        base_s, per_token_s, per_worker_active_s = step_time[row, 0], step_time[row, 1], step_time[row, 2]
        slowest_s = base_s + per_token_s * envelope + per_worker_active_s * most_active
        if per_token_s > 0.0 and per_worker_active_s > 0.0:  # the fullest worker need not have the most requests
            slowest_s = 0.0
            for worker in range(len(load_tokens)):
                own_s = base_s + per_token_s * load_tokens[worker] + per_worker_active_s * active[worker]
                slowest_s = max(slowest_s, own_s)
        duration_s = max(duration_s, slowest_s + step_time[row, 3] * all_active)
    return duration_s

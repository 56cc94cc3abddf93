"""What no router can beat, even one that knows every length: lower bounds on a run, from the physics alone.

The argument (ours) uses DESIGN section 2 and nothing about any policy. Consider any run that serves requests i = 1..n
with prompts s_i, outputs o_i and arrivals a_i on G workers of B slots; step k has envelope M_k and lasts dt_k.

*Token-steps are conserved.* A request generates its j-th token in exactly one step, in which it weighs s_i + j - 1
tokens; a preemption changes neither, because generated tokens are kept and count as context. So in every run

    sum_k sum_g L_{g,k} = W = sum_i w_i,    w_i = s_i o_i + o_i (o_i - 1) / 2,

and sum_k sum_g n_{g,k} = T = sum_i o_i.

*Envelope.* G M_k >= sum_g L_{g,k}, and the M_k are whole, so sum_k M_k >= ceil(W / G). In the steps in which request i
is active M_k is at least its own weight, so sum_k M_k >= max_i w_i. The larger of the two is E.

*Steps.* A step gives a request at most one token, a slot at most one token, and runs with L_g + n_g <= kv_capacity, so
their number is at least K = max(max_i o_i, ceil(T / (G B)), ceil((W + T) / (G kv_capacity))).

*Most active requests.* In the same way sum_k max_g n_{g,k} >= N = max(ceil(T / G), max_i o_i).

*Time.* dt_k is at least each row of the step time, base_s + max_g (per_token_s L_g + per_worker_active_s n_g) +
per_active_s sum_g n_g. The largest worker needs at least per_token_s M, and per_worker_active_s max_g n_g; where a row
has both, also the mean over the workers, and what any request that is active needs for itself alone. So for each row
sum_k dt_k >= base_s K + Y + per_active_s T, with Y the largest of per_token_s E, per_worker_active_s N,
(per_token_s W + per_worker_active_s T) / G and max_i (per_token_s w_i + per_worker_active_s o_i). The DP barrier has
one row: C K + t_l E. With more rows (AFD) the largest row counts, which ignores that different rows may decide
different steps.

*Arrivals.* Take any request r and all that arrive no earlier than it. Whatever serves them starts at a_r or later, so
the argument holds for these requests and the steps from a_r on: makespan >= a_r + the bound of those requests alone.
The largest over r counts; with r the last to arrive it holds that request's own service, with r the first everything.

*Regimes.* Victims and stopped workers change neither W nor T; G counts all workers, of which fewer may be up; slow
workers and recomputed contexts only add. In a closed loop all may come at 0, and who follows another comes no earlier
than if the answers before it had taken no time. A prefill tier only delays. Where requests may leave unserved, gain
more than a token in a step or are prefilled in chunks there is no bound.

What is left out makes the bound low, never wrong: that whole requests have to share workers and slots (so the drain at
the end of a run is not perfectly even), that candidates are seen through a window, and that arrivals leave slots empty.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from brgym.cluster import figures
from brgym.cluster.config import ClusterConfig
from brgym.cluster.prefill import ChunkedPrefill
from brgym.cluster.records import Integers, Reals, Records
from brgym.cluster.simulate import check_fits
from brgym.cluster.step_time import StepTimeRow
from brgym.workload import Workload
from brgym.workload.turns import earliest_s

Amounts = TypeVar("Amounts", Integers, Reals)

_MAX_TOKEN_STEPS = 2**62
"""The most token-steps that a bound adds up (our choice): half of what 64 bits hold, so that twice as many fit."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What every run of a workload on a cluster needs at least; the module's docstring proves each figure.

    Attributes:
        makespan_s: The last finish, in seconds.
        steps: Decode steps.
        envelope_token_steps: Sum of the envelope M over the steps, in tokens.
        load_token_steps: Sum of all loads over the steps, W, in tokens; the same in every run.
        imbalance_token_steps: Sum of the imbalance I = G M - sum_g L_g over the steps, in tokens.
    """

    makespan_s: float
    steps: int
    envelope_token_steps: int
    load_token_steps: int
    imbalance_token_steps: int


def lower_bound(cluster: ClusterConfig, workload: Workload) -> Bound:
    """The bound that holds for every policy, clairvoyant or not, of either binding, with preemption or without.

    Raises:
        ValueError: If a request could never fit a worker, so that there is no run; names the first such row. If some
            may leave unserved, or a worker becomes faster than the step time says. If the token-steps of all requests,
            or the most of one x workers, exceed 2**62, so that 64 bits might not add them.
    """
    check_fits(cluster, workload)
    _check_bounded(cluster, workload)
    workload = _as_early_as_can_be(workload)
    tokens = workload.output_tokens
    token_steps = _token_steps(workload)
    _check_sums(cluster, token_steps)
    load, generated, longest = _from_each(token_steps), _from_each(tokens), _largest_from_each(tokens)
    envelope = np.maximum(_ceil_divide(load, cluster.workers), _largest_from_each(token_steps))
    most_active = np.maximum(_ceil_divide(generated, cluster.workers), longest)
    steps = np.maximum(longest, _ceil_divide(generated, cluster.workers * cluster.slots))
    if cluster.kv_capacity is not None:
        steps = np.maximum(steps, _ceil_divide(load + generated, cluster.workers * cluster.kv_capacity))
    service_s = np.max(
        [
            row.base_s * steps
            + row.per_active_s * generated
            + _slowest_worker_s(row, cluster.workers, workload, envelope, most_active)
            for row in cluster.step_time.rows
        ],
        axis=0,
    )
    return Bound(
        makespan_s=float((workload.arrival_s + service_s).max()),
        steps=int(steps[0]),
        envelope_token_steps=int(envelope[0]),
        load_token_steps=int(load[0]),
        imbalance_token_steps=int(figures.imbalance(cluster.workers, envelope[0], load[0])),
    )


def has_bound(cluster: ClusterConfig, workload: Workload) -> bool:
    """Whether `lower_bound` says anything: every request is served, a token a step, by workers no faster than they are.

    With chunks a request's first token comes in a step in which it is not counted among those that decode, so that
    there is no bound either.
    """
    if cluster.speculation is not None or isinstance(cluster.prefill, ChunkedPrefill):
        return False
    leaves = workload.patience_s is not None and bool(np.isfinite(workload.patience_s).any())
    return not leaves and all(event.factor >= 1.0 for event in cluster.events)


def _check_bounded(cluster: ClusterConfig, workload: Workload) -> None:
    if not has_bound(cluster, workload):
        raise ValueError(
            "no bound holds where requests may leave (patience_s), workers become faster (a factor below 1) or prefill "
            "in chunks, or where requests gain drafts (speculation)"
        )


def _as_early_as_can_be(workload: Workload) -> Workload:
    """The same requests, each by itself, at the earliest time at which it can be there; sorted by that."""
    if workload.concurrency is not None:
        return Workload(np.zeros(len(workload)), workload.prompt_tokens, workload.output_tokens)
    if workload.after is None:
        return workload
    come_s = earliest_s(workload.arrival_s, workload.after)
    order = np.argsort(come_s, kind="stable")
    return Workload(come_s[order], workload.prompt_tokens[order], workload.output_tokens[order])


def _slowest_worker_s(
    row: StepTimeRow, workers: int, workload: Workload, envelope: Integers, most_active: Integers
) -> Reals:
    """Y of the module's docstring for each request and all after it, in seconds, shape (requests,)."""
    by_load, by_active = row.per_token_s * envelope, row.per_worker_active_s * most_active
    if row.per_token_s == 0.0 or row.per_worker_active_s == 0.0:
        return np.asarray(by_load + by_active)
    alone_s = row.per_token_s * _token_steps(workload) + row.per_worker_active_s * workload.output_tokens
    return np.maximum.reduce([by_load, by_active, _from_each(alone_s) / workers, _largest_from_each(alone_s)])


def _token_steps(workload: Workload) -> Integers:
    """w_i of the module's docstring, shape (requests,)."""
    tokens = workload.output_tokens
    return workload.prompt_tokens * tokens + tokens * (tokens - 1) // 2


def _check_sums(cluster: ClusterConfig, token_steps: Integers) -> None:
    """Refuses what the integer sums of a bound could not hold; workers x envelope is the largest of them."""
    total = sum(token_steps.tolist())  # Python's integers have no largest
    largest = max(total + cluster.workers, cluster.workers * int(token_steps.max()))
    if largest > _MAX_TOKEN_STEPS:
        raise ValueError(
            f"the workload has {total} token-steps (prompt_tokens x output_tokens + output_tokens x (output_tokens - 1)"
            f" / 2, summed) on {cluster.workers} workers: the sum, and the largest x workers, must be in 1..2**62"
        )


def envelope_token_steps(steps: Records) -> int:
    """Sum of the envelope over all steps of a run, in tokens: `Result.steps` against `Bound.envelope_token_steps`."""
    return int(steps["max_load"].sum())


def recovered(reference: float, policy: float, bound: float) -> float:
    """Share of what a reference run loses against the bound that a policy wins back: 1 is the bound itself.

    (reference - policy) / (reference - bound), for any figure of a run that has a bound. Two are meant:

    - `envelope_token_steps`: the recoverable barrier idle. The workers of a run idle for sum_k sum_g (M_k - L_{g,k}) =
      G sum_k M_k - W token-steps, and G and W are the same in every run, so they cancel.
    - `makespan_s`: the recoverable time, which also holds the constant part of the steps that a policy saves.

    Args:
        reference: The figure of the run to improve on, for example of join-shortest-queue.
        policy: The figure of the policy's run.
        bound: The figure of `lower_bound` for the same cluster and workload.

    Returns:
        At most 1; negative where the policy is worse than the reference; NaN where the reference attains the bound, so
        that there is nothing to recover.
    """
    return (reference - policy) / (reference - bound) if reference > bound else math.nan


def _from_each(values: Amounts) -> Amounts:
    """Sum over each request and all after it; for equal arrivals the first of them has the largest, as it should."""
    return np.cumsum(values[::-1])[::-1]


def _largest_from_each(values: Amounts) -> Amounts:
    return np.maximum.accumulate(values[::-1])[::-1]


def _ceil_divide(values: Integers, by: int) -> Integers:
    return -(-values // min(by, _MAX_TOKEN_STEPS))  # no value is larger, and none then needs more than one

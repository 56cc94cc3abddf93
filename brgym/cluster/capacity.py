"""The rate at which a cluster saturates: more requests a second than this, and the queue grows without end.

A request of prompt s and output o decodes for o steps, with speculation for o' = (o + (E[X^2] - E[X]) / 2 E[X]) / E[X]
(Wald's identity with the mean overshoot, X being what it gains in a step). It weighs s + (o - 1) / 2 tokens on average,
so an active request drawn at a random step weighs w = E[o' (s + (o - 1) / 2)] / E[o'], and its client, whose limit is
l, still allows it a = E[o' (l - (o - 1) / 2)] / E[o']. In saturation every worker holds as many as it has slots, or as
its KV capacity below the watermark holds of w + r + rho a, r and rho being the reserves of DESIGN 2.12; perfectly
balanced, a step of n requests on each of G workers takes what the step time says of the loads n w.

A worker takes x requests a step, of E[o'] steps each: x = n / E[o']. Where workers prefill in chunks, a request has its
first token with its last chunk, for which it waits half an interval on average, and prompts have what decoding leaves
of the budget every so many steps: x is at most n / (E[o'] + (interval - 1) / 2), and at most budget / (interval E[s] +
u (E[o'] - 1)). A prefill tier serves at most servers / (base + per_token E[s]).

No router serves more, for none has less than the mean load as its largest; good ones come within a few percent
(tests/cluster/test_capacity.py). Prompts are not so easily levelled as loads: where a chunk takes time, the worker that
prefills holds the others, and a fifth may be missing. What preemption costs is not in it, nor a tier's buffer, nor
workers that are slow or stopped, nor requests that leave.
"""

from typing import TYPE_CHECKING

import numpy as np

from brgym.cluster.prefill import ChunkedPrefill, PrefillTier
from brgym.cluster.records import Reals
from brgym.cluster.speculation import Speculation

if TYPE_CHECKING:
    from brgym.cluster.config import ClusterConfig
    from brgym.workload import Workload


def saturation_rate_per_s(cluster: "ClusterConfig", workload: "Workload") -> float:
    """Requests per second that saturate a cluster (our choice of formula, see this module).

    Requests that could never fit are left out.

    Args:
        cluster: The cluster.
        workload: The requests; of their limits, where they have none, their outputs count.

    Raises:
        ValueError: If no request fits.
    """
    prompt, output = workload.prompt_tokens.astype(np.float64), workload.output_tokens.astype(np.float64)
    limit = output if workload.max_tokens is None else workload.max_tokens.astype(np.float64)
    if cluster.kv_capacity is not None:
        fitting = prompt + output <= cluster.kv_capacity
        if not fitting.any():
            raise ValueError(
                f"kv_capacity {cluster.kv_capacity} holds none of the requests, so the cluster serves none"
            )
        prompt, output, limit = prompt[fitting], output[fitting], limit[fitting]
    steps = _steps(output, cluster.speculation)
    generated = (output - 1.0) / 2.0
    weight_tokens = _over_steps(prompt + generated, steps)
    active = _most_active(cluster, weight_tokens, _over_steps(limit - generated, steps))
    rate_per_s = _decode_rate_per_s(cluster, active, weight_tokens, float(steps.mean()), float(prompt.mean()))
    if isinstance(cluster.prefill, PrefillTier):
        busy_s = cluster.prefill.base_s + cluster.prefill.per_token_s * float(prompt.mean())
        rate_per_s = min(rate_per_s, cluster.prefill.servers / busy_s) if busy_s > 0.0 else rate_per_s
    return rate_per_s


def _most_active(cluster: "ClusterConfig", weight_tokens: float, allowed_tokens: float) -> float:
    """Requests that a worker holds."""
    if cluster.kv_capacity is None:
        return float(cluster.slots)
    reserve_tokens = cluster.gained_tokens if cluster.kv_reserve_tokens is None else cluster.kv_reserve_tokens
    reserved_tokens = reserve_tokens + cluster.kv_reserve_share * allowed_tokens
    room_tokens = (1.0 - cluster.kv_watermark) * cluster.kv_capacity
    return min(float(cluster.slots), max(1.0, room_tokens / (weight_tokens + reserved_tokens)))


def _decode_rate_per_s(
    cluster: "ClusterConfig", active: float, weight_tokens: float, steps: float, prompt_tokens: float
) -> float:
    """What the workers serve, by the mean steps and prompt of a request."""
    taken, decoding, prefilled_tokens = active / steps, active, 0.0
    if isinstance(cluster.prefill, ChunkedPrefill):
        budget_tokens, interval = cluster.prefill.budget_tokens, cluster.prefill.interval
        by_slots = active / (steps + (interval - 1) / 2)
        by_budget = budget_tokens / (interval * prompt_tokens + cluster.gained_tokens * (steps - 1.0))
        taken = min(by_slots, by_budget)
        decoding, prefilled_tokens = taken * (steps - 1.0), taken * prompt_tokens
    duration_s = max(
        row.base_s
        + row.per_token_s * active * weight_tokens
        + row.per_worker_active_s * decoding
        + row.per_prefill_token_s * prefilled_tokens
        + row.per_active_s * cluster.workers * decoding
        for row in cluster.step_time.rows
    )
    return cluster.workers * taken / duration_s


def _steps(output: Reals, speculation: Speculation | None) -> Reals:
    """Decode steps that each request takes on average."""
    if speculation is None:
        return output
    gains = np.arange(1, speculation.most_gained_tokens + 1)
    reached = speculation.acceptance ** (gains - 1.0)  # P(X >= gain)
    shares = reached - np.append(reached[1:], 0.0)
    mean, square = float(shares @ gains), float(shares @ gains**2)
    return np.maximum(1.0, (output + (square - mean) / (2.0 * mean)) / mean)


def _over_steps(of_request: Reals, steps: Reals) -> float:
    """The mean over active requests at a random step of what is a mean over each request's own steps."""
    return float((steps * of_request).sum() / steps.sum())

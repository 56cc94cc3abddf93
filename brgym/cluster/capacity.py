"""The rate at which a cluster saturates: more requests a second than this, and the queue grows without end.

A request of prompt s and output o is active for o steps and weighs s + (o - 1) / 2 tokens on average, so an active
request drawn at a random step weighs w = E[o (s + (o - 1) / 2)] / E[o], and its client, whose limit is l, still allows
it a = E[o (l - (o - 1) / 2)] / E[o]. In saturation every worker holds as many as it has slots, or as its KV capacity
below the watermark holds of w + r + rho a, r and rho being the reserves of DESIGN 2.12; perfectly balanced, a step of
n requests on each of G workers takes what the step time says of the loads n w. Each step generates G n tokens, and a
request takes E[o] of them. No router serves more, for none has less than the mean load as its largest; good ones come
within a few percent (tests/cluster/test_capacity.py). What preemption costs is not in it, nor workers that are slow or
stopped, nor requests that leave.
"""

import numpy as np

from brgym.cluster.records import Integers, Reals
from brgym.cluster.step_time import StepTime


def saturation_rate_per_s(
    step_time: StepTime,
    prompt_tokens: Integers,
    output_tokens: Integers,
    *,
    workers: int,
    slots: int,
    kv_capacity: int | None,
    kv_watermark: float = 0.0,
    kv_reserve_tokens: int = 1,
    kv_reserve_share: float = 0.0,
    max_tokens: Integers | None = None,
) -> float:
    """Requests per second that saturate a cluster (our choice of formula, see this module).

    Args:
        step_time: Duration of a step.
        prompt_tokens: Prompts of the requests, shape (requests,).
        output_tokens: Outputs of the requests, shape (requests,).
        workers: Workers, G.
        slots: Slots of a worker.
        kv_capacity: Tokens that a worker holds; None for no limit. Requests that could never fit are left out.
        kv_watermark: Share of it up to which nothing is admitted.
        kv_reserve_tokens: Tokens that stay free for each request.
        kv_reserve_share: Share of what the clients' limits still allow that stays free as well.
        max_tokens: These limits, shape (requests,); None counts the outputs.

    Raises:
        ValueError: If no request fits.
    """
    prompt, output = prompt_tokens.astype(np.float64), output_tokens.astype(np.float64)
    limit = output if max_tokens is None else max_tokens.astype(np.float64)
    if kv_capacity is not None:
        fitting = prompt + output <= kv_capacity
        if not fitting.any():
            raise ValueError(f"kv_capacity {kv_capacity} holds none of the requests, so the cluster serves none")
        prompt, output, limit = prompt[fitting], output[fitting], limit[fitting]
    generated = (output - 1.0) / 2.0
    weight_tokens = _over_steps(prompt + generated, output)
    active = float(slots)
    if kv_capacity is not None:
        reserved_tokens = kv_reserve_tokens + kv_reserve_share * _over_steps(limit - generated, output)
        room_tokens = (1.0 - kv_watermark) * kv_capacity
        active = min(active, max(1.0, room_tokens / (weight_tokens + reserved_tokens)))
    duration_s = max(
        row.base_s
        + row.per_token_s * active * weight_tokens
        + row.per_worker_active_s * active
        + row.per_active_s * workers * active
        for row in step_time.rows
    )
    return workers * active / (float(output.mean()) * duration_s)


def _over_steps(of_request: Reals, output: Reals) -> float:
    """The mean over active requests at a random step of what is a mean over each request's own steps."""
    return float((output * of_request).sum() / output.sum())

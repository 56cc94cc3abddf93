"""An AFD bundle as a cluster: its phases are three rows of the step time, so that every router runs on it.

The attention workers are the cluster's workers, which wait for the slowest of them as DP workers do. The cluster keeps
time in lockstep, with one batch in each worker's slots: `simulate_bundle(..., schedule="lockstep")` with one microbatch
is the same model, refilled at random.
"""

from typing import Any

from brgym._checks import check_choice, check_integer, check_type
from brgym.afd.coefficients import Coefficients
from brgym.afd.ranges import MAX_COUNT
from brgym.cluster import ClusterConfig, StepTime, StepTimeRow

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds in each unit of time that coefficients may be in to become a cluster."""


def step_time(coefficients: Coefficients) -> StepTime:
    """The step time of a bundle (DESIGN 2.4): attention waits for the envelope M, the FFN server serves all requests.

    The rows are `a_A M + b_A`, then `a_C max_g n_g + b_C`, or `a_C sum_g n_g + b_C` where communication is per bundle,
    then `a_F sum_g n_g + b_F`, all in seconds.

    Raises:
        ValueError: If the coefficients' `time_unit` is none of `SECONDS`.
    """
    check_type("coefficients", coefficients, Coefficients)
    unit_s = SECONDS[check_choice("time_unit", coefficients.time_unit, SECONDS)]
    c = coefficients
    per_request_s = unit_s * c.alpha_c
    return StepTime(
        [
            StepTimeRow(base_s=unit_s * c.beta_a, per_token_s=unit_s * c.alpha_a),
            StepTimeRow(base_s=unit_s * c.beta_c, per_worker_active_s=per_request_s)
            if c.comm_per == "worker"
            else StepTimeRow(base_s=unit_s * c.beta_c, per_active_s=per_request_s),
            StepTimeRow(base_s=unit_s * c.beta_f, per_active_s=unit_s * c.alpha_f),
        ]
    )


def bundle_cluster(coefficients: Coefficients, *, ratio: int, batch: int = 256, **changes: Any) -> ClusterConfig:
    """The cluster of `ratio` attention workers of `batch` slots and one FFN server.

    Its throughput counts all attention workers' tokens; divided by `ratio + 1` it is the throughput per instance.

    Args:
        coefficients: Latency coefficients, in one of the units of `SECONDS`.
        ratio: Attention workers.
        batch: Slots of each.
        **changes: Other parameters of `ClusterConfig`.

    Raises:
        ValueError: If a parameter is out of its range, or as `step_time`.
    """
    ratio = check_integer("ratio", ratio, minimum=1, maximum=MAX_COUNT)
    batch = check_integer("batch", batch, minimum=1, maximum=MAX_COUNT)
    return ClusterConfig(workers=ratio, slots=batch, step_time=step_time(coefficients), **changes)

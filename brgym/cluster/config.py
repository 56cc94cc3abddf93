"""What a cluster is made of: the constants of the model."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brgym._checks import check_type, keep_integers, keep_reals
from brgym.cluster.capacity import saturation_rate_per_s
from brgym.cluster.ranges import MAX_COUNT, MAX_KV_TOKENS, MAX_RECOMPUTE_S_PER_TOKEN
from brgym.cluster.step_time import StepTime

if TYPE_CHECKING:
    from brgym.workload import Workload

_MAX_W = 1e9  # a gigawatt: energies over any run stay finite (our choice)


@dataclass(frozen=True, kw_only=True)
class Power:
    """What a worker draws during a decode step: `idle_w + (peak_w - idle_w) * (L_g / M) ** exponent`.

    The form and the defaults are BF-IO's (arXiv 2601.17855: 100 + 300 (L_g / max L)^0.7 W).

    Attributes:
        idle_w: Power of a worker that only waits, in watts.
        peak_w: Power of the most loaded worker, in watts.
        exponent: How the power grows with the worker's share of the envelope.

    Raises:
        ValueError: If a figure is negative or not finite, or if `peak_w` is below `idle_w`.
    """

    idle_w: float = 100.0
    peak_w: float = 400.0
    exponent: float = 0.7

    def __post_init__(self) -> None:
        keep_reals(self, "idle_w", minimum=0.0, maximum=_MAX_W)
        keep_reals(self, "peak_w", minimum=self.idle_w, maximum=_MAX_W)
        keep_reals(self, "exponent", minimum=0.0, exclusive=True)


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """A cluster of data-parallel decode workers in lockstep (DESIGN 2.1 to 2.4).

    By default a step takes 40 ms + 0.1 us for each KV token of the fullest worker, as in the paper-like study.

    Attributes:
        workers: Number of DP workers, G.
        slots: Requests that a worker decodes at once.
        step_time: Duration of a decode step.
        kv_capacity: Tokens of KV cache that a worker holds; None for no limit.
        candidates: How many of the oldest waiting requests a policy that binds from the pool sees; None for all.
        recompute_s_per_token: Seconds for each token of context before a preempted request is ready again.
        power: Power model of a worker; None leaves the energy figures NaN.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter lies outside its range.
    """

    workers: int = 8
    slots: int = 72
    step_time: StepTime = field(default_factory=lambda: StepTime.barrier(base_s=0.04, per_token_s=1e-7))
    kv_capacity: int | None = None
    candidates: int | None = 32
    recompute_s_per_token: float = 0.0
    power: Power | None = None

    def __post_init__(self) -> None:
        keep_integers(self, "workers", "slots", minimum=1, maximum=MAX_COUNT)
        check_type("step_time", self.step_time, StepTime)
        keep_integers(self, "kv_capacity", minimum=2, maximum=MAX_KV_TOKENS, optional=True)
        keep_integers(self, "candidates", minimum=1, maximum=MAX_COUNT, optional=True)
        keep_reals(self, "recompute_s_per_token", minimum=0.0, maximum=MAX_RECOMPUTE_S_PER_TOKEN)
        if self.power is not None:
            check_type("power", self.power, Power)

    def capacity(self, workload: "Workload") -> float:
        """Requests per second that saturate the cluster, for the lengths of a workload (`Workload.capacity`).

        Raises:
            ValueError: If none of its requests fits a worker.
        """
        return saturation_rate_per_s(
            self.step_time,
            workload.prompt_tokens,
            workload.output_tokens,
            workers=self.workers,
            slots=self.slots,
            kv_capacity=self.kv_capacity,
        )

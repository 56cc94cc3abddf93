"""What a cluster is made of: the constants of the model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from brgym._checks import check_choice, check_type, keep_integers, keep_reals, shown
from brgym.cluster.capacity import saturation_rate_per_s
from brgym.cluster.prefill import ChunkedPrefill, PrefillTier
from brgym.cluster.ranges import MAX_COUNT, MAX_KV_TOKENS, MAX_RECOMPUTE_S_PER_TOKEN
from brgym.cluster.speculation import Speculation
from brgym.cluster.step_time import StepTime
from brgym.cluster.worker_events import WorkerEvent, checked_events

if TYPE_CHECKING:
    from brgym.workload import Workload

Victim = Literal["newest", "least-generated"]
VICTIMS: tuple[Victim, ...] = get_args(Victim)
VictimReturns = Literal["same-worker", "router", "prefill"]
VICTIM_RETURNS: tuple[VictimReturns, ...] = get_args(VictimReturns)

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
    """A cluster of data-parallel decode workers in lockstep (DESIGN 2.1 to 2.4, 2.12 to 2.16).

    By default a step takes 40 ms + 0.1 us for each KV token of the fullest worker, as in the paper-like study.

    Attributes:
        workers: Number of DP workers, G.
        slots: Requests that a worker decodes at once.
        step_time: Duration of a decode step.
        kv_capacity: Tokens of KV cache that a worker holds; None for no limit.
        candidates: How many of the oldest waiting requests a policy that binds from the pool sees; None for all.
        recompute_s_per_token: Seconds for each token of context before a preempted request is ready again.
        power: Power model of a worker; None leaves the energy figures NaN.
        kv_reserve_tokens: Tokens that an admission leaves free for each request of the worker, the new one included;
            None for what a request may gain in a step. 0 fills to the brim and beyond.
        kv_reserve_share: Share, in 0..1, of what the clients' limits still allow these requests to generate that an
            admission leaves free as well; above 0 the workload needs `max_tokens`. 1 never preempts.
        kv_watermark: Share of the capacity, in 0..1, up to which nothing is admitted to a worker that is not empty.
        victim: Which request an over-full worker preempts: "newest", admitted last (vLLM), or "least-generated", with
            the fewest tokens generated, of equals the longest prompt, then the newest (SGLang).
        victim_returns: Where a preempted request goes when it is ready again: "same-worker", to the head of its queue,
            or "router", which binds it anew; a router that binds from the pool finds it at the pool's head either way.
            "prefill": through the prefill tier, which it joins at once, back to the router.
        prefill: Where prompts are prefilled: on a tier of its own before they come to the router, or in chunks on the
            workers; None where they cost nothing.
        speculation: How many tokens a request may gain in a step; None for one.
        events: Workers that slow down, stop and come back.

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
    kv_reserve_tokens: int | None = None
    kv_reserve_share: float = 0.0
    kv_watermark: float = 0.0
    victim: Victim = "newest"
    victim_returns: VictimReturns = "same-worker"
    prefill: PrefillTier | ChunkedPrefill | None = None
    speculation: Speculation | None = None
    events: Sequence[WorkerEvent] = ()

    def __post_init__(self) -> None:
        keep_integers(self, "workers", "slots", minimum=1, maximum=MAX_COUNT)
        check_type("step_time", self.step_time, StepTime)
        keep_integers(self, "kv_capacity", minimum=2, maximum=MAX_KV_TOKENS, optional=True)
        keep_integers(self, "candidates", minimum=1, maximum=MAX_COUNT, optional=True)
        keep_reals(self, "recompute_s_per_token", minimum=0.0, maximum=MAX_RECOMPUTE_S_PER_TOKEN)
        if self.power is not None:
            check_type("power", self.power, Power)
        keep_integers(self, "kv_reserve_tokens", minimum=0, maximum=MAX_COUNT, optional=True)
        keep_reals(self, "kv_reserve_share", minimum=0.0, maximum=1.0)
        keep_reals(self, "kv_watermark", minimum=0.0, maximum=1.0)
        check_choice("victim", self.victim, VICTIMS)
        check_choice("victim_returns", self.victim_returns, VICTIM_RETURNS)
        if self.prefill is not None and not isinstance(self.prefill, PrefillTier | ChunkedPrefill):
            raise TypeError(f"prefill must be a PrefillTier, a ChunkedPrefill or None, got {shown(self.prefill)}")
        if self.speculation is not None:
            check_type("speculation", self.speculation, Speculation)
        object.__setattr__(self, "events", checked_events(self.events, self.workers))
        if self.victim_returns == "prefill" and not isinstance(self.prefill, PrefillTier):
            raise ValueError(f"victim_returns 'prefill' needs a prefill tier, got prefill {shown(self.prefill)}")
        if isinstance(self.prefill, ChunkedPrefill) and self.recompute_s_per_token > 0.0:
            raise ValueError(
                "recompute_s_per_token must be 0 with chunked prefill, which computes lost contexts anew, got "
                f"{self.recompute_s_per_token:g}"
            )

    @property
    def gained_tokens(self) -> int:
        """What a request gains in a step, at most: u of DESIGN 2.11."""
        return 1 if self.speculation is None else self.speculation.most_gained_tokens

    def capacity(self, workload: "Workload") -> float:
        """Requests per second that saturate the cluster, for the lengths of a workload (`Workload.capacity`).

        Raises:
            ValueError: If none of its requests fits a worker.
        """
        return saturation_rate_per_s(self, workload)

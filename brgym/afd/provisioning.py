"""How many attention workers one FFN server should feed: one call, and a result that explains itself."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from brgym._checks import check_choice, check_integer, check_real, check_type
from brgym.afd._types import FloatArray, Interval
from brgym.afd.barrier import BarrierCycle
from brgym.afd.coefficients import Coefficients
from brgym.afd.cycle import Cycle, Phase, Regime, RegimeMargin, pipeline
from brgym.afd.gaussian import GaussianCycle, expected_maximum
from brgym.afd.limits import InfeasibleError, Limits, kv_tokens_needed, largest_batch
from brgym.afd.quasi_static import QuasiStaticCycle
from brgym.afd.ranges import MAX_COST, MAX_COUNT, MAX_MICROBATCHES, MIN_COST
from brgym.afd.token_load import TokenLoad, percentile_interval

Method = Literal["mean-field", "gaussian", "gaussian-plug-in", "microbatch", "quasi-static"]


@dataclass(frozen=True, kw_only=True)
class Provision:
    """The best ratio of a bundle, and what the model says about every other ratio.

    A bundle is r attention workers and one FFN server. Where the arguments are arrays of ratios, so are the results.
    The attributes are what `optimal_ratio` was asked; everything else follows from them.

    Attributes:
        coefficients: Latency coefficients.
        batch: Requests of one worker in one microbatch.
        load: Stationary load of a slot.
        method: How the cycle time is modelled.
        microbatches: Microbatches in flight.
        attention_cost: Cost of an attention instance: devices, money or watts.
        ffn_cost: Cost of an FFN instance, in the same unit.
        limits: KV and TPOT limits.
    """

    coefficients: Coefficients
    batch: int
    load: TokenLoad
    method: Method
    microbatches: int
    attention_cost: float
    ffn_cost: float
    limits: Limits

    @cached_property
    def ratio(self) -> float:
        """The best ratio within the limits: a real number, or the best integer where the method counts workers."""
        return self.model.best_ratio(self.ratio_limit)

    @cached_property
    def integer(self) -> int:
        """The best integer ratio within the limits, at least 1.

        Raises:
            ValueError: If it is above 1e9.
        """
        return self.model.best_integer(self.ratio_limit)

    @cached_property
    def ratio_limit(self) -> float:
        """The largest ratio that the TPOT limit allows; infinite without one."""
        if self.limits.tpot is None:
            return np.inf
        return self.model.largest_ratio(self.limits.tpot / self.microbatches)

    @property
    def limited(self) -> bool:
        """Whether the TPOT limit, and not throughput, sets the ratio."""
        return self.model.best_ratio(np.inf) > self.ratio_limit

    def interval(self, *, confidence: float = 0.95) -> Interval | None:
        """The ratio's interval, carried over from the load's bootstrap; None where the load is known exactly.

        A replicate of the load under which no bundle keeps the TPOT limit counts as a ratio of 0.
        """
        ratios = self._replicated_ratios
        return None if ratios is None else percentile_interval(ratios, confidence)

    @cached_property
    def _replicated_ratios(self) -> list[float] | None:
        if self.load.replicates is None:
            return None
        loads = (TokenLoad(theta, nu, skewness=third) for theta, nu, third in self.load.replicates.tolist())
        provisions = (replace(self, load=load) for load in loads)
        return [p.ratio if p.ratio_limit >= 1 else 0.0 for p in provisions]

    @property
    def regime(self) -> Regime:
        """What binds: the phase that sets the cycle just below the ratio."""
        return self._affine.regime(self.ratio if self.limited else self._affine.optimum())

    def regime_at(self, ratio: float) -> Regime:
        """The phase that sets the cycle just below a ratio."""
        return self._affine.regime(ratio)

    @property
    def margin(self) -> RegimeMargin:
        """How far the best ratio (without limits) is from another regime."""
        return self._affine.margin()

    @property
    def regime_ratios(self) -> dict[Regime, float]:
        """The ratio at which the FFN takes as long as each other phase, and the peak of the FFN alone.

        These are r_A, r_C and r_peak of arXiv 2601.21351: with communication per worker and the mean-field method the
        largest of them is the optimum and names the regime. A phase that grows as fast as the FFN has none.
        """
        *others, ffn = self._phases
        ratios: dict[Regime, float] = {
            phase.regime: (phase.intercept - ffn.intercept) / (ffn.slope - phase.slope)
            for phase in others
            if phase.slope != ffn.slope
        }
        if ffn.slope > 0:
            ratios["ffn"] = float(np.sqrt(self.ffn_cost * ffn.intercept / (self.attention_cost * ffn.slope)))
        return ratios

    def cycle_time(self, ratio: npt.ArrayLike) -> FloatArray:
        """Mean time from one microbatch to the next."""
        return self.model.duration(ratio)

    def tpot(self, ratio: npt.ArrayLike) -> FloatArray:
        """Mean time per output token of a request: its microbatch takes part in one cycle of `microbatches`."""
        return self.microbatches * self.cycle_time(ratio)

    def throughput(self, ratio: npt.ArrayLike) -> FloatArray:
        """Tokens per unit of time and unit of cost: `r B / ((g_A r + g_F) tau)`.

        The unit of time is the coefficients'; with both costs 1 this is the throughput per instance.
        """
        return self.batch / self.model.cost(ratio)

    def idle_attention(self, ratio: npt.ArrayLike) -> FloatArray:
        """Share of the cycle in which an attention worker waits."""
        return 1.0 - self._attention_time / self.cycle_time(ratio)

    def idle_ffn(self, ratio: npt.ArrayLike) -> FloatArray:
        """Share of the cycle in which the FFN server waits."""
        return 1.0 - self._phases[-1].time(ratio) / self.cycle_time(ratio)

    def colocated_throughput(self, *, cost: float = 1.0) -> float:
        """Throughput per unit of cost of an instance that is not disaggregated (our choice of comparison).

        It does attention and FFN for its own batch one after the other, with the same coefficients and no
        communication; neither barrier nor overlap is counted.

        Args:
            cost: Cost of that instance, in the unit of `attention_cost`.
        """
        cost = check_real("cost", cost, minimum=MIN_COST, maximum=MAX_COST)
        return self.batch / (cost * (self._attention_time + self.coefficients.ffn_time(1.0, self.batch)))

    @cached_property
    def model(self) -> Cycle | BarrierCycle:
        """The model of the cycle that the method names."""
        attention, communication, ffn = self._phases
        if self.method == "microbatch":
            return self._cycle(attention, ffn, pipeline(self._phases, self.microbatches))
        if self.method == "mean-field":
            return self._cycle(attention, communication, ffn)
        std = self.coefficients.alpha_a * self.load.worker_std(self.batch)
        if self.method == "quasi-static":
            skewness, away = self.load.worker_skewness(self.batch), pipeline((communication, ffn), 1)
            return QuasiStaticCycle(self._attention_time, std, self._cycle(ffn), skewness, away, self.microbatches)
        rest = self._cycle(communication, ffn)
        return GaussianCycle(self._attention_time, std, rest, plug_in=self.method == "gaussian-plug-in")

    @property
    def _affine(self) -> Cycle:
        """The model as affine phases; for a Gaussian barrier, with attention as long as the slowest worker's mean."""
        if isinstance(self.model, Cycle):
            return self.model
        return self.model.affine(float(expected_maximum(self.integer)))

    @property
    def _phases(self) -> tuple[Phase, Phase, Phase]:
        c = self.coefficients
        fixed = c.communication_time(0.0, self.batch)
        return (
            Phase("attention", 0.0, self._attention_time),
            Phase("communication", c.communication_time(1.0, self.batch) - fixed, fixed),
            Phase("ffn", c.alpha_f * self.batch, c.beta_f),
        )

    @property
    def _attention_time(self) -> float:
        return self.coefficients.attention_time(self.load.worker_mean(self.batch))

    def _cycle(self, *phases: Phase) -> Cycle:
        return Cycle(phases, self.attention_cost, self.ffn_cost)


def optimal_ratio(
    coefficients: Coefficients,
    *,
    batch: int = 256,
    load: TokenLoad,
    method: Method = "mean-field",
    microbatches: int = 3,
    attention_cost: float = 1.0,
    ffn_cost: float = 1.0,
    limits: Limits | None = None,
) -> Provision:
    """Finds the ratio of attention workers to FFN servers that yields the most tokens per unit of cost.

    Methods: `"mean-field"` takes every worker at its mean load, `tau = max(t_A, t_C, t_F)`, and has three regimes;
    `"gaussian"` takes the mean over the slowest of r normal loads, `"gaussian-plug-in"` puts the mean of the slowest
    into the maximum (all three arXiv 2601.21351); `"microbatch"` takes workers at their mean and knows that m
    microbatches may be too few to keep all phases busy, `tau_m = max(t_A, t_F, (t_A + t_F + t_C) / m)`;
    `"quasi-static"` knows besides that loads scatter, and that a worker may run ahead of the others by as many
    microbatches (`brgym.afd.quasi_static`; both derived for this project).

    Args:
        coefficients: Latency coefficients.
        batch: Requests of one worker in one microbatch.
        load: Stationary load of a slot.
        method: How the cycle time is modelled.
        microbatches: Microbatches in flight; every method counts them for KV cache and TPOT.
        attention_cost: Cost of an attention instance: devices, money or watts.
        ffn_cost: Cost of an FFN instance, in the same unit.
        limits: KV and TPOT limits; None for none.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter is out of its range, or no ratio is best because no phase grows with it.
        InfeasibleError: If no ratio keeps the limits.
    """
    check_choice("method", method, get_args(Method))
    provision = Provision(
        coefficients=check_type("coefficients", coefficients, Coefficients),
        batch=check_integer("batch", batch, minimum=1, maximum=MAX_COUNT),
        load=check_type("load", load, TokenLoad),
        method=method,
        microbatches=check_integer("microbatches", microbatches, minimum=1, maximum=MAX_MICROBATCHES),
        attention_cost=check_real("attention_cost", attention_cost, minimum=MIN_COST, maximum=MAX_COST),
        ffn_cost=check_real("ffn_cost", ffn_cost, minimum=MIN_COST, maximum=MAX_COST),
        limits=Limits() if limits is None else check_type("limits", limits, Limits),
    )
    _check_feasible(provision)
    return provision


def _check_feasible(provision: Provision) -> None:
    load, limits, m = provision.load, provision.limits, provision.microbatches
    least_tpot = float(provision.tpot(1.0))
    capacity = limits.kv_capacity_tokens
    if capacity is not None:
        overflow = limits.kv_overflow
        needed = kv_tokens_needed(load, batch=provision.batch, microbatches=m, kv_overflow=overflow)
        if needed > capacity:
            fits = largest_batch(load, kv_capacity_tokens=capacity, microbatches=m, kv_overflow=overflow)
            raise InfeasibleError(
                f"batch {provision.batch} in {m} microbatches needs {needed:.0f} tokens of KV cache on each attention "
                f"worker, kv_capacity_tokens is {capacity}; the largest batch that fits is {fits}"
            )
    if provision.ratio_limit < 1.0:
        raise InfeasibleError(
            f"tpot {limits.tpot:g} cannot be kept: one attention worker per FFN server with {m} microbatches already "
            f"takes {least_tpot:.6g}"
        )

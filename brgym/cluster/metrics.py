"""Every figure of a run, each defined in one place (DESIGN 2.5)."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from brgym.cluster.figures import balance, imbalance
from brgym.cluster.records import Integers, Reals, Records

DEFAULT_WINDOW = (0.1, 0.9)
"""Shares of requests admitted between which a step counts for the step figures."""


@dataclass(frozen=True)
class Distribution:
    """How one figure is spread over the requests; NaN where no request has it.

    Attributes:
        mean: Arithmetic mean.
        p50: Median (linear interpolation, as all percentiles here).
        p90: 90th percentile.
        p95: 95th percentile.
        p99: 99th percentile.
        max: Largest value.
    """

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: Reals) -> "Distribution":
        """Describes an array of any length, shape (requests,)."""
        if len(values) == 0:
            return cls(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)
        p50, p90, p95, p99 = np.percentile(values, [50, 90, 95, 99]).tolist()
        return cls(float(values.mean()), p50, p90, p95, p99, float(values.max()))


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The figures of one run.

    Step figures are there twice: over the steps of the measurement window, and as `run_...` over all steps. The window
    is cut by admissions, which a policy orders as it likes, so that neither is to be read without the other.

    Attributes:
        imbalance_mean: I = G M - sum_g L_g, in tokens.
        spread_mean: M - min_g L_g, in tokens.
        balance_mean: sum_g L_g / (G M), in 0..1.
        barrier_idle_mean: Share of worker time spent waiting for the slowest worker, in 0..1.
        throughput_tok_s: Tokens generated in the window over the time of its steps, whole cluster.
        active_mean: Active requests of the whole cluster.
        run_imbalance_mean: `imbalance_mean` over all steps, and so on.
        run_spread_mean: See there.
        run_balance_mean: See there.
        run_barrier_idle_mean: See there.
        run_throughput_tok_s: See there; time between steps does not count, as there.
        run_active_mean: See there.
        tokens_p90_s: End of the step with which 90 % of all tokens have been generated, in seconds.
        makespan_s: The last finish, which is the end of the last step, in seconds.
        ttft_s: Time to first token: end of the first step - arrival.
        queueing_s: First admission - arrival.
        tpot_s: Time per output token: (finish - first token) / (output - 1), requests of more than one token.
        e2e_s: End-to-end latency: finish - arrival.
        preemptions: Number of preemptions.
        energy_j: Energy of all workers over the whole run, idle power between steps included; NaN without power model.
        requests: Requests served.
        dropped: Requests left out because they could never fit.
        steps: Decode steps run.
        window_steps: Decode steps in the measurement window.
        clairvoyant: Whether the policy knew remaining lengths.
        routing_time_p50_s: Median wall-clock time of a decision; differs from run to run, NaN where not measured.
        routing_time_p99_s: 99th percentile of the same.
    """

    imbalance_mean: float
    spread_mean: float
    balance_mean: float
    barrier_idle_mean: float
    throughput_tok_s: float
    active_mean: float
    run_imbalance_mean: float
    run_spread_mean: float
    run_balance_mean: float
    run_barrier_idle_mean: float
    run_throughput_tok_s: float
    run_active_mean: float
    tokens_p90_s: float
    makespan_s: float
    ttft_s: Distribution
    queueing_s: Distribution
    tpot_s: Distribution
    e2e_s: Distribution
    preemptions: int
    energy_j: float
    requests: int
    dropped: int
    steps: int
    window_steps: int
    clairvoyant: bool
    routing_time_p50_s: float = field(default=math.nan, compare=False)
    routing_time_p99_s: float = field(default=math.nan, compare=False)

    def as_dict(self, *, wall_clock: bool = False) -> dict[str, float | int | bool]:
        """The figures by name, flat: distributions as `ttft_s_mean`, `ttft_s_p50`, ...

        Args:
            wall_clock: Whether to include the routing times, which are not the same in every run.
        """
        flat: dict[str, float | int | bool] = {}
        for figure in dataclasses.fields(self):
            value = getattr(self, figure.name)
            if isinstance(value, Distribution):
                flat |= {f"{figure.name}_{name}": number for name, number in vars(value).items()}
            elif figure.compare or wall_clock:
                flat[figure.name] = value
        return flat


def measurement_window(
    steps: Records, requests: int, window: tuple[float, float] = DEFAULT_WINDOW
) -> npt.NDArray[np.bool_]:
    """Which steps count: those with at least and at most the given shares of requests admitted; all where none does.

    Args:
        steps: The log of steps.
        requests: Number of requests of the run.
        window: The two shares, in 0..1.
    """
    low, high = window
    inside = (steps["admitted"] >= low * requests) & (steps["admitted"] <= high * requests)
    return np.asarray(inside if inside.any() else np.ones(len(steps), np.bool_))


def step_figures(steps: Records, workers: int) -> dict[str, float]:
    """The figures that are means over steps, by the names they have in `Metrics`; NaN without a step.

    Args:
        steps: Steps of a log, fields of `STEP`.
        workers: Number of workers.
    """
    largest, total = steps["max_load"], steps["sum_load"]
    return {
        "imbalance_mean": _mean(imbalance(workers, largest, total)),
        "spread_mean": _mean(largest - steps["min_load"]),
        "balance_mean": _mean(balance(workers, largest, total)),
        "barrier_idle_mean": _mean(steps["barrier_idle"]),
        "throughput_tok_s": float(steps["active"].sum() / steps["duration_s"].sum()) if len(steps) else math.nan,
        "active_mean": _mean(steps["active"]),
    }


def measure(
    steps: Records,
    requests: Records,
    *,
    workers: int,
    idle_w: float,
    window: tuple[float, float],
    dropped: int,
    clairvoyant: bool,
) -> Metrics:
    """Works out all figures of a run that has ended, the routing times left NaN, as is what no step or request has.

    Args:
        steps: The log of steps, fields of `STEP`.
        requests: The requests served, fields of `REQUEST`.
        workers: Number of workers.
        idle_w: Idle power of a worker in watts; NaN without a power model.
        window: See `measurement_window`.
        dropped: Requests left out.
        clairvoyant: Whether the policy knew remaining lengths.
    """
    counted = steps[measurement_window(steps, len(requests), window)]
    times = request_times(requests, requests["arrival_s"], requests["output_tokens"])
    makespan_s = float(steps["start_s"][-1] + steps["duration_s"][-1]) if len(steps) else math.nan
    between_steps_s = makespan_s - float(steps["duration_s"].sum()) if len(steps) else 0.0
    return Metrics(
        **step_figures(counted, workers),
        **{f"run_{name}": figure for name, figure in step_figures(steps, workers).items()},
        tokens_p90_s=_tokens_by_s(steps, percent=90),
        makespan_s=makespan_s,
        ttft_s=Distribution.of(times["ttft_s"]),
        queueing_s=Distribution.of(times["queueing_s"]),
        tpot_s=Distribution.of(times["tpot_s"][requests["output_tokens"] > 1]),
        e2e_s=Distribution.of(times["e2e_s"]),
        preemptions=int(requests["preemptions"].sum()),
        energy_j=float(steps["energy_j"].sum() + idle_w * workers * between_steps_s),
        requests=len(requests),
        dropped=dropped,
        steps=len(steps),
        window_steps=len(counted),
        clairvoyant=clairvoyant,
    )


def _tokens_by_s(steps: Records, *, percent: int) -> float:
    """When so much of all tokens had been generated, of which an active request generates one a step."""
    if len(steps) == 0:
        return math.nan
    generated = np.cumsum(steps["active"])
    step = steps[np.searchsorted(generated, -(-percent * int(generated[-1]) // 100))]
    return float(step["start_s"] + step["duration_s"])


def request_times(requests: Records, arrival_s: Reals, output_tokens: Integers) -> dict[str, Reals]:
    """The times of each request by name, in seconds, shape (requests,): TTFT, queueing, TPOT, end to end.

    Args:
        requests: What became of them: `admit_s`, `first_token_s`, `finish_s`.
        arrival_s: When they arrived, shape (requests,).
        output_tokens: Their outputs, shape (requests,); where it is one token there is no TPOT, but NaN.
    """
    decoding_s = requests["finish_s"] - requests["first_token_s"]
    gaps = np.where(output_tokens > 1, output_tokens - 1.0, np.nan)
    return {
        "ttft_s": requests["first_token_s"] - arrival_s,
        "queueing_s": requests["admit_s"] - arrival_s,
        "tpot_s": decoding_s / gaps,
        "e2e_s": requests["finish_s"] - arrival_s,
    }


def _mean(values: npt.NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else math.nan

"""Every figure of a run, each defined in one place (DESIGN 2.5)."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from brgym._checks import keep_reals
from brgym.cluster.config import ClusterConfig
from brgym.cluster.figures import balance, imbalance
from brgym.cluster.records import Integers, Reals, Records
from brgym.cluster.uptime import worker_seconds_between

DEFAULT_WINDOW = (0.1, 0.9)
"""Shares of requests admitted between which a step counts for the step figures."""

_BINS = 1024  # few enough to count in the cache, so many that few values share one


@dataclass(frozen=True, kw_only=True)
class Slo:
    """A service-level objective: what each request is to be served within.

    Attributes:
        ttft_s: Time to first token, in seconds.
        tpot_s: Time per output token, in seconds; a request of one token has none, and meets it.

    Raises:
        TypeError: If a bound is not a real number.
        ValueError: If a bound is not above 0.
    """

    ttft_s: float
    tpot_s: float

    def __post_init__(self) -> None:
        keep_reals(self, "ttft_s", "tpot_s", minimum=0.0, exclusive=True)


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

    @classmethod
    def of_repeated(cls, values: Reals, counts: Integers) -> "Distribution":
        """Describes values of which each is there as often as `counts` says, both of shape (steps,).

        Percentiles are values: the smallest that so many do not exceed.
        """
        if counts.sum() == 0:
            return cls.of(values[:0])
        values, total = np.ascontiguousarray(values), int(counts.sum())
        p50, p90, p95, p99 = _weighted_percentiles(values, counts, np.array([0.5, 0.9, 0.95, 0.99]) * total)
        return cls(float((values * counts).sum() / total), p50, p90, p95, p99, float(values[counts > 0].max()))


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
        itl_s: Inter-token latency: the duration of its step for each token generated (our choice: also for first ones).
        e2e_s: End-to-end latency: finish - arrival.
        waits_fairness: Jain's index of the waits `queueing_s`, (sum x)^2 / (n sum x^2): 1 where all wait as long, 1 / n
            where one does; 1 where none waits.
        preemptions: Number of preemptions.
        interruptions: How often a request was active on a worker that stopped.
        recomputed_tokens: Contexts lost to either.
        cancelled: Requests that left unserved, or never came because of one that did; request figures are of the
            others.
        slo_share: Share of all requests that were served within the objective; None without one.
        goodput_req_s: Their number over the makespan; None without one.
        energy_j: Energy of all workers that are up over the whole run, idle power between steps included; NaN without
            power model.
        requests: Requests served or cancelled.
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
    itl_s: Distribution
    e2e_s: Distribution
    waits_fairness: float
    preemptions: int
    interruptions: int
    recomputed_tokens: int
    cancelled: int
    slo_share: float | None
    goodput_req_s: float | None
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
            elif value is not None and (figure.compare or wall_clock):
                flat[figure.name] = value
        return flat


def _weighted_percentiles(values: Reals, counts: Integers, ranks: Reals) -> list[float]:
    """The smallest values that so many, each counted as often as `counts` says, do not exceed, shape that of `ranks`.

    Only what lies about a rank is sorted: all of it would take longer than a short run.
    """
    lowest, highest = float(values.min()), float(values.max())
    spread = highest - lowest if highest > lowest else 1.0
    bins = ((values - lowest) / spread * _BINS).astype(np.int64)  # never falls as the value grows
    up_to = np.cumsum(np.bincount(bins, counts))
    found = []
    for rank, place in zip(ranks.tolist(), np.searchsorted(up_to, ranks).tolist(), strict=True):
        within = np.flatnonzero(bins == place)
        within = within[np.argsort(values[within])]
        before = up_to[place - 1] if place else 0.0
        found.append(float(values[within[np.searchsorted(before + np.cumsum(counts[within]), rank)]]))
    return found


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


def _span(inside: npt.NDArray[np.bool_]) -> slice:
    """The same steps as a slice, which copies nothing: who has been admitted stays so, hence they stand together."""
    return slice(int(inside.argmax()), len(inside) - int(inside[::-1].argmax())) if len(inside) else slice(0)


def step_figures(steps: Records) -> dict[str, float]:
    """The figures that are means over steps, by the names they have in `Metrics`; NaN without a step.

    Args:
        steps: Steps of a log, fields of `STEP`.
    """
    workers, largest, total = steps["workers_up"], steps["max_load"], steps["sum_load"]
    return {
        "imbalance_mean": _mean(imbalance(workers, largest, total)),
        "spread_mean": _mean(largest - steps["min_load"]),
        "balance_mean": _mean(balance(workers, largest, total)),
        "barrier_idle_mean": _mean(steps["barrier_idle"]),
        "throughput_tok_s": float(steps["tokens"].sum() / steps["duration_s"].sum()) if len(steps) else math.nan,
        "active_mean": _mean(steps["active"]),
    }


def measure(
    steps: Records,
    requests: Records,
    output_tokens: Integers,
    *,
    cluster: ClusterConfig,
    recomputed_tokens: int,
    window: tuple[float, float],
    slo: Slo | None,
    clairvoyant: bool,
) -> Metrics:
    """Works out all figures of a run that has ended, the routing times left NaN, as is what no step or request has.

    Args:
        steps: The log of steps, fields of `STEP`.
        requests: What became of the requests, fields of `OUTCOME`.
        output_tokens: Their outputs, shape (requests,).
        cluster: The cluster.
        recomputed_tokens: Contexts lost.
        window: See `measurement_window`.
        slo: The objective, if there is one.
        clairvoyant: Whether the policy knew remaining lengths.
    """
    counted = steps[_span(measurement_window(steps, len(requests), window))]
    served = ~np.isnan(requests["finish_s"])
    finished, outputs = (requests, output_tokens) if served.all() else (requests[served], output_tokens[served])
    times = request_times(finished, outputs)
    makespan_s = float(steps["start_s"][-1] + steps["duration_s"][-1]) if len(steps) else math.nan
    met = None if slo is None else int(((times["ttft_s"] <= slo.ttft_s) & ~(times["tpot_s"] > slo.tpot_s)).sum())
    return Metrics(
        **step_figures(counted),
        **{f"run_{name}": figure for name, figure in step_figures(steps).items()},
        tokens_p90_s=_tokens_by_s(steps, percent=90),
        makespan_s=makespan_s,
        ttft_s=Distribution.of(times["ttft_s"]),
        queueing_s=Distribution.of(times["queueing_s"]),
        tpot_s=Distribution.of(times["tpot_s"][outputs > 1]),
        itl_s=Distribution.of_repeated(steps["duration_s"], steps["tokens"]),
        e2e_s=Distribution.of(times["e2e_s"]),
        waits_fairness=_fairness(times["queueing_s"]),
        preemptions=int(requests["preemptions"].sum()),
        interruptions=int(requests["interruptions"].sum()),
        recomputed_tokens=recomputed_tokens,
        cancelled=int(requests["cancelled"].sum()),
        slo_share=None if met is None else met / max(len(requests), 1),
        goodput_req_s=None if met is None else met / makespan_s,
        energy_j=_energy_j(steps, cluster),
        requests=len(requests),
        dropped=0,
        steps=len(steps),
        window_steps=len(counted),
        clairvoyant=clairvoyant,
    )


def _energy_j(steps: Records, cluster: ClusterConfig) -> float:
    """What the steps take, and idle power between them; NaN without a power model."""
    idle_w = math.nan if cluster.power is None else cluster.power.idle_w
    if cluster.events:
        return float(steps["energy_j"].sum() + idle_w * worker_seconds_between(steps, cluster))
    between_s = float(steps["start_s"][-1] + steps["duration_s"][-1] - steps["duration_s"].sum()) if len(steps) else 0.0
    return float(steps["energy_j"].sum() + idle_w * cluster.workers * between_s)


def _fairness(waits_s: Reals) -> float:
    """Jain's index; Jain, Chiu and Hawe, DEC TR-301 (1984)."""
    if len(waits_s) == 0:
        return math.nan
    longest_s = float(waits_s.max())
    if longest_s == 0.0:
        return 1.0
    shares = waits_s / longest_s  # squares of tiny waits would be lost
    return float(shares.sum() ** 2 / (len(shares) * (shares**2).sum()))


def _tokens_by_s(steps: Records, *, percent: int) -> float:
    """When so much of all tokens had been generated."""
    if len(steps) == 0:
        return math.nan
    generated = np.cumsum(steps["tokens"])
    step = steps[np.searchsorted(generated, -(-percent * int(generated[-1]) // 100))]
    return float(step["start_s"] + step["duration_s"])


def request_times(requests: Records, output_tokens: Integers) -> dict[str, Reals]:
    """The times of each request by name, in seconds, shape (requests,): TTFT, queueing, TPOT, end to end.

    Args:
        requests: What became of them: `arrival_s`, `admit_s`, `first_token_s`, `finish_s`.
        output_tokens: Their outputs, shape (requests,); where it is one token there is no TPOT, but NaN.
    """
    decoding_s = requests["finish_s"] - requests["first_token_s"]
    arrival_s = requests["arrival_s"]
    gaps = np.where(output_tokens > 1, output_tokens - 1.0, np.nan)
    return {
        "ttft_s": requests["first_token_s"] - arrival_s,
        "queueing_s": requests["admit_s"] - arrival_s,
        "tpot_s": decoding_s / gaps,
        "e2e_s": requests["finish_s"] - arrival_s,
    }


def _mean(values: npt.NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else math.nan

"""One run: a cluster, a workload, a policy; and what came of it."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from brgym._checks import check_choice, check_real, check_seed, check_type, shown
from brgym.cluster.config import ClusterConfig
from brgym.cluster.drive import run
from brgym.cluster.identity import key_of
from brgym.cluster.memory import servable
from brgym.cluster.metrics import DEFAULT_WINDOW, Metrics, Slo, measure
from brgym.cluster.policy import Policy, binding_of, is_clairvoyant
from brgym.cluster.prefill import PrefillTier
from brgym.cluster.ranges import check_exact
from brgym.cluster.records import NOTHING, Records
from brgym.cluster.regimes import check_regimes
from brgym.cluster.routing_time import empty_histogram, quantile_s
from brgym.cluster.state import State, initial_state
from brgym.workload import Workload

if TYPE_CHECKING:
    import pyarrow as pa

OUTCOME = ("worker", "admit_s", "first_token_s", "finish_s", "preemptions", "arrival_s", "interruptions", "cancelled")
"""Fields of `Result.requests`."""

_LIVED = ("interruptions", "cancelled")

Oversize = Literal["error", "drop"]


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        metrics: The figures.
        requests: Structured array, workload order, shape (requests,): `worker` (the last), `admit_s` (the first),
            `first_token_s`, `finish_s`, `preemptions`, `arrival_s` (as it came about), `interruptions` (stops of its
            worker while it was active), `cancelled` (whether it left unserved). Of a dropped request the worker is -1
            and the times are NaN, as is what has not come about.
        steps: Structured array, shape (steps,): `start_s`, `duration_s`, `max_load`, `sum_load`, `min_load`, `active`,
            `waiting` (loads in tokens); also `admitted`, `finished`, `barrier_idle`, `energy_j`, `tokens` (generated),
            `prefill_tokens` (prefilled or recomputed), `workers_up`.
        clairvoyant: Whether the policy knew remaining lengths.
        cluster: The cluster.
        workload: The requests.
        window: Shares of requests admitted between which a step counts for the step figures.
    """

    metrics: Metrics
    requests: Records
    steps: Records
    clairvoyant: bool
    cluster: ClusterConfig
    workload: Workload
    window: tuple[float, float] = DEFAULT_WINDOW

    def requests_table(self) -> "pa.Table":
        """A row a request, in the workload's order: what it was and what became of it; see `tables.requests_table`.

        `requests_table().to_pandas()` where pandas is installed; `brgym.study.write_table` writes it to a file.
        """
        from brgym.cluster.tables import requests_table  # pyarrow takes a third of a second to import

        return requests_table(self)

    def steps_table(self) -> "pa.Table":
        """A row a decode step, in order; see `tables.steps_table`."""
        from brgym.cluster.tables import steps_table

        return steps_table(self)


def simulate(
    cluster: ClusterConfig,
    workload: Workload,
    policy: Policy,
    seed: int = 0,
    *,
    slo: Slo | None = None,
    oversize: Oversize = "error",
    window: tuple[float, float] = DEFAULT_WINDOW,
) -> Result:
    """Serves a workload on a cluster, from the first arrival to the last finish.

    Args:
        cluster: The cluster.
        workload: The requests.
        policy: The router: `ArrivalPolicy`, `PoolPolicy` or `CompiledPolicy`; reset here.
        seed: Decides all randomness of the policy, which drafts are accepted, and what the policy sees requests called;
            the same seed gives the same result.
        slo: What a request is to be served within, for `slo_share` and `goodput_req_s`.
        oversize: What happens to requests that could never fit a worker: "error" or "drop" (left out and counted).
        window: Shares of requests admitted between which a step counts for the step figures.

    Raises:
        TypeError: If `policy` has neither `bind` nor `admit` nor a compiled kernel, or if that will not do.
        ValueError: If a parameter is outside its range, if a request could never fit, or if the policy decides what is
            not allowed.
        RuntimeError: If the policy lets time stand still.
    """
    seed = check_seed("seed", seed)
    check_type("cluster", cluster, ClusterConfig)
    check_type("workload", workload, Workload)
    window = _check_window(window)
    if slo is not None:
        check_type("slo", slo, Slo)
    check_regimes(cluster, workload)
    fitting = _fitting(cluster, workload, oversize)
    served = workload if fitting.all() else workload.take(np.flatnonzero(fitting), orphans="arrive")
    state = initial_state(
        cluster,
        served,
        binding=binding_of(policy),
        identity_key=key_of(seed),
        seed=seed,
        rows=np.flatnonzero(fitting),
    )
    policy.reset(cluster, seed)
    routing_times = empty_histogram()
    state = run(state, policy, cluster, routing_times)
    outcome = outcome_of(state.requests, state.lives, fitting)
    of_served = outcome if fitting.all() else outcome[fitting]
    metrics = _measured(state, of_served, cluster, served, window, slo, is_clairvoyant(policy), routing_times)
    metrics = dataclasses.replace(metrics, dropped=int(np.count_nonzero(~fitting)))
    return Result(
        metrics=metrics,
        requests=outcome,
        steps=state.steps[: state.clock["step"][0]],  # what lies beyond was never written, and is not in memory
        clairvoyant=metrics.clairvoyant,
        cluster=cluster,
        workload=workload,
        window=window,
    )


def check_fits(cluster: ClusterConfig, workload: Workload) -> None:
    """Refuses a workload with a request that could never fit a worker, or with what a cluster does not serve.

    Raises:
        ValueError: Naming the first such row, counted from 0, or what the cluster asks of a workload and it has not.
    """
    check_regimes(cluster, workload)
    _fitting(cluster, workload, "error")


def outcome_of(requests: Records, lives: Records, served: npt.NDArray[np.bool_]) -> Records:
    """What became of every request of a workload, fields of `OUTCOME`.

    Args:
        requests: Those that were served, fields of `REQUEST`.
        lives: The same, fields of `LIFE`; none where no regime is on.
        served: Which of the workload they are, shape (requests of the workload,).
    """
    kinds = {name: requests.dtype[name] for name in OUTCOME if name not in _LIVED}
    kinds |= {"interruptions": np.dtype(np.int32), "cancelled": np.dtype(np.bool_)}
    outcome = np.zeros(len(served), [(name, kinds[name]) for name in OUTCOME])
    everybody = bool(served.all())
    if not everybody:
        outcome[...] = (NOTHING, np.nan, np.nan, np.nan, 0, np.nan, 0, False)
    chosen = slice(None) if everybody else served  # a mask costs a pass of its own for each field
    for name in OUTCOME:
        if name not in _LIVED:
            outcome[name][chosen] = requests[name]
        elif len(lives):
            outcome[name][chosen] = lives[name]
    return outcome


def _fitting(cluster: ClusterConfig, workload: Workload, oversize: Oversize) -> npt.NDArray[np.bool_]:
    check_choice("oversize", oversize, ("error", "drop"))
    check_exact(cluster, workload)
    fitting = servable(cluster, workload)
    if not fitting.all() and (oversize == "error" or not fitting.any()):
        row = int(np.argmin(fitting))
        raise ValueError(
            f"request in row {row} can never fit: {workload.prompt_tokens[row]} prompt + {workload.output_tokens[row]} "
            f"output tokens exceed {_limits(cluster)} ({np.count_nonzero(~fitting)} of {len(workload)} "
            "requests do; oversize='drop' leaves them out)"
        )
    return fitting


def _limits(cluster: ClusterConfig) -> str:
    """What a request with all its tokens may exceed, in words."""
    said = []
    if cluster.kv_capacity is not None:
        drafts = "" if cluster.gained_tokens == 1 else f" less {cluster.gained_tokens - 1} draft tokens"
        said.append(f"kv_capacity {cluster.kv_capacity}{drafts}")
    if isinstance(cluster.prefill, PrefillTier) and cluster.prefill.buffer_tokens is not None:
        said.append(f"buffer_tokens {cluster.prefill.buffer_tokens}")
    return " or ".join(said)


def _check_window(window: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(window, Sequence) or len(window) != 2:
        raise TypeError(f"window must be two shares, got {shown(window)}")
    low = check_real("window[0]", window[0], minimum=0.0, maximum=1.0)
    return low, check_real("window[1]", window[1], minimum=low, maximum=1.0)


def _measured(
    state: State,
    outcome: Records,
    cluster: ClusterConfig,
    served: Workload,
    window: tuple[float, float],
    slo: Slo | None,
    clairvoyant: bool,
    routing_times: npt.NDArray[np.int64],
) -> Metrics:
    metrics = measure(
        state.steps[: state.clock["step"][0]],
        outcome,
        served.output_tokens,
        cluster=cluster,
        recomputed_tokens=int(state.progress["recomputed_tokens"][0]),
        window=window,
        slo=slo,
        clairvoyant=clairvoyant,
    )
    return dataclasses.replace(
        metrics,
        routing_time_p50_s=quantile_s(routing_times, 0.5),
        routing_time_p99_s=quantile_s(routing_times, 0.99),
    )

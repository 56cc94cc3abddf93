"""Everything that changes while a cluster runs, as flat arrays that compiled code updates in place.

`State` is the whole truth. `View` is the part of it that a router may know (DESIGN 2.8): it shares the arrays and
leaves out the requests, whose output lengths are hidden.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster.config import ClusterConfig, Power

if TYPE_CHECKING:
    from brgym.workload import Workload

Records = npt.NDArray[np.void]
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

NOTHING = -1
"""Stands for "no request" or "no worker" in the records' links."""

UNLIMITED = 1 << 60
"""Stands for "no limit" on a worker's KV tokens or on the candidates; sums with it do not overflow."""

ON_ARRIVAL, FROM_POOL = 0, 1
"""`Constants.binding`: when a request is bound to its worker."""

JOIN, ROUTE, RUN = 0, 1, 2
"""`Clock.phase`: what the boundary does next: let requests join, ask the router, run the decode step."""

CONSTANTS = np.dtype(
    [
        ("workers", "i8"),
        ("slots", "i8"),
        ("kv_capacity", "i8"),
        ("candidates", "i8"),
        ("binding", "i8"),
        ("recompute_s_per_token", "f8"),
        ("idle_w", "f8"),
        ("peak_w", "f8"),
        ("power_exponent", "f8"),
    ],
    align=True,
)
"""The cluster's constants as compiled code reads them; the powers are NaN where there is no power model."""

CLOCK = np.dtype(
    [
        ("now_s", "f8"),
        ("step", "i8"),  # decode steps run so far
        ("boundary", "i8"),  # step boundaries begun so far; a jump of the clock begins a new one without a step
        ("phase", "i8"),
        ("arrived", "i8"),  # requests that have joined so far: the index of the next to join
        ("pool_start", "i8"),  # the pool is pool[pool_start:pool_stop], oldest first
        ("pool_stop", "i8"),
        ("queued", "i8"),  # requests in the workers' own queues
        ("recomputing", "i8"),  # preempted requests that are not ready yet: recompute[:recomputing]
        ("active", "i8"),  # active requests of all workers: running[:active]
        ("fresh", "i8"),  # requests that wait for the step that gives their first token: fresh[:fresh]
        ("admitted", "i8"),  # requests admitted at least once
        ("finished", "i8"),
    ],
    align=True,
)
"""Where the run stands: the time and the lengths of the lists."""

REQUEST = np.dtype(
    [
        ("arrival_s", "f8"),
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),  # hidden from routers
        ("prompt_hash", "i8"),
        ("generated_tokens", "i8"),  # kept from before a preemption; while active, see birth_step
        ("birth_step", "i8"),  # while active: the step at which it would have begun without interruption
        ("admit_s", "f8"),  # first admission
        ("first_token_s", "f8"),
        ("finish_s", "f8"),
        ("ready_s", "f8"),  # while recomputing
        ("worker", "i4"),  # the last one
        ("preemptions", "i4"),
        ("running_index", "i4"),  # while active: its place in `State.running`
        ("newer", "i4"),  # while active: neighbours in its worker's order of admission
        ("older", "i4"),
        ("calendar_next", "i4"),  # while active: neighbours among those that finish at the same step
        ("calendar_previous", "i4"),
        ("queue_next", "i4"),  # while queued: the next in its worker's queue
    ],
    align=True,
)
"""A request: what it is, what became of it, and its links in the lists that it stands in."""

CANDIDATE = np.dtype(
    [("request", "i8"), ("arrival_s", "f8"), ("context_tokens", "i8"), ("prompt_hash", "i8")],
    align=True,
)
"""A request that waits in the pool, as a router sees it."""

RUNNING = np.dtype(
    [
        ("request", "i8"),
        ("worker", "i8"),
        ("prompt_tokens", "i8"),
        ("birth_step", "i8"),  # tokens generated so far = clock.step - birth_step
        ("admit_s", "f8"),
        ("prompt_hash", "i8"),
    ],
    align=True,
)
"""An active request, as a router sees it."""

WORKER = np.dtype(
    [
        ("newest", "i8"),  # the active request that it admitted last
        ("queue_first", "i8"),
        ("queue_last", "i8"),
        ("queued", "i8"),
        ("queued_tokens", "i8"),  # contexts of its queued requests
    ],
    align=True,
)
"""A worker's own lists; its load and its number of active requests stand in arrays of their own, for speed."""

STEP = np.dtype(
    [
        ("start_s", "f8"),
        ("duration_s", "f8"),
        ("max_load", "i8"),
        ("sum_load", "i8"),
        ("min_load", "i8"),
        ("active", "i8"),
        ("waiting", "i8"),
        ("admitted", "i8"),  # requests admitted at least once, this boundary's included
        ("finished", "i8"),  # requests finished before this step
        ("barrier_idle", "f8"),  # share of the workers' time spent waiting for the slowest
        ("energy_j", "f8"),  # of all workers
    ],
    align=True,
)
"""What is sampled at each decode step (DESIGN 2.5); loads in tokens."""


class State(NamedTuple):
    """A running cluster.

    Attributes:
        constants: `CONSTANTS`, shape (1,).
        step_time: Rows of the step time, shape (rows, 4), see `StepTime.as_array`.
        clock: `CLOCK`, shape (1,).
        requests: `REQUEST`, shape (requests,), workload order.
        load: Tokens on each worker, shape (workers,).
        active: Active requests on each worker, shape (workers,).
        workers: `WORKER`, shape (workers,).
        pool: `CANDIDATE`, shape (requests,): those that have joined and are neither bound nor admitted.
        running: `RUNNING`, shape (workers x slots,).
        calendar: Ring of lists of requests by the step at which they finish, shape (a power of two,).
        recompute: Preempted requests by the time at which they are ready, shape (requests,).
        fresh: Requests admitted at this boundary for the first time, shape (workers x slots,).
        steps: `STEP`, the log, with room for more than have been run.
    """

    constants: Records
    step_time: Reals
    clock: Records
    requests: Records
    load: Integers
    active: Integers
    workers: Records
    pool: Records
    running: Records
    calendar: npt.NDArray[np.int32]
    recompute: npt.NDArray[np.int32]
    fresh: npt.NDArray[np.int32]
    steps: Records


class View(NamedTuple):
    """What a router may know, as compiled code reads it; the attributes are those of `State`."""

    constants: Records
    clock: Records
    load: Integers
    active: Integers
    workers: Records
    pool: Records
    running: Records


def initial_state(
    cluster: ClusterConfig, workload: "Workload", *, binding: int, longest_output: int | None = None
) -> State:
    """An empty cluster at time 0 in front of a workload.

    Args:
        cluster: The cluster.
        workload: The requests; none may be larger than the KV capacity.
        binding: `ON_ARRIVAL` or `FROM_POOL`.
        longest_output: Tokens of the longest output to make room for, at least the workload's own; None for that. With
            a number, the arrays of any workloads of the same length have the same shapes, the log excepted.
    """
    capacity = cluster.workers * cluster.slots
    workers = np.zeros(cluster.workers, WORKER)
    for link in ("newest", "queue_first", "queue_last"):
        workers[link] = NOTHING
    longest = int(workload.output_tokens.max()) if longest_output is None else longest_output
    fewest_steps = max(longest, int(workload.output_tokens.sum()) // capacity)
    return State(
        constants=_constants(cluster, binding),
        step_time=cluster.step_time.as_array(),
        clock=np.zeros(1, CLOCK),
        requests=_requests(workload),
        load=np.zeros(cluster.workers, np.int64),
        active=np.zeros(cluster.workers, np.int64),
        workers=workers,
        pool=np.zeros(len(workload), CANDIDATE),
        running=np.zeros(capacity, RUNNING),
        calendar=np.full(1 << longest.bit_length(), NOTHING, np.int32),
        recompute=np.zeros(len(workload), np.int32),
        fresh=np.zeros(capacity, np.int32),
        steps=np.zeros(16 + fewest_steps * 5 // 4, STEP),  # `run` doubles it where that is too little
    )


@compiled
def view_of(state: State) -> View:
    """The part of a state that a router may know; shares its arrays."""
    return View(state.constants, state.clock, state.load, state.active, state.workers, state.pool, state.running)


def _constants(cluster: ClusterConfig, binding: int) -> Records:
    constants = np.zeros(1, CONSTANTS)
    power = cluster.power or Power(idle_w=0.0, peak_w=0.0)
    constants["workers"] = cluster.workers
    constants["slots"] = cluster.slots
    constants["kv_capacity"] = UNLIMITED if cluster.kv_capacity is None else cluster.kv_capacity
    constants["candidates"] = UNLIMITED if cluster.candidates is None else cluster.candidates
    constants["binding"] = binding
    constants["recompute_s_per_token"] = cluster.recompute_s_per_token
    constants["idle_w"] = power.idle_w if cluster.power else np.nan
    constants["peak_w"] = power.peak_w if cluster.power else np.nan
    constants["power_exponent"] = power.exponent
    return constants


def _requests(workload: "Workload") -> Records:
    requests = np.zeros(len(workload), REQUEST)
    for name in ("arrival_s", "prompt_tokens", "output_tokens"):
        requests[name] = getattr(workload, name)
    requests["prompt_hash"] = NOTHING if workload.prompt_hash is None else workload.prompt_hash
    for name in ("admit_s", "first_token_s", "finish_s"):
        requests[name] = np.nan
    requests["worker"] = NOTHING
    return requests

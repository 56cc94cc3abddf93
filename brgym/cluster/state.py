"""Everything that changes while a cluster runs, as flat arrays that compiled code updates in place.

`State` is the whole truth. `View` is the part of it that a router may know (DESIGN 2.8): it shares the arrays and
leaves out the requests, whose output lengths are hidden, and the cluster's bookkeeping.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster.config import ClusterConfig, Power
from brgym.cluster.layout import borrower
from brgym.cluster.records import (
    CANDIDATE,
    CLOCK,
    CONSTANTS,
    LINKS,
    NOTHING,
    PROGRESS,
    REQUEST,
    RUNNING,
    STEP,
    UNLIMITED,
    Integers,
    Reals,
    Records,
)

if TYPE_CHECKING:
    from brgym.workload import Workload


class State(NamedTuple):
    """A running cluster.

    Attributes:
        constants: `CONSTANTS`, shape (1,).
        step_time: Rows of the step time, shape (rows, 4), see `StepTime.as_array`.
        clock: `CLOCK`, shape (1,).
        progress: `PROGRESS`, shape (1,).
        requests: `REQUEST`, shape (requests,), workload order.
        load_tokens: Load of each worker, L_g, in tokens, shape (workers,).
        active: Active requests of each worker, n_g, shape (workers,).
        queued: Requests in each worker's own queue, shape (workers,).
        queued_tokens: Their contexts, in tokens, shape (workers,).
        links: `LINKS`, shape (workers,).
        pool: `CANDIDATE`, shape (requests,): those that have joined and are neither bound nor admitted.
        running: `RUNNING`, as many as there are slots or requests, whichever are fewer.
        calendar: Ring of lists of requests by the step at which they finish, shape (a power of two,).
        recompute: Preempted requests by the time at which they are ready, shape (requests,).
        fresh: Requests admitted at this boundary for the first time, shape that of `running`.
        steps: `STEP`, the log, with room for more than have been run.
    """

    constants: Records
    step_time: Reals
    clock: Records
    progress: Records
    requests: Records
    load_tokens: Integers
    active: Integers
    queued: Integers
    queued_tokens: Integers
    links: Records
    pool: Records
    running: Records
    calendar: npt.NDArray[np.int32]
    recompute: npt.NDArray[np.int32]
    fresh: npt.NDArray[np.int32]
    steps: Records


STATE_RECORDS = {
    "constants": CONSTANTS,
    "clock": CLOCK,
    "progress": PROGRESS,
    "requests": REQUEST,
    "links": LINKS,
    "pool": CANDIDATE,
    "running": RUNNING,
    "steps": STEP,
}
"""The types of the record arrays of a `State`, by name."""


class View(NamedTuple):
    """What a router may know, as compiled code reads it: with the words of `brgym.cluster.vocabulary`.

    The attributes are those of `State`; `load_tokens`, `active`, `queued` and `queued_tokens` bear the names that they
    have in a `RouterView`.
    """

    constants: Records
    clock: Records
    load_tokens: Integers
    active: Integers
    queued: Integers
    queued_tokens: Integers
    pool: Records
    running: Records


def initial_state(
    cluster: ClusterConfig,
    workload: "Workload",
    *,
    binding: int,
    longest_output: int | None = None,
    identity_key: int = 0,
) -> State:
    """An empty cluster at time 0 in front of a workload.

    Args:
        cluster: The cluster.
        workload: The requests; none may be larger than the KV capacity.
        binding: `ON_ARRIVAL` or `FROM_POOL`.
        longest_output: Tokens of the longest output to make room for, at least the workload's own; None for that. With
            a number, the arrays of any workloads of the same length have the same shapes, the log excepted.
        identity_key: Decides what routers call the requests, see `brgym.cluster.identity`.
    """
    capacity = cluster.workers * cluster.slots
    most_active = min(capacity, len(workload))
    links = np.empty(cluster.workers, LINKS)
    links[...] = (NOTHING, NOTHING, NOTHING)
    progress = np.zeros(1, PROGRESS)
    progress["identity_key"] = identity_key
    longest = int(workload.output_tokens.max()) if longest_output is None else longest_output
    fewest_steps = max(longest, int(workload.output_tokens.sum()) // capacity)
    return State(
        constants=_constants(cluster, binding),
        step_time=cluster.step_time.as_array(),
        clock=np.zeros(1, CLOCK),
        progress=progress,
        requests=_requests(workload),
        load_tokens=np.zeros(cluster.workers, np.int64),
        active=np.zeros(cluster.workers, np.int64),
        queued=np.zeros(cluster.workers, np.int64),
        queued_tokens=np.zeros(cluster.workers, np.int64),
        links=links,
        pool=np.zeros(len(workload), CANDIDATE),
        running=np.zeros(most_active, RUNNING),
        calendar=np.full(1 << longest.bit_length(), NOTHING, np.int32),
        recompute=np.zeros(len(workload), np.int32),
        fresh=np.zeros(most_active, np.int32),
        steps=np.zeros(16 + fewest_steps * 5 // 4, STEP),  # `run` doubles it where that is too little
    )


borrowed = borrower(State)
"""A state whose arrays do not own their memory, for compiled code that runs on for long."""

borrowed_view = borrower(View)
"""The same of a view."""


@compiled
def view_of(state: State) -> View:
    """The part of a state that a router may know; shares its arrays."""
    return View(
        state.constants,
        state.clock,
        state.load_tokens,
        state.active,
        state.queued,
        state.queued_tokens,
        state.pool,
        state.running,
    )


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

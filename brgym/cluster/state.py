"""Everything that changes while a cluster runs, as flat arrays that compiled code updates in place.

`State` is the whole truth. `View` is the part of it that a router may know (DESIGN 2.8): it shares the arrays and
leaves out the requests, whose output lengths are hidden, and the cluster's bookkeeping.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster.config import VICTIM_RETURNS, VICTIMS, ClusterConfig, Power
from brgym.cluster.layout import borrower
from brgym.cluster.prefill import ChunkedPrefill, PrefillTier
from brgym.cluster.records import (
    CANDIDATE,
    CLOCK,
    CONSTANTS,
    EVENT,
    LIFE,
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
from brgym.cluster.regimes import ON, lives, regimes_on
from brgym.cluster.speculation import stream_of
from brgym.cluster.worker_events import as_records

if TYPE_CHECKING:
    from brgym.workload import Workload


class State(NamedTuple):
    """A running cluster.

    Attributes:
        constants: `CONSTANTS`, shape (1,).
        step_time: Rows of the step time, shape (rows, 5), see `StepTime.as_array`.
        clock: `CLOCK`, shape (1,).
        progress: `PROGRESS`, shape (1,).
        requests: `REQUEST`, shape (requests,), workload order.
        load_tokens: Load of each worker, L_g, in tokens, shape (workers,).
        active: Active requests of each worker, n_g, shape (workers,).
        queued: Requests in each worker's own queue, shape (workers,).
        queued_tokens: Their contexts, in tokens, shape (workers,).
        up: Whether each worker is up, shape (workers,).
        allowed_tokens: What the clients' limits still allow the active requests of each worker, in tokens, shape
            (workers,); zeros unless a share of it is reserved.
        links: `LINKS`, shape (workers,).
        pool: `CANDIDATE`, shape (requests,), or twice as many where victims may come again as the last ones: those
            that have joined and are neither bound nor admitted.
        pool_allowed: What each one's client still allows it to generate, in tokens, shape that of `pool`; (0,) unless
            a share of it is reserved.
        running: `RUNNING`, as many as there are slots or requests, whichever are fewer.
        calendar: Ring of lists of requests by the step at which they finish, shape (a power of two,).
        recompute: Preempted requests by the time at which they are ready, shape (requests,).
        fresh: Requests admitted at this boundary for the first time, shape that of `running`.
        steps: `STEP`, the log, with room for more than have been run.
        slowdown: f_g of DESIGN 2.14, shape (workers,).
        prefill_tokens: p_g of the coming step, in tokens, shape (workers,).
        to_prefill_tokens: What is still to be prefilled of the active requests of each worker, in tokens, shape
            (workers,).
        prefilling: How many requests that are, shape (workers,).
        completed: Requests whose last chunk runs in the coming step, shape that of `running`, or (0,) without chunks.
        tier: Requests that a server of the prefill tier has, a heap by the time when it is done, as many as there are
            servers or requests, whichever are fewer.
        prefilled: Requests that the tier is done with and the router has not seen, shape (requests,), or (0,) without
            a tier.
        events: `EVENT`, by time, shape (events,).
        lives: `LIFE`, shape (requests,), or (0,) where no regime is on; so are the following.
        follow: Heap of the requests that follow one that has finished, by arrival.
        expire: Heap of the requests whose patience is to end, by deadline.
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
    up: npt.NDArray[np.bool_]
    allowed_tokens: Integers
    links: Records
    pool: Records
    pool_allowed: Integers
    running: Records
    calendar: npt.NDArray[np.int32]
    recompute: npt.NDArray[np.int32]
    fresh: npt.NDArray[np.int32]
    steps: Records
    slowdown: Reals
    prefill_tokens: Integers
    to_prefill_tokens: Integers
    prefilling: Integers
    completed: npt.NDArray[np.int32]
    tier: npt.NDArray[np.int32]
    prefilled: npt.NDArray[np.int32]
    events: Records
    lives: Records
    follow: npt.NDArray[np.int32]
    expire: npt.NDArray[np.int32]


STATE_RECORDS = {
    "constants": CONSTANTS,
    "clock": CLOCK,
    "progress": PROGRESS,
    "requests": REQUEST,
    "links": LINKS,
    "pool": CANDIDATE,
    "running": RUNNING,
    "steps": STEP,
    "events": EVENT,
    "lives": LIFE,
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
    up: npt.NDArray[np.bool_]
    allowed_tokens: Integers
    to_prefill_tokens: Integers
    pool: Records
    pool_allowed: Integers
    running: Records


def initial_state(
    cluster: ClusterConfig,
    workload: "Workload",
    *,
    binding: int,
    longest_output: int | None = None,
    identity_key: int = 0,
    regimes: bool | None = None,
    seed: int = 0,
    rows: Integers | None = None,
) -> State:
    """An empty cluster at time 0 in front of a workload.

    Args:
        cluster: The cluster.
        workload: The requests; none may be larger than the KV capacity.
        binding: `ON_ARRIVAL` or `FROM_POOL`.
        longest_output: Tokens of the longest output to make room for, at least the workload's own; None for that. With
            a number, the arrays of any workloads of the same length have the same shapes, the log excepted.
        identity_key: Decides what routers call the requests, see `brgym.cluster.identity`.
        regimes: Whether to make room for `brgym.cluster.regimes`; None where any of them is on.
        seed: Decides which drafts are accepted.
        rows: What the requests are called in that, shape (requests,); None for their places.
    """
    regimes = regimes_on(cluster, workload) if regimes is None else regimes
    alive = len(workload) if regimes else 0
    capacity = cluster.workers * cluster.slots
    most_active = min(capacity, len(workload))
    links = np.empty(cluster.workers, LINKS)
    links[...] = (NOTHING,) * len(LINKS.names or ())
    progress = np.zeros(1, PROGRESS)
    progress["identity_key"] = identity_key
    progress["draft_stream"] = stream_of(seed)
    progress["tier_first"] = progress["tier_last"] = NOTHING
    tier = cluster.prefill if isinstance(cluster.prefill, PrefillTier) else None
    chunked = isinstance(cluster.prefill, ChunkedPrefill)
    places = len(workload) * (2 if cluster.victim_returns == "prefill" else 1)
    longest = int(workload.output_tokens.max()) if longest_output is None else longest_output
    fewest_steps = max(longest, int(workload.output_tokens.sum()) // capacity)
    return State(
        constants=_constants(cluster, workload, binding, regimes),
        step_time=cluster.step_time.as_array(),
        clock=_clock(cluster),
        progress=progress,
        requests=_requests(workload),
        load_tokens=np.zeros(cluster.workers, np.int64),
        active=np.zeros(cluster.workers, np.int64),
        queued=np.zeros(cluster.workers, np.int64),
        queued_tokens=np.zeros(cluster.workers, np.int64),
        up=np.ones(cluster.workers, np.bool_),
        allowed_tokens=np.zeros(cluster.workers, np.int64),
        links=links,
        pool=np.zeros(places, CANDIDATE),
        pool_allowed=np.zeros(places if cluster.kv_reserve_share > 0.0 else 0, np.int64),
        running=np.zeros(most_active, RUNNING),
        calendar=np.full(1 << longest.bit_length(), NOTHING, np.int32),
        recompute=np.zeros(len(workload), np.int32),
        fresh=np.zeros(most_active, np.int32),
        steps=np.zeros(16 + fewest_steps * 5 // 4, STEP),  # `run` doubles it where that is too little
        slowdown=np.ones(cluster.workers),
        prefill_tokens=np.zeros(cluster.workers, np.int64),
        to_prefill_tokens=np.zeros(cluster.workers, np.int64),
        prefilling=np.zeros(cluster.workers, np.int64),
        completed=np.zeros(most_active if chunked else 0, np.int32),
        tier=np.zeros(min(tier.servers, len(workload)) if tier else 0, np.int32),
        prefilled=np.zeros(len(workload) if tier else 0, np.int32),
        events=as_records(tuple(cluster.events)),
        lives=lives(workload, rows) if regimes else np.zeros(0, LIFE),
        follow=np.zeros(alive, np.int32),
        expire=np.zeros(alive, np.int32),
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
        state.up,
        state.allowed_tokens,
        state.to_prefill_tokens,
        state.pool,
        state.pool_allowed,
        state.running,
    )


def regimes_of(state: State) -> int | None:
    """What the kernel is to know of: `ON`, or None where no part is on."""
    return ON if state.constants["regimes"][0] else None


def _clock(cluster: ClusterConfig) -> Records:
    clock = np.zeros(1, CLOCK)
    clock["workers_up"] = cluster.workers
    return clock


def _constants(cluster: ClusterConfig, workload: "Workload", binding: int, regimes: bool) -> Records:
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
    constants["admission_capacity"] = constants["kv_capacity"]
    constants["kv_reserve_tokens"] = constants["gained_tokens"] = cluster.gained_tokens
    if cluster.kv_capacity is not None:
        constants["admission_capacity"] = math.floor((1 - cluster.kv_watermark) * cluster.kv_capacity)
        constants["kv_reserve_share"] = cluster.kv_reserve_share
        if cluster.kv_reserve_tokens is not None:
            constants["kv_reserve_tokens"] = cluster.kv_reserve_tokens
    constants["victim"] = VICTIMS.index(cluster.victim)
    constants["victim_returns"] = VICTIM_RETURNS.index(cluster.victim_returns)
    constants["concurrency"] = UNLIMITED if workload.concurrency is None else workload.concurrency
    constants["may_stop"] = bool(cluster.events)
    constants["recomputes"] = not isinstance(cluster.prefill, ChunkedPrefill) and cluster.victim_returns != "prefill"
    if isinstance(cluster.prefill, PrefillTier):
        tier = cluster.prefill
        constants["tier_servers"] = tier.servers
        constants["tier_base_s"] = tier.base_s
        constants["tier_per_token_s"] = tier.per_token_s
        constants["buffer_tokens"] = UNLIMITED if tier.buffer_tokens is None else tier.buffer_tokens
    elif isinstance(cluster.prefill, ChunkedPrefill):
        constants["chunk_tokens"] = cluster.prefill.budget_tokens
        constants["chunk_interval"] = cluster.prefill.interval
    if cluster.speculation is not None:
        constants["draft_tokens"] = cluster.speculation.draft_tokens
        constants["acceptance"] = cluster.speculation.acceptance
    constants["regimes"] = regimes
    return constants


def _requests(workload: "Workload") -> Records:
    requests = np.zeros(len(workload), REQUEST)
    for name in ("arrival_s", "prompt_tokens", "output_tokens"):
        requests[name] = getattr(workload, name)
    if workload.concurrency is not None:
        requests["arrival_s"] = np.nan  # until it comes about
    elif workload.after is not None:
        requests["arrival_s"][workload.after >= 0] = np.nan
    requests["prompt_hash"] = NOTHING if workload.prompt_hash is None else workload.prompt_hash
    for name in ("admit_s", "first_token_s", "finish_s"):
        requests[name] = np.nan
    requests["worker"] = NOTHING
    return requests

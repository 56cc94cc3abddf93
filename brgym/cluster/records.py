"""What a running cluster is made of, record by record: the types of the arrays in `State`."""

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[np.void]
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

NOTHING = -1
"""Stands for "no request" or "no worker" in the records' links."""

UNLIMITED = 1 << 60
"""Stands for "no limit" on a worker's KV tokens or on the candidates; sums with it do not overflow."""

ON_ARRIVAL, FROM_POOL = 0, 1
"""`CONSTANTS.binding`: when a request is bound to its worker."""

JOIN, ROUTE, RUN = 0, 1, 2
"""`PROGRESS.phase`: what the boundary does next: let requests join, ask the router, run the decode step."""

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
        ("admission_capacity", "i8"),  # KV tokens up to which a worker admits: the capacity less the watermark
        ("kv_reserve_tokens", "i8"),
        ("kv_reserve_share", "f8"),
        ("victim", "i8"),  # index into `config.VICTIMS`
        ("victim_returns", "i8"),  # index into `config.VICTIM_RETURNS`
        ("concurrency", "i8"),  # of a closed loop; `UNLIMITED` where requests come at their own times
        ("may_stop", "i8"),  # whether workers have events, so that routers are shown which are up
        ("gained_tokens", "i8"),  # what a request gains in a step, at most: u of DESIGN 2.11
        ("recomputes", "i8"),  # whether a lost context is computed anew in the step after the request's return
        ("tier_servers", "i8"),  # of the prefill tier; 0 without one, as the next three
        ("tier_base_s", "f8"),
        ("tier_per_token_s", "f8"),
        ("buffer_tokens", "i8"),
        ("chunk_tokens", "i8"),  # budget of a step where workers prefill in chunks; else 0, as the next one
        ("chunk_interval", "i8"),
        ("draft_tokens", "i8"),  # drafted for each request in each step; 0 without speculation
        ("acceptance", "f8"),
        ("regimes", "i8"),  # whether any part of `brgym.cluster.regimes` is on
    ],
    align=True,
)
"""The cluster's constants as compiled code reads them; the powers are NaN where there is no power model."""

CLOCK = np.dtype(
    [
        ("now_s", "f8"),
        ("step", "i8"),  # decode steps run so far
        ("boundary", "i8"),  # step boundaries begun so far; a jump of the clock begins a new one without a step
        ("pool_start", "i8"),  # the pool is pool[pool_start:pool_stop], oldest first
        ("pool_stop", "i8"),
        ("queued", "i8"),  # requests in the workers' own queues
        ("active", "i8"),  # active requests of all workers: running[:active]
        ("workers_up", "i8"),
    ],
    align=True,
)
"""Where the run stands, as a router may know it: the time, and how many wait and run."""

PROGRESS = np.dtype(
    [
        ("phase", "i8"),
        ("arrived", "i8"),  # requests that have joined so far: the index of the next to join
        ("recomputing", "i8"),  # preempted requests that are not ready yet: recompute[:recomputing]
        ("fresh", "i8"),  # requests that wait for the step that gives their first token: fresh[:fresh]
        ("admitted", "i8"),  # requests admitted at least once
        ("finished", "i8"),
        ("identity_key", "i8"),  # between rows of the workload and what routers call requests, see `identity`
        ("cancelled", "i8"),  # requests that have left unserved
        ("recomputed_tokens", "i8"),  # contexts lost to preemptions and stops
        ("prefill_tokens", "i8"),  # to be prefilled or recomputed in the coming step, of all workers
        ("events", "i8"),  # worker events that have taken effect: events[:events]
        ("due", "i8"),  # requests that follow others and have a time: a heap, follow[:due]
        ("expiring", "i8"),  # requests whose patience is to end: a heap, expire[:expiring]
        ("in_tier", "i8"),  # requests that wait for the prefill tier, are with it, or have just left it
        ("tier_first", "i4"),  # its queue
        ("tier_last", "i4"),
        ("tier_busy", "i8"),  # its servers that prefill, a heap by the time when they are done: tier[:tier_busy]
        ("tier_done", "i8"),  # prefilled, not with the router yet, by time and row: prefilled[:tier_done]
        ("held_tokens", "i8"),  # in the buffer
        ("prefilling", "i8"),  # active requests that are still to be prefilled, in chunks
        ("completed", "i8"),  # those whose last chunk runs in the coming step: completed[:completed]
        ("draft_stream", "u8"),  # see `drafts`
        ("arrivals_s", "f8"),  # with a regime on: sum of the arrivals of the requests in the system,
        ("gone_s", "f8"),  # and of the stays of those that have left it
    ],
    align=True,
)
"""The cluster's own bookkeeping of where the run stands."""

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
        ("ready_s", "f8"),  # while recomputing, or with the prefill tier
        ("worker", "i4"),  # the last one
        ("preemptions", "i4"),
        ("running_index", "i4"),  # while active: its place in `State.running`
        ("newer", "i4"),  # while active: neighbours in its worker's order of admission
        ("older", "i4"),
        ("calendar_next", "i4"),  # while active: neighbours among those that finish at the same step
        ("calendar_previous", "i4"),
        (
            "queue_next",
            "i4",
        ),  # the next where it waits: in its worker's queue or prompts, or the tier's queue
    ],
    align=True,
)
"""A request: what it is, what became of it, and its links in the lists that it stands in."""

CANDIDATE = np.dtype(
    [("request", "i8"), ("arrival_s", "f8"), ("context_tokens", "i8"), ("prompt_hash", "i8")],
    align=True,
)
"""A request that waits in the pool, as a router sees it; `request` is its identity, see `identity`, not its row."""

RUNNING = np.dtype(
    [
        ("request", "i8"),
        ("worker", "i8"),
        ("prompt_tokens", "i8"),
        ("birth_step", "i8"),  # tokens generated so far = clock.step - birth_step
        ("arrival_s", "f8"),
        ("admit_s", "f8"),
        ("prompt_hash", "i8"),
    ],
    align=True,
)
"""An active request, as a router sees it; `request` as in `CANDIDATE`."""

LIFE = np.dtype(
    [
        ("delay_s", "f8"),  # of a request that follows another: from that one's end to its arrival
        ("deadline_s", "f8"),  # arrival + patience, infinity where it does not end; the patience until it arrives
        ("row", "i8"),  # of the workload, those that are not served included
        ("to_prefill_tokens", "i8"),  # while it is prefilled in chunks
        ("max_tokens", "i8"),  # the client's limit, 0 where limits play no part
        ("first_follower", "i4"),  # the requests that follow this one, in order
        ("next_follower", "i4"),
        ("follows", "i4"),  # the request that this one follows, or `NOTHING`
        ("interruptions", "i4"),  # stops of its worker while it was active
        ("displaced", "i1"),  # its worker stopped: the router binds it anew
        ("cancelled", "i1"),
        ("stage", "i1"),  # where in the prefill tier: see `tier`
        ("held", "i1"),  # whether the tier's buffer holds its context
        ("prefilling", "i1"),  # active, and still to be prefilled
    ],
    align=True,
)
"""What only some regimes ask of a request (DESIGN 2.12 to 2.16)."""

EVENT = np.dtype([("time_s", "f8"), ("factor", "f8"), ("worker", "i4"), ("kind", "i4")], align=True)
"""A worker event; `kind` is the index into `config.EVENT_KINDS`."""

LINKS = np.dtype(
    [
        ("newest", "i4"),  # the active request that it admitted last
        ("queue_first", "i4"),
        ("queue_last", "i4"),
        ("prompt_first", "i4"),  # the active requests that it is still to prefill, in order of admission
        ("prompt_last", "i4"),
    ],
    align=True,
)
"""Where a worker's own lists begin; the rest of each list stands in the requests."""

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
        ("tokens", "i8"),  # generated in it
        ("prefill_tokens", "i8"),  # prefilled or recomputed in it
        ("workers_up", "i8"),
    ],
    align=True,
)
"""What is sampled at each decode step (DESIGN 2.5); loads in tokens."""

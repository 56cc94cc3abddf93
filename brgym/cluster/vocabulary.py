"""The router's vocabulary: all that compiled policies, observations and predictors need to read a cluster.

Each word is a compiled function of a `View`, and bears the name that it has in a `RouterView`, the same view for
Python: `free_slots(view, worker)` here is `view.free_slots[worker]` there. `load_tokens`, `active`, `queued` and
`queued_tokens`, `to_prefill_tokens` are arrays of the view in both.

Candidates are numbered from the oldest, 0..window_size - 1; active requests in no particular order, 0..active_requests
- 1. All of these functions work in Python as well, on `RouterView.arrays`.
"""

from brgym._compile import compiled, inlined
from brgym.cluster.memory import Room, fits, fits_together, free_slots, holds, room_of, room_tokens, spare_tokens
from brgym.cluster.records import FROM_POOL
from brgym.cluster.state import View

__all__ = [
    "Room",
    "active_admit_s",
    "active_arrival_s",
    "active_context_tokens",
    "active_generated_tokens",
    "active_prompt_hash",
    "active_prompt_tokens",
    "active_requests",
    "active_worker",
    "anything_fits",
    "boundary",
    "candidate_allowed_tokens",
    "candidate_arrival_s",
    "candidate_context_tokens",
    "candidate_fits",
    "candidate_prompt_hash",
    "fits",
    "fits_together",
    "free_slots",
    "holds",
    "is_up",
    "kv_capacity",
    "lowest_load_that_fits",
    "now_s",
    "requests_on",
    "room_of",
    "room_tokens",
    "slots",
    "spare_tokens",
    "step",
    "takes",
    "total_free_slots",
    "waiting",
    "window_size",
    "workers",
    "workers_up",
]


@inlined
def now_s(view: View) -> float:
    """The clock, in seconds."""
    return view.clock[0].now_s


@inlined
def step(view: View) -> int:
    """Decode steps run so far."""
    return view.clock[0].step


@inlined
def boundary(view: View) -> int:
    """Number of the present step boundary, from 1."""
    return view.clock[0].boundary


@inlined
def workers(view: View) -> int:
    """Number of workers, G."""
    return len(view.load_tokens)


@inlined
def workers_up(view: View) -> int:
    """Workers that are up; G of imbalance, balance and F."""
    return view.clock[0].workers_up


@inlined
def is_up(view: View, worker: int) -> bool:
    """Whether a worker is up; one that is stopped has no free slot and may not be named."""
    return view.up[worker]


@inlined
def slots(view: View) -> int:
    """Slots of a worker."""
    return view.constants[0].slots


@inlined
def kv_capacity(view: View) -> int:
    """KV tokens that a worker holds; `UNLIMITED` where there is no limit."""
    return view.constants[0].kv_capacity


@inlined
def active_requests(view: View) -> int:
    """Active requests of all workers together."""
    return view.clock[0].active


@inlined
def total_free_slots(view: View) -> int:
    """Free slots of all workers together."""
    return workers_up(view) * slots(view) - active_requests(view)


@inlined
def waiting(view: View) -> int:
    """Requests that have come to the router and are neither active nor recomputing."""
    return view.clock[0].pool_stop - view.clock[0].pool_start + view.clock[0].queued


@inlined
def requests_on(view: View, worker: int) -> int:
    """Requests that a worker has, active or in its queue."""
    return view.active[worker] + view.queued[worker]


@inlined
def window_size(view: View) -> int:
    """How many waiting requests the router sees: the oldest `candidates`, or the one to bind."""
    limit = view.constants[0].candidates if view.constants[0].binding == FROM_POOL else 1
    return min(view.clock[0].pool_stop - view.clock[0].pool_start, limit)


@inlined
def candidate_context_tokens(view: View, candidate: int) -> int:
    """Tokens that a candidate would occupy."""
    return view.pool[view.clock[0].pool_start + candidate].context_tokens


@inlined
def candidate_allowed_tokens(view: View, candidate: int) -> int:
    """What a candidate's client still allows it to generate, in tokens, where a share of that is reserved, else 0."""
    return view.pool_allowed[view.clock[0].pool_start + candidate] if len(view.pool_allowed) > 0 else 0


@inlined
def candidate_fits(view: View, worker: int, candidate: int) -> bool:
    """Whether a candidate fits on a worker: a free slot, and KV room (`brgym.cluster.memory`)."""
    room = room_of(view, worker)
    return takes(view, room, candidate, room.share > 0.0)


@inlined
def takes(view: View, room: Room, candidate: int, shares: bool) -> bool:
    """Whether a candidate fits into a room; `shares` as in `holds`."""
    context_tokens = candidate_context_tokens(view, candidate)
    if shares:
        return holds(view, room, context_tokens, 1, candidate_allowed_tokens(view, candidate), True)
    return context_tokens <= room.single_tokens


@inlined
def candidate_arrival_s(view: View, candidate: int) -> float:
    """Arrival of a candidate, in seconds."""
    return view.pool[view.clock[0].pool_start + candidate].arrival_s


@inlined
def candidate_prompt_hash(view: View, candidate: int) -> int:
    """Prompt hash of a candidate, -1 where there is none."""
    return view.pool[view.clock[0].pool_start + candidate].prompt_hash


@inlined
def active_worker(view: View, place: int) -> int:
    """Worker of an active request."""
    return view.running[place].worker


@inlined
def active_prompt_tokens(view: View, place: int) -> int:
    """Prompt tokens of an active request."""
    return view.running[place].prompt_tokens


@inlined
def active_generated_tokens(view: View, place: int) -> int:
    """Tokens that an active request has generated."""
    return view.clock[0].step - view.running[place].birth_step


@inlined
def active_context_tokens(view: View, place: int) -> int:
    """What an active request weighs in the coming step: its prompt and what it has generated, in tokens."""
    return view.running[place].prompt_tokens + view.clock[0].step - view.running[place].birth_step


@inlined
def active_arrival_s(view: View, place: int) -> float:
    """Arrival of an active request, in seconds."""
    return view.running[place].arrival_s


@inlined
def active_admit_s(view: View, place: int) -> float:
    """First admission of an active request, in seconds."""
    return view.running[place].admit_s


@inlined
def active_prompt_hash(view: View, place: int) -> int:
    """Prompt hash of an active request, -1 where there is none."""
    return view.running[place].prompt_hash


@inlined
def anything_fits(view: View) -> bool:
    """Whether some candidate fits on some worker."""
    if total_free_slots(view) == 0:
        return False
    if view.constants[0].kv_reserve_share > 0.0:
        return _any_pair_fits(view)
    smallest = -1
    for candidate in range(window_size(view)):
        context = int(candidate_context_tokens(view, candidate))
        if smallest < 0 or context < smallest:
            smallest = context
    if smallest < 0:
        return False
    for worker in range(workers(view)):  # noqa: SIM110  # compiled code knows no generators
        if smallest <= room_tokens(view, worker):
            return True
    return False


@compiled
def lowest_load_that_fits(view: View, context_tokens: int, allowed_tokens: int = 0) -> int:
    """The worker with the lowest load among those on which a context fits; -1 if none; ties: the lowest index.

    `allowed_tokens` as in `brgym.cluster.memory.fits`.
    """
    best = -1
    for worker in range(workers(view)):
        lower = best < 0 or view.load_tokens[worker] < view.load_tokens[best]
        if lower and fits(view, worker, context_tokens, allowed_tokens):
            best = worker
    return best


@compiled
def _any_pair_fits(view: View) -> bool:
    for candidate in range(window_size(view)):
        for worker in range(workers(view)):
            if candidate_fits(view, worker, candidate):
                return True
    return False

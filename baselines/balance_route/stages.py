"""The two stages of BR-0 and BR-H: single requests while slots abound, subsets when they are few.

Both choose the same worker; they differ in what they offer it (DESIGN 2.6).
"""

from baselines.balance_route.plan import Plan, hold_admitted, score
from baselines.balance_route.subsets import admitted_tokens, choose_window, enumerate_subsets, write_pairs
from baselines.choice import next_worker
from brgym._compile import compiled, inlined
from brgym.cluster import Integers, View
from brgym.cluster.vocabulary import (
    Room,
    candidate_context_tokens,
    holds,
    room_of,
    takes,
    total_free_slots,
    window_size,
)


@compiled
def next_admission(view: View, plan: Plan, pairs: Integers) -> int:
    """Decides the next admission of this boundary, given the projection in `plan`, and adds it to the projection.

    Args:
        view: What the router sees.
        plan: Parameters, scratch space, and the projection of this boundary.
        pairs: Receives (candidate, worker) rows.

    Returns:
        How many rows; 0 when no worker that is not passed over has a free slot.
    """
    greedy = total_free_slots(view) > plan.parameters[0].greedy_above
    while True:
        worker = next_worker(view, plan.passed, plan.parameters[0].worker_choice)
        if worker < 0:
            return 0
        count = _best_single(view, plan, worker, pairs) if greedy else _best_subset(view, plan, worker, pairs)
        if count > 0:
            hold_admitted(plan, worker, admitted_tokens(view, pairs, count), count)
            return count
        plan.passed[worker] = 1


@compiled
def _best_single(view: View, plan: Plan, worker: int, pairs: Integers) -> int:
    """Stage 1: the candidate with the largest F; ties: the older."""
    room = room_of(view, worker)
    best = _search(view, plan, worker, room, True) if room.share > 0.0 else _search(view, plan, worker, room, False)
    if best < 0:
        return 0
    pairs[0, 0] = best
    pairs[0, 1] = worker
    return 1


@inlined
def _search(view: View, plan: Plan, worker: int, room: Room, shares: bool) -> int:
    best, best_gain = -1, 0.0
    for candidate in range(window_size(view)):
        if not takes(view, room, candidate, shares):
            continue
        gain = score(plan, worker, candidate_context_tokens(view, candidate), 1)
        if best < 0 or gain > best_gain:
            best, best_gain = candidate, gain
    return best


@compiled
def _best_subset(view: View, plan: Plan, worker: int, pairs: Integers) -> int:
    """Stage 2: the subset of the window with the largest F; if that gains nothing, the best single request anyway."""
    size = choose_window(view, plan.parameters[0].order, plan.window)
    enumerate_subsets(view, plan, size)
    room = room_of(view, worker)
    if room.share > 0.0:
        mask = _search_subsets(view, plan, worker, size, room, True)
    else:
        mask = _search_subsets(view, plan, worker, size, room, False)
    return write_pairs(mask, plan.window, worker, pairs)


@inlined
def _search_subsets(view: View, plan: Plan, worker: int, size: int, room: Room, shares: bool) -> int:
    best, best_gain = 0, 0.0
    single, single_gain = 0, 0.0
    for mask in range(1, 1 << size):
        if not holds(view, room, plan.totals[mask], plan.counts[mask], plan.allowed[mask], shares):
            continue
        gain = score(plan, worker, plan.totals[mask], plan.counts[mask])
        if best == 0 or gain > best_gain:
            best, best_gain = mask, gain
        if mask & (mask - 1) == 0 and (single == 0 or gain > single_gain):
            single, single_gain = mask, gain
    return best if best_gain > 0.0 else single

"""Which waiting requests a free worker is offered, and which of their subsets fit it: common to BR-0 and BR-H."""

from baselines.balance_route.plan import Plan
from brgym._compile import compiled
from brgym.cluster import Integers, View
from brgym.cluster.vocabulary import candidate_allowed_tokens, candidate_context_tokens, window_size

ORDERS = ("arrival", "prompt-ascending", "prompt-descending")
"""In which order the subset window takes candidates; its code in compiled functions is the index."""


@compiled
def admitted_tokens(view: View, pairs: Integers, count: int) -> int:
    """Tokens that a decision admits."""
    total = 0
    for row in range(count):
        total += candidate_context_tokens(view, pairs[row, 0])
    return total


@compiled
def choose_window(view: View, order: int, window: Integers) -> int:
    """Fills `window` with the first candidates in `order`, then sorts them by age.

    Args:
        view: What the router sees.
        order: Index into `ORDERS`.
        window: Receives candidates, shape (subset window,).

    Returns:
        How many there are.
    """
    seen = window_size(view)
    size = min(len(window), seen)
    if order == 0:
        for place in range(size):
            window[place] = place
        return size
    sign = 1 if order == 1 else -1
    after_key, after = 0, -1
    for place in range(size):  # the next by (context, age) after the one taken last
        best, best_key = -1, 0
        for candidate in range(seen):
            key = sign * candidate_context_tokens(view, candidate)
            later = after < 0 or key > after_key or (key == after_key and candidate > after)
            if later and (best < 0 or key < best_key):
                best, best_key = candidate, key
        window[place] = best
        after, after_key = best, best_key
    window[:size].sort()
    return size


@compiled
def enumerate_subsets(view: View, plan: Plan, size: int) -> None:
    """Works out the tokens and the number of requests of every subset of the window; oldest candidate = bit 0.

    Args:
        view: What the router sees.
        plan: Holds the window; receives `totals`, `counts` and `allowed`.
        size: How many candidates of the window count.
    """
    plan.totals[0] = 0
    plan.counts[0] = 0
    for place in range(size):
        context = candidate_context_tokens(view, plan.window[place])
        bit = 1 << place
        for rest in range(bit):
            plan.totals[bit | rest] = plan.totals[rest] + context
            plan.counts[bit | rest] = plan.counts[rest] + 1
    if len(view.pool_allowed) > 0:
        for place in range(size):
            bit = 1 << place
            for rest in range(bit):
                allowed = candidate_allowed_tokens(view, plan.window[place])
                plan.allowed[bit | rest] = plan.allowed[rest] + allowed


@compiled
def write_pairs(mask: int, window: Integers, worker: int, pairs: Integers) -> int:
    """Writes a subset as (candidate, worker) rows, the oldest first; returns how many."""
    count = 0
    place = 0
    while mask >> place:
        if mask >> place & 1:
            pairs[count, 0] = window[place]
            pairs[count, 1] = worker
            count += 1
        place += 1
    return count

"""Where the loads are heading: P_g(h) of the active requests over the horizon (DESIGN 2.7).

Each request adds w + h at step h as long as it is expected to be there; w is its weight at the coming step.
"""

import math

from baselines.balance_route.plan import Plan, begin_boundary, find_envelope
from brgym._compile import compiled
from brgym.cluster import Reals, View
from brgym.cluster.vocabulary import (
    active_context_tokens,
    active_requests,
    active_worker,
    candidate_context_tokens,
    window_size,
    workers,
)


@compiled
def project_cut(view: View, plan: Plan, remaining: Reals) -> None:
    """Fills the projection, every request being there at h = 0 and at each h below its estimate.

    Each request is entered at its last step only; one sweep backwards along h then sums up, so that the cost is active
    requests + workers x horizon.

    Args:
        view: What the router sees.
        plan: Receives projection and envelope; no worker is passed over any more.
        remaining: Estimated remaining steps of each active request, the coming one included, shape (active requests,).
    """
    last = len(plan.discounts) - 1
    begin_boundary(view, plan)
    plan.projection[:] = 0.0
    plan.departures[:] = 0.0
    for place in range(active_requests(view)):
        worker = active_worker(view, place)
        final = min(max(math.ceil(remaining[place]) - 1, 0), last)
        plan.projection[worker, final] += active_context_tokens(view, place)
        plan.departures[worker, final] += 1.0
    for worker in range(workers(view)):
        weights, present = 0.0, 0.0
        for ahead in range(last, -1, -1):
            weights += plan.projection[worker, ahead]
            present += plan.departures[worker, ahead]
            plan.projection[worker, ahead] = weights + ahead * present
    if plan.parameters[0].growth > 0.0:
        _refill_cut(view, plan)
    find_envelope(plan)


@compiled
def project_expected(view: View, plan: Plan, survival: Reals) -> None:
    """Fills the projection, every request being there at h with its probability of surviving so long.

    Args:
        view: What the router sees.
        plan: Receives projection and envelope; no worker is passed over any more.
        survival: P(remaining > h) of each active request, shape (active requests, horizon + 1).
    """
    begin_boundary(view, plan)
    plan.projection[:] = 0.0
    for place in range(active_requests(view)):
        worker = active_worker(view, place)
        weight = active_context_tokens(view, place)
        for ahead in range(len(plan.discounts)):
            plan.projection[worker, ahead] += (weight + ahead) * survival[place, ahead]
    if plan.parameters[0].growth > 0.0:
        plan.departures[:] = 0.0
        for place in range(active_requests(view)):
            worker = active_worker(view, place)
            for ahead in range(1, len(plan.discounts)):
                plan.departures[worker, ahead] += survival[place, ahead - 1] - survival[place, ahead]
        _refill(view, plan)
    find_envelope(plan)


@compiled
def _refill_cut(view: View, plan: Plan) -> None:
    """Adds what fills the slots that empty; `departures` has the requests by the last step at which they are there."""
    for worker in range(workers(view)):
        for ahead in range(len(plan.discounts) - 1, 0, -1):  # one that is there last at h - 1 makes room at h
            plan.departures[worker, ahead] = plan.departures[worker, ahead - 1]
    _refill(view, plan)


@compiled
def _refill(view: View, plan: Plan) -> None:
    """Adds what fills the slots that empty; `departures` has the requests, or parts of them, by the step of refill.

    A slot that empties at step j weighs c + h - j at every h >= j, c being the mean context of the candidates.
    """
    context = _mean_context(view)
    for worker in range(workers(view)):
        refilled, steps = 0.0, 0.0
        for ahead in range(1, len(plan.discounts)):
            refilled += plan.departures[worker, ahead]
            steps += plan.departures[worker, ahead] * ahead
            plan.projection[worker, ahead] += refilled * (context + ahead) - steps


@compiled
def _mean_context(view: View) -> float:
    total = 0.0
    for candidate in range(window_size(view)):
        total += candidate_context_tokens(view, candidate)
    return total / max(window_size(view), 1)

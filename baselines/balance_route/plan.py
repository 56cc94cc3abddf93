"""What a BalanceRoute router keeps at hand: parameters and scratch space, carved out of a compiled policy's memory."""

from typing import NamedTuple

import numpy as np

from brgym._compile import compiled
from brgym.cluster import Integers, Memory, Reals

_BOUNDARY, _GREEDY_ABOVE, _ORDER, _SUBSET_WINDOW, _HORIZON = range(5)
_ALPHA_SUM, _BETA = range(2)


class Plan(NamedTuple):
    """Parameters and scratch space, as compiled code reads them.

    Attributes:
        parameters: boundary, greedy_above, order, subset_window, horizon, shape (5,).
        passed: Whether each worker is passed over for this boundary, shape (workers,).
        window: Candidates in the subset window, shape (subset_window,).
        totals: Tokens of each of their subsets, shape (2 ** subset_window,).
        counts: Requests of each of their subsets, shape (2 ** subset_window,).
        weights: alpha times the sum of the discounts, beta, shape (2,).
        discounts: gamma ** h, shape (horizon + 1,).
        envelope: Largest projected load at each step ahead, max_g P_g(h), in tokens, shape (horizon + 1,).
        projection: Projected load P_g(h) of each worker at each step ahead, in tokens, shape (workers, horizon + 1).
        departures: Scratch: requests by worker and last step, shape (workers, horizon + 1).
    """

    parameters: Integers
    passed: Integers
    window: Integers
    totals: Integers
    counts: Integers
    weights: Reals
    discounts: Reals
    envelope: Reals
    projection: Reals
    departures: Reals


def plan_memory(
    workers: int,
    *,
    greedy_above: int,
    subset_window: int,
    order: int,
    horizon: int = 0,
    gamma: float = 1.0,
    alpha: float = 1.0,
    beta: float | None = None,
) -> Memory:
    """The memory of a router at the start of a run; the parameters are those of `BR0` and `BRH`."""
    integers = np.zeros(5 + workers + subset_window + (2 << subset_window), np.int64)
    integers[:5] = (0, greedy_above, order, subset_window, horizon)
    discounts = gamma ** np.arange(horizon + 1)
    weights = [alpha * discounts.sum(), workers if beta is None else beta]
    return Memory(integers, np.concatenate([weights, discounts, np.zeros((horizon + 1) * (1 + 2 * workers))]))


@compiled
def plan_of(memory: Memory, workers: int) -> Plan:
    """The plan that lies in a router's memory."""
    parameters, rest = memory.integers[:5], memory.integers[5:]
    window = parameters[_SUBSET_WINDOW]
    steps = parameters[_HORIZON] + 1
    discounts, envelope, grids = 2, 2 + steps, 2 + 2 * steps  # where each begins among the reals
    return Plan(
        parameters,
        rest[:workers],
        rest[workers : workers + window],
        rest[workers + window : workers + window + (1 << window)],
        rest[workers + window + (1 << window) :],
        memory.reals[:discounts],
        memory.reals[discounts:envelope],
        memory.reals[envelope:grids],
        memory.reals[grids : grids + workers * steps].reshape(workers, steps),
        memory.reals[grids + workers * steps :].reshape(workers, steps),
    )


@compiled
def begin_decision(plan: Plan, boundary: int) -> bool:
    """Notes the boundary and says whether it is a new one; then no worker is passed over any more."""
    if plan.parameters[_BOUNDARY] == boundary:
        return False
    plan.parameters[_BOUNDARY] = boundary
    plan.passed[:] = 0
    return True


@compiled
def greedy_above(plan: Plan) -> int:
    """Free slots above which the router admits single requests."""
    return plan.parameters[_GREEDY_ABOVE]


@compiled
def order(plan: Plan) -> int:
    """Index into `ORDERS`."""
    return plan.parameters[_ORDER]


@compiled
def score(plan: Plan, worker: int, total: float) -> float:
    """F of admitting `total` tokens to a worker (DESIGN 2.7).

    F = alpha (sum_h gamma^h) total - beta sum_h gamma^h max(0, total - m_{g,h}) with the margins m_{g,h} =
    max_g' P_g'(h) - P_g(h). With horizon 0, alpha = 1 and beta = G it is `f_score`.
    """
    overshoot = 0.0
    for ahead in range(len(plan.discounts)):
        margin = plan.envelope[ahead] - plan.projection[worker, ahead]
        overshoot += plan.discounts[ahead] * max(0.0, total - margin)
    return plan.weights[_ALPHA_SUM] * total - plan.weights[_BETA] * overshoot


@compiled
def raise_envelope(plan: Plan, worker: int) -> None:
    """Lifts the envelope to the projected load of a worker wherever that is higher."""
    for ahead in range(len(plan.envelope)):
        plan.envelope[ahead] = max(plan.envelope[ahead], plan.projection[worker, ahead])


@compiled
def find_envelope(plan: Plan) -> None:
    """Sets the envelope from the projected loads."""
    plan.envelope[:] = 0.0
    for worker in range(len(plan.projection)):
        raise_envelope(plan, worker)


@compiled
def hold_admitted(plan: Plan, worker: int, total: float) -> None:
    """Adds what has been admitted to a worker's projected load, the same at every step ahead (DESIGN 2.7)."""
    plan.projection[worker] += total
    raise_envelope(plan, worker)

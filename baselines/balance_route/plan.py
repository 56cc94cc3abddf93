"""What a BalanceRoute router keeps at hand: parameters and scratch space, in a compiled policy's memory."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster import Integers, Layout, Memory, Reals, Records, View
from brgym.cluster.vocabulary import boundary, workers_up

PARAMETERS = np.dtype(
    [
        ("boundary", "i8"),  # the one that is being routed
        ("greedy_above", "i8"),  # free slots above which single requests are admitted
        ("order", "i8"),  # index into `ORDERS`
        ("worker_choice", "i8"),  # index into `WORKER_CHOICES`
        ("growth", "f8"),  # tokens that an admitted request gains a step, as far as the router looks: 0, with refill 1
        ("alpha_sum", "f8"),  # alpha times the sum of the discounts
        ("alpha_growth", "f8"),  # alpha times the sum of discount x growth x steps ahead
        ("alpha", "f8"),
        ("beta", "f8"),
        ("beta_is_workers", "i8"),  # whether beta is G, the number of workers up
        ("flat", "i8"),  # whether F is 0 whatever is admitted, so that no rounding may decide: one worker, alpha = beta
    ],
    align=True,
)


class Plan(NamedTuple):
    """Parameters and scratch space, as compiled code reads them.

    Attributes:
        parameters: `PARAMETERS`, shape (1,).
        passed: Whether each worker is passed over for this boundary, shape (workers,).
        window: Candidates in the subset window, shape (subset_window,).
        totals: Tokens of each of their subsets, shape (2 ** subset_window,).
        counts: Requests of each of their subsets, shape (2 ** subset_window,).
        allowed: What their clients still allow them to generate, in tokens, where a share of that is reserved; same
            shape.
        discounts: gamma ** h, shape (horizon + 1,).
        envelope: Largest projected load at each step ahead, max_g P_g(h), in tokens, shape (horizon + 1,).
        projection: Projected load P_g(h) of each worker at each step ahead, in tokens, shape (workers, horizon + 1).
        departures: Scratch: requests by worker and last step, shape (workers, horizon + 1).
    """

    parameters: Records
    passed: Integers
    window: Integers
    totals: Integers
    counts: Integers
    allowed: Integers
    discounts: Reals
    envelope: Reals
    projection: Reals
    departures: Reals


_LAYOUT = Layout(Plan, grids=("projection", "departures"), records={"parameters": PARAMETERS})

plan_of = _LAYOUT.reader()
"""The plan that lies in a router's memory."""


def plan_memory(
    workers: int,
    *,
    greedy_above: int,
    subset_window: int,
    order: int,
    worker_choice: int = 0,
    horizon: int = 0,
    gamma: float = 1.0,
    alpha: float = 1.0,
    beta: float | None = None,
    refill: bool = False,
) -> Memory:
    """The memory of a router at the start of a run; the parameters are those of `BR0` and `BRH`."""
    discounts = np.asarray(gamma ** np.arange(horizon + 1), dtype=np.float64)
    return _LAYOUT.memory(
        Plan(
            parameters=_parameters(
                greedy_above=greedy_above,
                order=order,
                worker_choice=worker_choice,
                growth=float(refill),
                alpha_sum=alpha * discounts.sum(),
                alpha_growth=alpha * refill * float(discounts @ np.arange(horizon + 1)),
                alpha=alpha,
                beta=workers if beta is None else beta,
                beta_is_workers=beta is None,
            ),
            passed=np.zeros(workers, np.int64),
            window=np.zeros(subset_window, np.int64),
            totals=np.zeros(1 << subset_window, np.int64),
            counts=np.zeros(1 << subset_window, np.int64),
            allowed=np.zeros(1 << subset_window, np.int64),
            discounts=discounts,
            envelope=np.zeros(horizon + 1),
            projection=np.zeros((workers, horizon + 1)),
            departures=np.zeros((workers, horizon + 1)),
        )
    )


def _parameters(**values: float) -> npt.NDArray[np.void]:
    parameters = np.zeros(1, PARAMETERS)
    for name, value in values.items():
        parameters[name] = value
    return parameters


@compiled
def begin_decision(view: View, plan: Plan) -> bool:
    """Notes the boundary and says whether it is a new one; then no worker is passed over any more."""
    if plan.parameters[0].boundary == boundary(view):
        return False
    begin_boundary(view, plan)
    return True


@compiled
def begin_boundary(view: View, plan: Plan) -> None:
    """No worker is passed over, and G is the number of workers that are up now."""
    parameters = plan.parameters[0]
    parameters.boundary = boundary(view)
    if parameters.beta_is_workers != 0:
        parameters.beta = workers_up(view)
    parameters.flat = workers_up(view) == 1 and parameters.alpha == parameters.beta
    plan.passed[:] = 0


@compiled
def score(plan: Plan, worker: int, total: float, count: int) -> float:
    """F of admitting `count` requests of `total` tokens to a worker (DESIGN 2.7).

    F = alpha (sum_h gamma^h) total - beta sum_h gamma^h max(0, total - m_{g,h}) with the margins m_{g,h} =
    max_g' P_g'(h) - P_g(h); with refill, total + h count stands for total. With horizon 0, alpha = 1 and beta = G it is
    `f_score`.
    """
    parameters = plan.parameters[0]
    if parameters.flat != 0:
        return 0.0
    overshoot, grows = 0.0, parameters.growth * count
    for ahead in range(len(plan.discounts)):
        margin = plan.envelope[ahead] - plan.projection[worker, ahead]
        overshoot += plan.discounts[ahead] * max(0.0, total + ahead * grows - margin)
    return parameters.alpha_sum * total + parameters.alpha_growth * count - parameters.beta * overshoot


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
def hold_admitted(plan: Plan, worker: int, total: float, count: int) -> None:
    """Adds what has been admitted to a worker's projected load (DESIGN 2.7).

    It is the same at every step ahead; with refill it grows by a token a request and step.
    """
    grows = plan.parameters[0].growth * count
    for ahead in range(len(plan.discounts)):
        plan.projection[worker, ahead] += total + ahead * grows
    raise_envelope(plan, worker)

"""The integer programme of BF-IO (arXiv 2601.17855): which waiting request to which worker, for the least imbalance.

Binary x_{i,g} says that candidate i goes to worker g, M_h is the envelope h steps ahead. With P_g(h) the projected load
of the active requests and c_i + h that of candidate i:

    minimise    sum_h (G M_h - sum_g L_{g,h}),    L_{g,h} = P_g(h) + sum_i (c_i + h) x_{i,g},    h = 0..H
    subject to  M_h >= L_{g,h}                           for all g and h
                sum_g x_{i,g} <= 1                       each candidate once
                sum_i x_{i,g} <= free slots of g
                sum_i k_i x_{i,g} <= KV room of g        k_i = c_i + its reserve (DESIGN 2.2, 2.12)
                sum_{i,g} x_{i,g} = n                    the largest number that slots and KV allow

That an admitted request outlasts the horizon and grows by a token a step is BF-IO's drift of an active job; nothing is
predicted for requests that have not begun (BR-H holds them constant instead). All steps count alike, as in BF-IO.

Where KV does not bind, n is the smaller of candidates and free slots. Where it does, n is the optimum of a first
programme with the same constraints: the most candidates that can be admitted at once, whichever these are.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brgym._checks import check_integer
from brgym.cluster import UNLIMITED, Integers, Reals, imbalance

DEFAULT_NODE_LIMIT = 1000
"""Branch-and-bound nodes of one programme. Counted in nodes, the answer is the same on every machine."""

_OPTIMAL, _INFEASIBLE = 0, 2  # scipy.optimize.milp's `status`


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """An assignment of candidates to workers.

    Attributes:
        worker: Worker of each candidate, -1 where it goes on waiting, shape (candidates,).
        imbalance: What it leads to, see `predicted_imbalance`, in tokens.
        proven: Whether nothing better exists; otherwise the solver ended at a limit.
    """

    worker: Integers
    imbalance: float
    proven: bool


def predicted_imbalance(
    projection: Reals, contexts: Integers, worker: Integers, up: npt.NDArray[np.bool_] | None = None
) -> float:
    """Sum over h = 0..H of G max_g L_{g,h} - sum_g L_{g,h} after an assignment, in tokens.

    Args:
        projection: P_g(h) of the active requests in tokens, shape (workers, H + 1).
        contexts: Tokens that each candidate occupies once admitted, shape (candidates,).
        worker: Worker of each candidate, -1 where it goes on waiting, shape (candidates,).
        up: Which workers are up, shape (workers,); None for all. Their number is G; those stopped have no load.
    """
    load = projection.astype(np.float64)
    admitted = worker >= 0
    np.add.at(load, worker[admitted], contexts[admitted, None] + np.arange(load.shape[1]))
    workers_up = len(load) if up is None else int(up.sum())
    return float(imbalance(workers_up, load.max(axis=0), load.sum(axis=0)).sum())


def optimal_assignment(
    projection: Reals,
    contexts: Integers,
    free_slots: Integers,
    *,
    spare_tokens: Integers | None = None,
    kv_tokens: Integers | None = None,
    up: npt.NDArray[np.bool_] | None = None,
    count: int | None = None,
    node_limit: int = DEFAULT_NODE_LIMIT,
    time_limit_s: float | None = None,
) -> Assignment:
    """Solves the programme of this module with HiGHS (scipy.optimize.milp).

    Args:
        projection: P_g(h) of the active requests in tokens, shape (workers, H + 1).
        contexts: Tokens that each candidate occupies once admitted, shape (candidates,).
        free_slots: Free slots of each worker, shape (workers,).
        spare_tokens: KV tokens of each worker that neither load nor reserves take, shape (workers,); None for no limit.
        kv_tokens: What each candidate takes of them, k_i, shape (candidates,); None for its context and a token.
        up: Which workers are up, shape (workers,); None for all. Their number is G.
        count: How many to admit; None for as many as slots and KV allow.
        node_limit: Branch-and-bound nodes after which the best assignment found so far is taken.
        time_limit_s: Seconds after which the same happens; then the answer depends on the machine. None for no limit.

    Raises:
        ValueError: If `count` cannot be admitted, or if a limit is reached before any assignment is found.
    """
    if count is not None:
        check_integer("count", count, minimum=0, maximum=len(contexts))
    if up is not None:
        free_slots = np.where(up, free_slots, 0)
    programme = _Programme(
        projection,
        contexts,
        contexts + 1 if kv_tokens is None else kv_tokens,
        free_slots,
        spare_tokens,
        len(projection) if up is None else int(up.sum()),
        node_limit,
        time_limit_s,
    )
    most, most_proven = programme.most() if count is None else (count, True)
    worker, proven = programme.least_imbalance(most) if most > 0 else (np.full(len(contexts), -1), True)
    imbalance = predicted_imbalance(projection, contexts, worker, up)
    return Assignment(worker=worker, imbalance=imbalance, proven=proven and most_proven)


class _Programme:
    """The programme of one boundary; only workers on which some candidate fits are in it, the rest are in the envelope.

    Columns: x_{i,g}, g running fastest, then M_h. Rows: candidates, slots, KV, the number admitted, then the envelope,
    by h and g. `rows`, `columns` and `entries` are the matrix, entry by entry.
    """

    def __init__(
        self,
        projection: Reals,
        contexts: Integers,
        kv_tokens: Integers,
        free_slots: Integers,
        spare_tokens: Integers | None,
        workers_up: int,
        node_limit: int,
        time_limit_s: float | None,
    ) -> None:
        room = np.full(len(projection), np.inf) if spare_tokens is None else spare_tokens
        self.workers = workers_up
        self.contexts = contexts
        self.kv_tokens = kv_tokens
        self.open = np.flatnonzero((free_slots > 0) & (room >= kv_tokens.min(initial=UNLIMITED)))
        self.free_slots = free_slots[self.open]
        self.spare_tokens = room[self.open]
        self.projection = projection[self.open]
        self.envelope = projection.max(axis=0)
        self.node_limit = node_limit
        self.time_limit_s = time_limit_s
        self.rows, self.columns, self.entries = self._matrix()

    def most(self) -> tuple[int, bool]:
        """The largest number of candidates that can be admitted at once, and whether that is proven."""
        largest = np.concatenate([[0], np.cumsum(np.sort(self.kv_tokens)[::-1])])
        if (largest[np.minimum(self.free_slots, len(self.contexts))] <= self.spare_tokens).all():
            return min(len(self.contexts), int(self.free_slots.sum())), True  # KV cannot bind
        pairs = len(self.contexts) * len(self.open)
        objective = np.concatenate([-np.ones(pairs), np.zeros(len(self.envelope))])
        worker, proven = self._solve(objective, 0, len(self.contexts))
        return int(np.count_nonzero(worker >= 0)), proven

    def least_imbalance(self, count: int) -> tuple[Integers, bool]:
        """The best assignment of `count` candidates, and whether that is proven."""
        steps = len(self.envelope)
        added = (self.contexts[:, None] + np.arange(steps)).sum(axis=1)
        objective = np.concatenate([-np.repeat(added, len(self.open)), np.full(steps, self.workers)])
        return self._solve(objective.astype(np.float64), count, count)

    def _matrix(self) -> tuple[Integers, Integers, Reals]:
        candidates, workers, steps = len(self.contexts), len(self.open), len(self.envelope)
        pairs = candidates * workers
        candidate, worker = np.divmod(np.arange(pairs), workers)
        context, one, ahead = self.contexts[candidate], np.ones(pairs), np.arange(steps)[:, None]
        count_row = candidates + 2 * workers
        bounded_load = count_row + 1 + ahead * workers
        rows = (
            candidate,
            candidates + worker,
            candidates + workers + worker,
            np.full(pairs, count_row),
            (bounded_load + worker).ravel(),
            (bounded_load + np.arange(workers)).ravel(),
        )
        columns = (*[np.arange(pairs)] * 4, np.tile(np.arange(pairs), steps), pairs + np.repeat(ahead, workers))
        entries = (one, one, self.kv_tokens[candidate], one, -(context + ahead).ravel(), np.ones(steps * workers))
        return np.concatenate(rows), np.concatenate(columns), np.concatenate(entries)

    def _solve(self, objective: Reals, fewest: int, most: int) -> tuple[Integers, bool]:
        """Minimises an objective with `fewest` to `most` candidates admitted."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        pairs = len(self.contexts) * len(self.open)
        is_pair = np.arange(len(objective)) < pairs
        at_most = np.concatenate([np.ones(len(self.contexts)), self.free_slots, self.spare_tokens, [most]])
        lower = np.concatenate([np.full(len(at_most) - 1, -np.inf), [fewest], self.projection.T.ravel()])
        upper = np.concatenate([at_most, np.full(self.projection.size, np.inf)])
        matrix = csr_array((self.entries, (self.rows, self.columns)), shape=(len(upper), len(objective)))
        found = _beside(
            milp,
            objective,
            integrality=is_pair,
            bounds=Bounds(np.concatenate([np.zeros(pairs), self.envelope]), np.where(is_pair, 1.0, np.inf)),
            constraints=LinearConstraint(matrix, lower, upper),
            options={
                "node_limit": min(self.node_limit, 2**31 - 1),  # as far as HiGHS counts
                "time_limit": math.inf if self.time_limit_s is None else self.time_limit_s,
                "mip_rel_gap": 0.0,
            },
        )
        if found.status == _INFEASIBLE:
            raise ValueError(f"{fewest} of {len(self.contexts)} candidates cannot be admitted together")
        if found.x is None:
            raise ValueError(f"no assignment found within node_limit and time_limit_s: {found.message}")
        chosen = found.x[:pairs].reshape(len(self.contexts), len(self.open)) > 0.5
        worker = np.where(chosen.any(axis=1), self.open[chosen.argmax(axis=1)], -1)
        return worker, bool(found.status == _OPTIMAL)


def _beside(solve: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a function returns that hears no signal, run in a thread: an interrupt ends the wait for it at once."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(solve(*arguments, **options))
        except BaseException as error:  # raised again where it is waited for
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]

"""Policies that bind from the pool, in plain Python: least-kv, BR-0 (2.6) and BR-H (2.7); and level, of ours.

Where candidates or workers tie, Python's `min` keeps the first of a list that runs from the oldest or the lowest index.
On a worker that is stopped nothing fits and no slot is free, so it is passed over; G is the number of workers up.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal

from .cluster import ReferenceCluster, Request

Order = Literal["arrival", "prompt-ascending", "prompt-descending"]
WorkerChoice = Literal["most-free-slots", "lowest-load"]
Prediction = float | Sequence[float]
Predict = Callable[[list[Request], int], Sequence[Prediction]]
"""(active requests, horizon) -> for each: r̂ under "cut"; P(remaining > h), h = 0..horizon, under "expected"."""


def imbalance(loads: Sequence[float]) -> float:
    """I = G M - sum of the loads."""
    return len(loads) * max(loads) - sum(loads)


def f_score(total: float, margin: float, workers: int) -> float:
    """BR-0's F: by how much the imbalance falls when `total` tokens join a worker with this margin."""
    return total - workers * max(0, total - margin)


def _mean_context(cluster: ReferenceCluster) -> float:
    contexts = [request.context for request in cluster.window()]
    return sum(contexts) / max(len(contexts), 1)


def oracle_remaining(active: list[Request], horizon: int) -> list[float]:
    """r̂ of one who knows: min(remaining, horizon + 1)."""
    return [float(min(request.remaining, horizon + 1)) for request in active]


def oracle_survival(active: list[Request], horizon: int) -> list[list[float]]:
    """P(remaining > h) of one who knows: one or zero."""
    return [[float(request.remaining > h) for h in range(horizon + 1)] for request in active]


class LeastKV:
    """The oldest candidate that fits anywhere goes to the lowest load where it fits; then all over again."""

    binding: Literal["pool"] = "pool"

    def route(self, cluster: ReferenceCluster) -> None:
        while self._admit_one(cluster):
            pass

    def _admit_one(self, cluster: ReferenceCluster) -> bool:
        for request in cluster.window():
            where = [g for g, worker in enumerate(cluster.workers) if worker.fits([request])]
            if where:
                cluster.admit(request, min(where, key=lambda g: cluster.workers[g].load))
                return True
        return False


def in_order_of_choice(cluster: ReferenceCluster, choice: WorkerChoice) -> list[int]:
    """All workers, the one to route to first in front; of equals the lowest index."""
    workers = cluster.workers
    if choice == "lowest-load":
        return sorted(range(len(workers)), key=lambda g: (workers[g].load, -workers[g].free_slots))
    return sorted(range(len(workers)), key=lambda g: (-workers[g].free_slots, workers[g].load))


class Level:
    """The first worker on which something fits gets what brings it nearest to the mean load of the others up."""

    binding: Literal["pool"] = "pool"

    def __init__(self, *, worker_choice: WorkerChoice = "most-free-slots") -> None:
        self.worker_choice = worker_choice

    def route(self, cluster: ReferenceCluster) -> None:
        while self._admit_one(cluster):
            pass

    def _admit_one(self, cluster: ReferenceCluster) -> bool:
        workers = cluster.workers
        for g in in_order_of_choice(cluster, self.worker_choice):
            fitting = [request for request in cluster.window() if workers[g].fits([request])]
            if fitting:
                others = [workers[other].load for other in cluster.workers_up() if other != g]
                mean = Fraction(sum(others), max(len(others), 1))
                cluster.admit(min(fitting, key=lambda r: abs(workers[g].load * bool(others) + r.context - mean)), g)
                return True
        return False


class BalanceRoute0:
    """BR-0. Stages, worker choice, subsets and ties; BR-H changes what `score` says and nothing else."""

    binding: Literal["pool"] = "pool"

    def __init__(
        self,
        *,
        greedy_above: int = 7,
        subset_window: int = 8,
        order: Order = "arrival",
        worker_choice: WorkerChoice = "most-free-slots",
    ) -> None:
        self.greedy_above = greedy_above
        self.subset_window = subset_window
        self.order = order
        self.worker_choice = worker_choice

    def score(self, cluster: ReferenceCluster, g: int, total: int, count: int) -> float:
        """F_g of admitting `count` requests of `total` tokens to worker g now."""
        up = cluster.workers_up()
        envelope = max(cluster.workers[each].load for each in up)
        return f_score(total, envelope - cluster.workers[g].load, len(up))

    def place(self, cluster: ReferenceCluster, g: int, requests: list[Request]) -> None:
        """Admits to worker g, the oldest first."""
        for request in requests:
            cluster.admit(request, g)

    def route(self, cluster: ReferenceCluster) -> None:
        passed_over: set[int] = set()
        while cluster.window() and (g := self._next_worker(cluster, passed_over)) is not None:
            if sum(worker.free_slots for worker in cluster.workers) > self.greedy_above:
                chosen = self._best_single(cluster, g, cluster.window())
            else:
                chosen = self._best_subset(cluster, g, self._shown(cluster.window()))
            if chosen:
                self.place(cluster, g, chosen)
            else:
                passed_over.add(g)

    def _next_worker(self, cluster: ReferenceCluster, passed_over: set[int]) -> int | None:
        """The first of those that have a free slot and are not passed over: one rule for both stages."""
        for g in in_order_of_choice(cluster, self.worker_choice):
            if g not in passed_over and cluster.workers[g].free_slots > 0:
                return g
        return None

    def _shown(self, window: list[Request]) -> list[Request]:
        """Stage 2's window: the first `subset_window` in `order`, listed by age again for the bit masks."""
        if self.order == "prompt-ascending":
            first = sorted(window, key=lambda request: request.context)[: self.subset_window]
        elif self.order == "prompt-descending":
            first = sorted(window, key=lambda request: -request.context)[: self.subset_window]
        else:
            first = window[: self.subset_window]
        return [request for request in window if request in first]

    def _best_single(self, cluster: ReferenceCluster, g: int, among: list[Request]) -> list[Request]:
        """The candidate with the largest F of those that fit worker g, the oldest of equals; none if none fits."""
        fitting = [request for request in among if cluster.workers[g].fits([request])]
        return sorted(fitting, key=lambda request: -self.score(cluster, g, request.context, 1))[:1]

    def _best_subset(self, cluster: ReferenceCluster, g: int, shown: list[Request]) -> list[Request]:
        """The subset with the largest F, the smallest bit mask of equals; where no F is positive, one candidate."""
        best_score, best = 0.0, None
        for mask in range(1, 2 ** len(shown)):
            subset = [request for bit, request in enumerate(shown) if mask & (1 << bit)]
            if not cluster.workers[g].fits(subset):
                continue
            score = self.score(cluster, g, sum(request.context for request in subset), len(subset))
            if score > best_score:
                best_score, best = score, subset
        return best if best is not None else self._best_single(cluster, g, shown)


class BalanceRouteH(BalanceRoute0):
    """BR-H: F over the projected loads `self.P[g][h]`, in tokens; margins are taken over the workers up."""

    def __init__(
        self,
        *,
        predict: Predict,
        horizon: int = 80,
        gamma: float = 0.98,
        alpha: float = 1.0,
        beta: float | None = None,
        projection: Literal["cut", "expected"] = "cut",
        greedy_above: int = 7,
        subset_window: int = 8,
        order: Order = "arrival",
        worker_choice: WorkerChoice = "most-free-slots",
        refill: bool = False,
    ) -> None:
        super().__init__(
            greedy_above=greedy_above, subset_window=subset_window, order=order, worker_choice=worker_choice
        )
        self.refill = refill
        self.predict = predict
        self.horizon = horizon
        self.gamma = gamma
        self.alpha = alpha
        self.beta = beta
        self.projection = projection

    def route(self, cluster: ReferenceCluster) -> None:
        self.P = self.project(cluster)
        super().route(cluster)

    def project(self, cluster: ReferenceCluster) -> list[list[float]]:
        """P_g(h) of the active requests alone."""
        where = [g for g, worker in enumerate(cluster.workers) for _ in worker.active]
        active = cluster.active()
        predictions = self.predict(active, self.horizon)
        P = [[0.0] * (self.horizon + 1) for _ in cluster.workers]
        for g, request, prediction in zip(where, active, predictions, strict=True):
            for h in range(self.horizon + 1):
                P[g][h] += (request.context + h) * self._presence(prediction, h)
                if self.refill:
                    P[g][h] += self._refilled(prediction, h, _mean_context(cluster))
        return P

    def _refilled(self, prediction: Prediction, h: int, context: float) -> float:
        """What stands h steps ahead in the slot that a request leaves: one that came when it left, grown since."""
        if isinstance(prediction, Sequence):
            ends = [(j, prediction[j - 1] - prediction[j]) for j in range(1, h + 1)]
        else:
            ends = [(math.ceil(max(prediction, 1.0)), 1.0)]
        return sum(part * (context + h - j) for j, part in ends if 1 <= j <= h)

    def _presence(self, prediction: Prediction, h: int) -> float:
        """How much of a request is counted h steps after the coming one."""
        if self.projection == "expected":
            assert isinstance(prediction, Sequence)
            return prediction[h]
        assert not isinstance(prediction, Sequence)
        return 1.0 if h == 0 or h < prediction else 0.0

    def _admitted(self, total: int, count: int, h: int) -> float:
        """What admitted requests weigh h steps ahead."""
        return total + h * count if self.refill else total

    def score(self, cluster: ReferenceCluster, g: int, total: int, count: int) -> float:
        up = cluster.workers_up()
        beta = len(up) if self.beta is None else self.beta
        gain = 0.0
        excess = 0.0
        for h in range(self.horizon + 1):
            margin = max(self.P[each][h] for each in up) - self.P[g][h]
            gain += self.gamma**h * self._admitted(total, count, h)
            excess += self.gamma**h * max(0.0, self._admitted(total, count, h) - margin)
        return self.alpha * gain - beta * excess

    def place(self, cluster: ReferenceCluster, g: int, requests: list[Request]) -> None:
        super().place(cluster, g, requests)
        total = sum(request.context for request in requests)
        self.P[g] = [load + self._admitted(total, len(requests), h) for h, load in enumerate(self.P[g])]

"""Where requests of the system stand: in the pool, with the router, in queues, on workers, without KV, in the tier."""

from .prefill import Tier
from .workers import Request, Worker


class Places:
    """All places of a cluster; a request of the system stands in one of them."""

    def __init__(self, workers: list[Worker], candidates: int | None, tier: Tier | None) -> None:
        self.workers = workers
        self.candidates = candidates
        # The pool: waiting and bound to no worker, the oldest first.
        self.pool: list[Request] = []
        # Where a policy binds on arrival, those that are still to be bound:
        self.ready_victims: list[Request] = []
        self.from_stopped_queues: list[Request] = []
        self.found_no_worker: list[Request] = []
        self.arrivals: list[Request] = []
        # Without their KV, and not yet ready again.
        self.recomputing: list[Request] = []
        # Before all this, or for those that lost their KV: the prefill tier, where there is one.
        self.tier = tier

    def active(self) -> list[Request]:
        """Active requests, worker by worker, each worker's in order of admission."""
        return [request for worker in self.workers for request in worker.active]

    def to_bind(self) -> list[Request]:
        """Those to be bound, in the order of 2.12."""
        return self.ready_victims + self.from_stopped_queues + self.found_no_worker + self.arrivals

    def waiting(self) -> list[Request]:
        """With the router, or bound and not active; who recomputes or is in the prefill tier is neither yet."""
        return self.pool + self.to_bind() + [request for worker in self.workers for request in worker.queue]

    def in_system(self) -> list[Request]:
        """Arrived, neither finished nor cancelled."""
        in_tier = [] if self.tier is None else self.tier.requests()
        return self.waiting() + self.active() + self.recomputing + in_tier

    def window(self) -> list[Request]:
        """The candidates: the oldest of the pool, as many as a policy may see."""
        return self.pool[: self.candidates]

    def workers_up(self) -> list[int]:
        """The indices of the workers that are up; G is their number."""
        return [g for g, worker in enumerate(self.workers) if worker.up]

    def remove(self, request: Request) -> None:
        """Takes a request out of the place where it stands, and out of the buffer of the tier."""
        if self.tier is not None:
            self.tier.release(request)
            if request in self.tier.requests():
                self.tier.remove(request)
                return
        unbound = [self.pool, self.ready_victims, self.from_stopped_queues, self.found_no_worker, self.arrivals]
        bound = [place for worker in self.workers for place in (worker.active, worker.queue)]
        (place,) = [place for place in [*unbound, *bound, self.recomputing] if request in place]
        place.remove(request)

    def take_to_bind(self) -> list[Request]:
        """Empties the places of those to be bound."""
        requests = self.to_bind()
        self.ready_victims, self.from_stopped_queues, self.found_no_worker, self.arrivals = [], [], [], []
        return requests

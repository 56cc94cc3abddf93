"""Part 1 of a boundary (2.11): who comes, what happens to workers, who leaves, who returns. Letters are those of 2.11.

Where a prefill tier and the rest meet and the contract is silent: what b and d bring to the tier comes at the
boundary's time, and room that c frees is used then, all before e; so what needs no time to prefill is with the router
at the same boundary.
"""

from collections.abc import Sequence
from typing import Literal

from .events import EventsToCome, WorkerEvent
from .places import Places
from .prefill import Tier
from .sources import Source
from .workers import Request, Worker


class Boundary(Places):
    """The clock, what is to come, and how that changes where requests stand."""

    def __init__(
        self,
        *,
        workers: list[Worker],
        candidates: int | None,
        binding: Literal["arrival", "pool"],
        source: Source,
        events: Sequence[WorkerEvent],
        tier: Tier | None,
        recompute_s_per_token: float,
        victim_returns: Literal["same-worker", "router", "prefill"],
    ) -> None:
        super().__init__(workers, candidates, tier)
        self.binding = binding
        self.source = source
        self.events = EventsToCome(events)
        self.recompute_s_per_token = recompute_s_per_token
        self.victim_returns = victim_returns
        self.now = 0.0
        self.recomputed_tokens = 0

    def begin_boundary(self) -> None:
        """Part 1, letter by letter."""
        self._arrive(self.source.due(self.now))  # a
        for event in self.events.due(self.now):
            self._take_effect(event)  # b
        self._leave()  # c
        self._arrive(self.source.refill(self.now, len(self.in_system())))  # d
        if self.tier is not None:
            self._join(self.tier.take_finished())  # e
        self._return_ready()  # f

    def _arrive(self, newcomers: list[Request]) -> None:
        """To the tier, each at its own time, or to the router."""
        if self.tier is None:
            self._join(newcomers)
            return
        for request in newcomers:
            self.tier.come(request, request.arrival_s)
        self.tier.run(self.now)

    def _join(self, newcomers: list[Request]) -> None:
        if self.binding == "pool":
            self.pool = self.pool + newcomers
        else:
            self.arrivals = self.arrivals + newcomers

    def _take_effect(self, event: WorkerEvent) -> None:
        worker = self.workers[event.worker]
        if event.kind == "slow":
            worker.slow_down = event.factor
        elif event.kind == "start":
            worker.up = True
        else:
            worker.up = False
            for request in worker.active:  # at this boundary, as victims do, whenever in the step it stopped
                request.interruptions += 1
                self.lose_kv(request, returns_to=None)
            self.from_stopped_queues = self.from_stopped_queues + worker.queue  # what they have in the buffer stays
            worker.active, worker.queue = [], []

    def lose_kv(self, request: Request, *, returns_to: int | None) -> None:
        """It goes to the tier at once, or is to be ready again some time later."""
        request.kv_is_lost = True
        request.prefill_left = 0  # until a worker admits it again
        self.recomputed_tokens += request.context
        if self.victim_returns == "prefill":
            assert self.tier is not None
            self.tier.come(request, self.now)
            return
        request.ready_s = self.now + self.recompute_s_per_token * request.context
        request.returns_to = returns_to
        self.recomputing.append(request)

    def _leave(self) -> None:
        """Those whose patience is over, wherever they are."""
        over = [request for request in self.in_system() if request.deadline_s <= self.now]
        for request in sorted(over, key=lambda request: request.row):
            self.remove(request)
            request.cancelled = True
            self.source.is_cancelled(request)
        if self.tier is not None:
            self.tier.use_room(self.now)

    def _return_ready(self) -> None:
        """To the head of the pool or of their queues, or to the router: the earliest ready first, then by row."""
        back = [request for request in self.recomputing if request.ready_s <= self.now]
        back.sort(key=lambda request: (request.ready_s, request.row))
        self.recomputing = [request for request in self.recomputing if request not in back]
        if self.binding == "pool":
            self.pool = back + self.pool
            return
        for g in self.workers_up():
            head = [request for request in back if request.returns_to == g]
            self.workers[g].queue = head + self.workers[g].queue
        self.ready_victims = [request for request in back if request.returns_to not in self.workers_up()]

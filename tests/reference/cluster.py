"""The contract of DESIGN.md as plainly as it can be said: slow, and meant to be believed at sight.

It has 2.1 to 2.5 and 2.11 to 2.16. Nothing here knows the package under test.
Part numbers in the comments are those of 2.2, "one decode step", letters those of 2.11, "part 1 of a boundary".
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from .events import EventsToCome, WorkerEvent
from .places import Places
from .prefill import ChunkedPrefill, PrefillTier, Tier, chunks
from .sources import ClosedLoop, OpenLoop, Source
from .speculation import Speculation, accepted
from .steps import Admission, PowerModel, ReferenceRun, Step, StepRow, measured
from .workers import KVMemory, Request, Worker

__all__ = [
    "ArrivalPolicy",
    "PoolPolicy",
    "ReferenceCluster",
    "ReferenceRun",
    "Request",
    "Step",
    "Worker",
    "WorkerEvent",
    "simulate_reference",
]


class ArrivalPolicy(Protocol):
    """Binds a request to a worker that is up, the moment it joins. Carries state: make a fresh one for each run."""

    binding: Literal["arrival"]

    def bind(self, cluster: "ReferenceCluster", request: Request) -> int: ...


class PoolPolicy(Protocol):
    """Calls `cluster.admit` for what it sees in `cluster.window()`. Make a fresh one for each run."""

    binding: Literal["pool"]

    def route(self, cluster: "ReferenceCluster") -> None: ...


class ReferenceCluster(Places):
    """The cluster's state and its clock."""

    def __init__(
        self,
        *,
        requests: list[Request],
        workers: int,
        slots: int,
        rows: Sequence[StepRow],
        kv_capacity: int | None,
        candidates: int | None,
        recompute_s_per_token: float,
        policy: ArrivalPolicy | PoolPolicy,
        power: PowerModel | None = None,
        memory: KVMemory | None = None,
        victim_returns: Literal["same-worker", "router", "prefill"] = "same-worker",
        prefill: PrefillTier | ChunkedPrefill | None = None,
        speculation: Speculation | None = None,
        seed: int = 0,
        source: Source | None = None,
        events: Sequence[WorkerEvent] = (),
        watch: Callable[["ReferenceCluster"], None] | None = None,
    ) -> None:
        """`memory` has the rules of KV beside its capacity; `watch` is called in part 5 of each step."""
        memory = KVMemory(kv_capacity) if memory is None else memory
        buffer_tokens = prefill.buffer_tokens if isinstance(prefill, PrefillTier) else None
        for request in requests:
            if kv_capacity is not None and request.prompt_tokens + request.output_tokens + memory.u - 1 > kv_capacity:
                raise ValueError(f"row {request.row}: prompt + output can never fit kv_capacity {kv_capacity}")
            if buffer_tokens is not None and request.prompt_tokens + request.output_tokens > buffer_tokens:
                raise ValueError(f"row {request.row}: prompt + output can never fit buffer_tokens {buffer_tokens}")
        if victim_returns == "prefill" and not isinstance(prefill, PrefillTier):
            raise ValueError("victim_returns 'prefill' needs a prefill tier")
        if isinstance(prefill, ChunkedPrefill) and recompute_s_per_token:
            raise ValueError("with chunked prefill recompute_s_per_token must be 0")
        tier = Tier(prefill) if isinstance(prefill, PrefillTier) else None
        super().__init__([Worker(slots, memory) for _ in range(workers)], candidates, tier)
        self.chunked = prefill if isinstance(prefill, ChunkedPrefill) else None
        self.speculation = speculation
        self.seed = seed
        self.u = memory.u
        self.requests = requests
        self.rows = rows
        self.recompute_s_per_token = recompute_s_per_token
        self.victim_returns = victim_returns
        self.power = power
        self.policy = policy
        self.watch = watch
        self.now = 0.0
        self.source = OpenLoop(requests) if source is None else source
        self.events = EventsToCome(events)
        self.steps: list[Step] = []
        self.admissions: list[Admission] = []
        self.recomputed_tokens = 0

    def admit(self, request: Request, worker: int) -> None:
        """Admits a candidate of the window to a worker where it fits."""
        assert request in self.window()
        self.pool.remove(request)
        self._start(request, worker)

    def run(self) -> ReferenceRun:
        """Lives through boundaries and steps until nothing is left to do."""
        while True:
            self._begin_boundary()  # part 1
            self._route()  # part 2
            self._fill_tier()
            if self.active():
                self._preempt()  # part 4
                self._decode()  # parts 5 and 6
            elif self.in_system() or self.source.times():
                self._jump()  # part 3
            else:
                return ReferenceRun(self.requests, self.steps, self.admissions, self.recomputed_tokens)

    def _begin_boundary(self) -> None:
        self._come_in(self.source.due(self.now))  # a
        if self.tier:
            self.tier.run(self.now)
        for event in self.events.due(self.now):
            self._take_effect(event)  # b
        self._leave()  # c
        self._come_in(self.source.refill(self.now, len(self.in_system())))  # d
        if self.tier:
            self.tier.start(self.now)  # who has left may have made room
            self._join(self.tier.hand_over(self.now))  # e
        self._return_ready()  # f

    def _come_in(self, newcomers: list[Request]) -> None:
        """To the prefill tier, each at its own time, where completions come before arrivals; or to the router."""
        if not self.tier:
            self._join(newcomers)
            return
        for request in newcomers:
            self.tier.run(request.arrival_s)
            self.tier.join(request, request.arrival_s)

    def _join(self, newcomers: list[Request]) -> None:
        if self.policy.binding == "pool":
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
                self._lose_kv(request, returns_to=None)
            self.from_stopped_queues = self.from_stopped_queues + worker.queue
            worker.active, worker.queue = [], []

    def _lose_kv(self, request: Request, *, returns_to: int | None) -> None:
        request.to_prefill = 0
        self.recomputed_tokens += request.context
        if self.tier and self.victim_returns == "prefill":
            self.tier.join(request, self.now)
            return
        request.kv_is_lost = self.chunked is None  # else it is prefilled anew, in chunks
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

    def _return_ready(self) -> None:
        """To the head of the pool or of their queues, or to the router: the earliest ready first, then by row."""
        back = [request for request in self.recomputing if request.ready_s <= self.now]
        back.sort(key=lambda request: (request.ready_s, request.row))
        self.recomputing = [request for request in self.recomputing if request not in back]
        if self.policy.binding == "pool":
            self.pool = back + self.pool
            return
        for g in self.workers_up():
            head = [request for request in back if request.returns_to == g]
            self.workers[g].queue = head + self.workers[g].queue
        self.ready_victims = [request for request in back if request.returns_to not in self.workers_up()]

    def _route(self) -> None:
        if self.policy.binding == "pool":
            self.policy.route(self)
            return
        self._bind(self.policy)
        for g, worker in enumerate(self.workers):
            while worker.queue and worker.fits([worker.queue[0]]):
                self._start(worker.queue.pop(0), g)

    def _fill_tier(self) -> None:
        """Admissions have freed the buffer, and the tier begins what fits now."""
        if self.tier:
            self.tier.start(self.now)

    def _bind(self, policy: ArrivalPolicy) -> None:
        if not self.workers_up():
            self.found_no_worker = self.take_to_bind()
            return
        for request in self.take_to_bind():
            request.worker = policy.bind(self, request)
            assert self.workers[request.worker].up
            self.workers[request.worker].queue.append(request)

    def _start(self, request: Request, worker: int) -> None:
        assert self.workers[worker].fits([request])
        self.workers[worker].active.append(request)
        request.worker = worker
        if self.tier:
            self.tier.release(request)
        if self.chunked:
            request.to_prefill = request.context
        if request.admit_s is None:
            request.admit_s = self.now
        self.admissions.append(Admission(boundary=len(self.steps), row=request.row, worker=worker))

    def _jump(self) -> None:
        """To whatever is due next."""
        if self.waiting() and not self.workers_up() and not self.events.start_something():
            raise RuntimeError("requests wait and no worker will ever be up")
        ready_s = [request.ready_s for request in self.recomputing]
        # Nothing is active, so whoever is here waits for something: one that recomputes may leave as well.
        ends_s = [request.deadline_s for request in self.in_system() if request.deadline_s < math.inf]
        due_s = self.source.times() + self.events.times() + ready_s + ends_s
        due_s += self.tier.times() if self.tier else []
        if not due_s:
            raise RuntimeError("the policy admits nothing, nothing is active and nothing is due")
        self.now = min(due_s)

    def _preempt(self) -> None:
        for g, worker in enumerate(self.workers):
            while worker.overflows:
                victim = worker.next_victim
                worker.active.remove(victim)
                victim.preemptions += 1
                self._lose_kv(victim, returns_to=g if self.victim_returns == "same-worker" else None)

    def _decode(self) -> None:
        if self.watch is not None:
            self.watch(self)
        gained = {request: 1 + self._accepted(request) for request in self.active() if request.decodes}
        prefilled = chunks(self.workers, self.chunked, len(self.steps), self.u) if self.chunked else []
        completed = [request for request, tokens in prefilled if tokens == request.to_prefill]
        gained |= dict.fromkeys(completed, 1)  # who has its last chunk has one token, and no drafts
        step = measured(
            start_s=self.now,
            workers=self.workers,
            rows=self.rows,
            power=self.power,
            waiting=len(self.waiting()),
            requests=self.requests,
            tokens=sum(gained.values()),
            prefilled=prefilled,
        )
        self.steps.append(step)
        self.now += step.duration_s
        for request, tokens in prefilled:
            request.to_prefill -= tokens
        for request, tokens in gained.items():
            self._generate(request, tokens)
        for worker in self.workers:
            worker.active = [request for request in worker.active if request.remaining > 0]

    def _accepted(self, request: Request) -> int:
        """Drafts that it gains beside one token, at most what it has left."""
        if self.speculation is None:
            return 0
        return min(accepted(self.speculation, request, self.seed), request.remaining - 1)

    def _generate(self, request: Request, tokens: int) -> None:
        """So many more tokens, now that the step has ended."""
        request.kv_is_lost = False
        request.generated += tokens
        if request.first_token_s is None:
            request.first_token_s = self.now
        if request.remaining == 0:
            request.finish_s = self.now
            self.source.has_finished(request)


def simulate_reference(
    *,
    arrival_s: Sequence[float],
    prompt_tokens: Sequence[int],
    output_tokens: Sequence[int],
    kv_capacity: int | None,
    max_tokens: Sequence[int] | None = None,
    patience_s: Sequence[float] | None = None,
    after: Sequence[int] | None = None,
    concurrency: int | None = None,
    kv_reserve_tokens: int | None = None,
    kv_reserve_share: float = 0.0,
    kv_watermark: float = 0.0,
    victim: Literal["newest", "least-generated"] = "newest",
    speculation: Speculation | None = None,
    **cluster: Any,
) -> ReferenceRun:
    """Runs a workload to its end.

    Args:
        arrival_s: With the two after it and `max_tokens`, `patience_s` and `after`, the columns of the workload.
        concurrency: Makes a closed loop of the workload.
        speculation: Lets requests gain drafts beside a token a step.
        kv_capacity: With the options whose names begin like this and `victim`, as 2.17 has them.
        cluster: What else `ReferenceCluster` takes: workers, slots, rows, candidates, recompute_s_per_token, policy,
            power, victim_returns, prefill, seed, events, watch.

    Raises:
        ValueError: If a request could never fit; the message names its row. If parts do not go together.
        RuntimeError: If requests wait for ever: a pool policy leaves them, or no worker is up or will be.
    """
    if kv_reserve_share > 0 and max_tokens is None:
        raise ValueError("kv_reserve_share needs max_tokens")
    if concurrency is not None and after is not None:
        raise ValueError("a closed loop has no turns: concurrency and after do not go together")
    requests = [
        Request(row, *numbers) for row, numbers in enumerate(zip(arrival_s, prompt_tokens, output_tokens, strict=True))
    ]
    for request in requests:
        request.max_tokens = None if max_tokens is None else max_tokens[request.row]
        request.patience_s = math.inf if patience_s is None else patience_s[request.row]
    u = 1 + (speculation.draft_tokens if speculation else 0)
    reserve_tokens = u if kv_reserve_tokens is None else kv_reserve_tokens
    return ReferenceCluster(
        requests=requests,
        kv_capacity=kv_capacity,
        speculation=speculation,
        memory=KVMemory(kv_capacity, u, reserve_tokens, kv_reserve_share, kv_watermark, victim),
        source=OpenLoop(requests, after) if concurrency is None else ClosedLoop(requests, concurrency),
        **cluster,
    ).run()

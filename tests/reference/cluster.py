"""The contract of DESIGN.md as plainly as it can be said: slow, and meant to be believed at sight.

It has 2.1 to 2.5 and 2.11 to 2.16. Nothing here knows the package under test.
Part numbers in the comments are those of 2.2, "one decode step", letters those of 2.11, "part 1 of a boundary".
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from .boundary import Boundary
from .chunked import ChunkedPrefill
from .events import WorkerEvent
from .prefill import PrefillTier, Tier
from .refusals import refuse_what_does_not_go_together, refuse_what_never_fits
from .sources import ClosedLoop, OpenLoop, Source
from .speculation import Speculation
from .steps import Admission, PowerModel, ReferenceRun, Step, StepRow, measured
from .workers import KVMemory, Request, Worker

__all__ = [
    "ArrivalPolicy",
    "ChunkedPrefill",
    "PoolPolicy",
    "PrefillTier",
    "ReferenceCluster",
    "ReferenceRun",
    "Request",
    "Speculation",
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


class ReferenceCluster(Boundary):
    """The cluster's state and its clock."""

    def __init__(
        self,
        *,
        requests: list[Request],
        source: Source,
        workers: int,
        slots: int,
        rows: Sequence[StepRow],
        memory: KVMemory,
        candidates: int | None,
        recompute_s_per_token: float,
        policy: ArrivalPolicy | PoolPolicy,
        power: PowerModel | None = None,
        victim_returns: Literal["same-worker", "router", "prefill"] = "same-worker",
        events: Sequence[WorkerEvent] = (),
        prefill: PrefillTier | ChunkedPrefill | None = None,
        speculation: Speculation | None = None,
        seed: int = 0,
        watch: Callable[["ReferenceCluster"], None] | None = None,
    ) -> None:
        """`watch` is called in part 5 of each step; `seed` is for drafts, policies bring their own."""
        super().__init__(
            workers=[Worker(slots, memory) for _ in range(workers)],
            candidates=candidates,
            binding=policy.binding,
            source=source,
            events=events,
            tier=Tier(prefill) if isinstance(prefill, PrefillTier) else None,
            recompute_s_per_token=recompute_s_per_token,
            victim_returns=victim_returns,
        )
        self.chunked = prefill if isinstance(prefill, ChunkedPrefill) else None
        self.requests = requests
        self.rows = rows
        self.policy = policy
        self.power = power
        self.speculation = speculation
        self.seed = seed
        self.u = memory.u
        self.watch = watch
        self.steps: list[Step] = []
        self.admissions: list[Admission] = []

    def admit(self, request: Request, worker: int) -> None:
        """Admits a candidate of the window to a worker where it fits."""
        assert request in self.window()
        self.pool.remove(request)
        self._start(request, worker)

    def run(self) -> ReferenceRun:
        """Lives through boundaries and steps until nothing is left to do."""
        while True:
            self.begin_boundary()  # part 1
            self._route()  # part 2
            if self.active():
                self._preempt()  # part 4
                self._decode()  # parts 5 and 6
            elif self.in_system() or self.source.times():
                self._jump()  # part 3
            else:
                return ReferenceRun(self.requests, self.steps, self.admissions, self.recomputed_tokens)

    def _route(self) -> None:
        if self.policy.binding == "pool":
            self.policy.route(self)
        else:
            self._bind(self.policy)
            for g, worker in enumerate(self.workers):
                while worker.queue and worker.fits([worker.queue[0]]):
                    self._start(worker.queue.pop(0), g)
        if self.tier is not None:
            self.tier.use_room(self.now)  # what is finished at once joins the router at the next boundary

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
        if request.admit_s is None:
            request.admit_s = self.now
        if self.chunked is not None:
            request.prefill_left = request.context
        if self.tier is not None:
            self.tier.release(request)
        self.admissions.append(Admission(boundary=len(self.steps), row=request.row, worker=worker))

    def _jump(self) -> None:
        """To whatever is due next."""
        if self.waiting() and not self.workers_up() and not self.events.start_something():
            raise RuntimeError("requests wait and no worker will ever be up")
        ready_s = [request.ready_s for request in self.recomputing]
        if self.tier is not None:
            ready_s = ready_s + self.tier.times()
        # Nothing is active, so whoever is here waits for something: one that recomputes may leave as well.
        ends_s = [request.deadline_s for request in self.in_system() if request.deadline_s < math.inf]
        due_s = self.source.times() + self.events.times() + ready_s + ends_s
        if not due_s:
            raise RuntimeError("the policy admits nothing, nothing is active and nothing is due")
        self.now = min(due_s)

    def _preempt(self) -> None:
        for g, worker in enumerate(self.workers):
            while worker.overflows:
                victim = worker.next_victim
                worker.active.remove(victim)
                victim.preemptions += 1
                self.lose_kv(victim, returns_to=g if self.victim_returns == "same-worker" else None)

    def _decode(self) -> None:
        self._prefill()
        if self.watch is not None:
            self.watch(self)
        gains = [(request, self._gain(request)) for request in self.active()]
        step = measured(
            start_s=self.now,
            workers=self.workers,
            rows=self.rows,
            power=self.power,
            waiting=len(self.waiting()),
            requests=self.requests,
            tokens=sum(gain for _, gain in gains),
        )
        self.steps.append(step)
        self.now += step.duration_s
        for request, gain in gains:
            self._generate(request, gain)
        for worker in self.workers:
            worker.active = [request for request in worker.active if request.remaining > 0]

    def _prefill(self) -> None:
        """Says what the workers prefill in this step: chunks, or the contexts of those that are back without their KV.

        Whoever leaves again in part 4 of the same boundary is not there to be prefilled.
        """
        for request in self.active():
            request.prefill_now = request.context if request.kv_is_lost else 0
        if self.chunked is not None:
            chunks = self.chunked.chunks(self.workers, step=len(self.steps), u=self.u)
            for request in self.active():
                request.prefill_now = sum(tokens for each, tokens in chunks if each is request)

    def _gain(self, request: Request) -> int:
        """Tokens that it generates in this step.

        Drafts are for requests that decode: the step of the last chunk gives one token, speculation or not.
        """
        if request.prefill_left > 0:
            return 1 if request.prefill_now == request.prefill_left else 0
        if self.speculation is None:
            return 1
        return min(1 + self.speculation.accepted(self.seed, request.row, request.generated), request.remaining)

    def _generate(self, request: Request, gain: int) -> None:
        """So many more tokens, now that the step has ended."""
        request.kv_is_lost = False
        if request.prefill_left > 0:
            request.prefill_left -= request.prefill_now
        request.prefill_now = 0
        if request.generated == 0 and gain > 0:
            request.first_token_s = self.now
        request.generated += gain
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
    victim_returns: Literal["same-worker", "router", "prefill"] = "same-worker",
    recompute_s_per_token: float,
    prefill: PrefillTier | ChunkedPrefill | None = None,
    speculation: Speculation | None = None,
    **cluster: Any,
) -> ReferenceRun:
    """Runs a workload to its end.

    Args:
        arrival_s: With the two after it and `max_tokens`, `patience_s` and `after`, the columns of the workload.
        concurrency: Makes a closed loop of the workload.
        kv_capacity: With the options whose names begin like this, `victim` and `victim_returns`, as 2.17 has them.
        prefill: A tier of its own, or chunks on the workers; None: prompts cost nothing.
        speculation: None: a token a step.
        cluster: What else `ReferenceCluster` takes: workers, slots, rows, candidates, policy, power, events, seed,
            watch.

    Raises:
        ValueError: If a request could never fit; the message names its row. If parts do not go together.
        RuntimeError: If requests wait for ever: a pool policy leaves them, or no worker is up or will be.
    """
    refuse_what_does_not_go_together(
        kv_reserve_share=kv_reserve_share,
        max_tokens=max_tokens,
        concurrency=concurrency,
        after=after,
        victim_returns=victim_returns,
        recompute_s_per_token=recompute_s_per_token,
        prefill=prefill,
    )
    requests = [
        Request(row, *numbers) for row, numbers in enumerate(zip(arrival_s, prompt_tokens, output_tokens, strict=True))
    ]
    for request in requests:
        request.max_tokens = None if max_tokens is None else max_tokens[request.row]
        request.patience_s = math.inf if patience_s is None else patience_s[request.row]
    u = 1 if speculation is None else 1 + speculation.draft_tokens
    refuse_what_never_fits(requests, kv_capacity, u, prefill)
    reserve_tokens = u if kv_reserve_tokens is None else kv_reserve_tokens
    return ReferenceCluster(
        requests=requests,
        source=OpenLoop(requests, after) if concurrency is None else ClosedLoop(requests, concurrency),
        memory=KVMemory(kv_capacity, reserve_tokens, kv_reserve_share, kv_watermark, victim, u),
        victim_returns=victim_returns,
        recompute_s_per_token=recompute_s_per_token,
        prefill=prefill,
        speculation=speculation,
        **cluster,
    ).run()

"""The contract of DESIGN.md, 2.1 to 2.5, as plainly as it can be said: slow, and meant to be believed at sight.

Nothing here knows the package under test. Part numbers in the comments are those of 2.2, "one decode step".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

StepRow = tuple[float, float, float, float]  # const, per_load, per_worker_active, per_active: all in seconds
PowerModel = tuple[float, float, float]  # idle_w, peak_w, exponent


@dataclass(eq=False)
class Request:
    """A request and all that happened to it. Two requests with equal numbers are still two requests."""

    row: int
    arrival_s: float
    prompt_tokens: int
    output_tokens: int
    generated: int = 0
    worker: int | None = None
    admit_s: float | None = None
    first_token_s: float | None = None
    finish_s: float | None = None
    preemptions: int = 0
    ready_s: float = math.inf  # when its context is there again, once it has been preempted

    @property
    def context(self) -> int:
        """Tokens it weighs: in its j-th decode step j - 1 tokens are generated, so this is w = s + j - 1."""
        return self.prompt_tokens + self.generated

    @property
    def remaining(self) -> int:
        """Decode steps still to come. Hidden from routers; for oracles only."""
        return self.output_tokens - self.generated


@dataclass
class Worker:
    """A data-parallel worker: what it decodes, in order of admission, and what waits for it alone."""

    slots: int
    kv_capacity: int | None
    active: list[Request] = field(default_factory=list)
    queue: list[Request] = field(default_factory=list)

    @property
    def load(self) -> int:
        """L_g, in tokens."""
        return sum(request.context for request in self.active)

    @property
    def free_slots(self) -> int:
        return self.slots - len(self.active)

    def fits(self, requests: Sequence[Request]) -> bool:
        """Whether all `requests` together can be admitted: each needs a slot, its context and one token to grow."""
        if len(requests) > self.free_slots:
            return False
        needed = sum(request.context + 1 for request in requests)
        return self.kv_capacity is None or self.load + len(self.active) + needed <= self.kv_capacity

    @property
    def overflows(self) -> bool:
        """Whether the coming tokens, one per active request, would not fit."""
        return self.kv_capacity is not None and self.load + len(self.active) > self.kv_capacity


@dataclass(frozen=True)
class Step:
    """One decode step, with the loads of part 5.

    `admitted` and `finished` count requests before the step ends; `barrier_idle` is the share of worker time spent
    waiting for the slowest worker; `energy_j` is what all workers use, NaN without a power model.
    """

    start_s: float
    duration_s: float
    max_load: int
    sum_load: int
    min_load: int
    active: int
    waiting: int
    admitted: int
    finished: int
    barrier_idle: float
    energy_j: float


@dataclass(frozen=True)
class Admission:
    """One admission; a request preempted and admitted again has several. `boundary` is the index of the step begun."""

    boundary: int
    row: int
    worker: int


@dataclass(frozen=True)
class ReferenceRun:
    """What a run leaves behind: requests in workload order, steps and admissions in the order they happened."""

    requests: list[Request]
    steps: list[Step]
    admissions: list[Admission]


class ArrivalPolicy(Protocol):
    """Binds a request to a worker the moment it joins. Carries state: make a fresh one for each run."""

    binding: Literal["arrival"]

    def bind(self, cluster: "ReferenceCluster", request: Request) -> int: ...


class PoolPolicy(Protocol):
    """Calls `cluster.admit` for what it sees in `cluster.window()`. Make a fresh one for each run."""

    binding: Literal["pool"]

    def route(self, cluster: "ReferenceCluster") -> None: ...


class ReferenceCluster:
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
    ) -> None:
        for request in requests:
            if kv_capacity is not None and request.prompt_tokens + request.output_tokens > kv_capacity:
                raise ValueError(f"row {request.row}: prompt + output can never fit kv_capacity {kv_capacity}")
        self.requests = requests
        self.workers = [Worker(slots, kv_capacity) for _ in range(workers)]
        self.rows = rows
        self.candidates = candidates
        self.recompute_s_per_token = recompute_s_per_token
        self.power = power
        self.policy = policy
        self.now = 0.0
        self.to_come = list(requests)  # not arrived yet, in workload order
        self.pool: list[Request] = []  # waiting and bound to no worker, the oldest first
        self.recomputing: list[Request] = []  # preempted and not yet returned
        self.steps: list[Step] = []
        self.admissions: list[Admission] = []

    def active(self) -> list[Request]:
        """Active requests, worker by worker, each worker's in order of admission."""
        return [request for worker in self.workers for request in worker.active]

    def waiting(self) -> list[Request]:
        """Arrived, not active and not recomputing."""
        return self.pool + [request for worker in self.workers for request in worker.queue]

    def window(self) -> list[Request]:
        """The candidates: the oldest of the pool, as many as a policy may see."""
        return self.pool[: self.candidates]

    def admit(self, request: Request, worker: int) -> None:
        """Admits a candidate of the window to a worker where it fits."""
        assert request in self.window()
        self.pool.remove(request)
        self._start(request, worker)

    def run(self) -> ReferenceRun:
        """Lives through boundaries and steps until nothing is left to do."""
        while True:
            newcomers = self._join()  # part 1
            self._return_recomputed()
            self._route(newcomers)  # part 2
            if self.active():
                self._preempt()  # part 4
                self._decode()  # parts 5 and 6
            elif self._due():
                self.now = min(self._due())  # part 3
            elif self.waiting():
                raise RuntimeError("the policy admits nothing, nothing is active and nothing is due")
            else:
                return ReferenceRun(self.requests, self.steps, self.admissions)

    def _join(self) -> list[Request]:
        newcomers = [request for request in self.to_come if request.arrival_s <= self.now]
        self.to_come = [request for request in self.to_come if request not in newcomers]
        if self.policy.binding == "pool":
            self.pool = self.pool + newcomers
        return newcomers

    def _return_recomputed(self) -> None:
        """To the head of their queues: the earliest ready first, of those ready together the older row first."""
        back = [request for request in self.recomputing if request.ready_s <= self.now]
        back.sort(key=lambda request: (request.ready_s, request.row))
        self.recomputing = [request for request in self.recomputing if request not in back]
        if self.policy.binding == "pool":
            self.pool = back + self.pool
        else:
            for index, worker in enumerate(self.workers):
                worker.queue = [request for request in back if request.worker == index] + worker.queue

    def _route(self, newcomers: list[Request]) -> None:
        if self.policy.binding == "pool":
            self.policy.route(self)
            return
        for request in newcomers:
            request.worker = self.policy.bind(self, request)
            self.workers[request.worker].queue.append(request)
        for index, worker in enumerate(self.workers):
            while worker.queue and worker.fits([worker.queue[0]]):
                self._start(worker.queue.pop(0), index)

    def _start(self, request: Request, worker: int) -> None:
        assert self.workers[worker].fits([request])
        self.workers[worker].active.append(request)
        request.worker = worker
        if request.admit_s is None:
            request.admit_s = self.now
        self.admissions.append(Admission(boundary=len(self.steps), row=request.row, worker=worker))

    def _due(self) -> list[float]:
        """Times at which a request arrives or returns."""
        return [request.arrival_s for request in self.to_come] + [request.ready_s for request in self.recomputing]

    def _preempt(self) -> None:
        for worker in self.workers:
            while worker.overflows:
                victim = worker.active.pop()
                victim.preemptions += 1
                victim.ready_s = self.now + self.recompute_s_per_token * victim.context
                self.recomputing.append(victim)

    def _decode(self) -> None:
        loads = [worker.load for worker in self.workers]
        duration_s = self._step_time_s()
        self.steps.append(
            Step(
                start_s=self.now,
                duration_s=duration_s,
                max_load=max(loads),
                sum_load=sum(loads),
                min_load=min(loads),
                active=len(self.active()),
                waiting=len(self.waiting()),
                admitted=sum(request.admit_s is not None for request in self.requests),
                finished=sum(request.finish_s is not None for request in self.requests),
                barrier_idle=self._barrier_idle(duration_s),
                energy_j=self._power_w() * duration_s,
            )
        )
        self.now += duration_s
        for request in self.active():
            request.generated += 1
            if request.generated == 1:
                request.first_token_s = self.now
            if request.remaining == 0:
                request.finish_s = self.now
        for worker in self.workers:
            worker.active = [request for request in worker.active if request.remaining > 0]

    def _step_time_s(self) -> float:
        """As long as the slowest worker needs for its own load and its own requests."""
        return max(self._alone_s(worker) for worker in self.workers)

    def _alone_s(self, worker: Worker) -> float:
        """How long the step would last if this worker waited for no other: the largest of the rows."""
        sum_active = len(self.active())
        return max(
            const + per_load * worker.load + per_worker_active * len(worker.active) + per_active * sum_active
            for const, per_load, per_worker_active, per_active in self.rows
        )

    def _barrier_idle(self, duration_s: float) -> float:
        waited_s = [duration_s - self._alone_s(worker) for worker in self.workers]
        return sum(waited_s) / (len(self.workers) * duration_s)

    def _power_w(self) -> float:
        if self.power is None:
            return math.nan
        idle_w, peak_w, exponent = self.power
        envelope = max(worker.load for worker in self.workers)
        return sum(idle_w + (peak_w - idle_w) * (worker.load / envelope) ** exponent for worker in self.workers)


def simulate_reference(
    *,
    arrival_s: Sequence[float],
    prompt_tokens: Sequence[int],
    output_tokens: Sequence[int],
    workers: int,
    slots: int,
    rows: Sequence[StepRow],
    kv_capacity: int | None,
    candidates: int | None,
    recompute_s_per_token: float,
    policy: ArrivalPolicy | PoolPolicy,
    power: PowerModel | None = None,
) -> ReferenceRun:
    """Runs a workload to its end.

    Raises:
        ValueError: If a request could never fit; the message names its row.
        RuntimeError: If a pool policy leaves requests waiting for ever.
    """
    lengths = zip(arrival_s, prompt_tokens, output_tokens, strict=True)
    requests = [Request(row, *numbers) for row, numbers in enumerate(lengths)]
    cluster = ReferenceCluster(
        requests=requests,
        workers=workers,
        slots=slots,
        rows=rows,
        kv_capacity=kv_capacity,
        candidates=candidates,
        recompute_s_per_token=recompute_s_per_token,
        policy=policy,
        power=power,
    )
    return cluster.run()

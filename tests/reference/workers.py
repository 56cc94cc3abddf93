"""Requests, and workers with their KV memory (2.1, 2.2, 2.12): what fits, when a worker is over-full, who leaves it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(eq=False)
class Request:
    """A request and all that happened to it. Two requests with equal numbers are still two requests."""

    row: int
    arrival_s: float  # as it came about; NaN while nobody knows, and for ever if it never came
    prompt_tokens: int
    output_tokens: int
    max_tokens: int | None = None
    patience_s: float = math.inf
    generated: int = 0
    worker: int | None = None  # the last that it was bound or admitted to
    admit_s: float | None = None
    first_token_s: float | None = None
    finish_s: float | None = None
    cancelled: bool = False
    preemptions: int = 0
    interruptions: int = 0
    ready_s: float = math.inf  # when its context is there again, once it has lost its KV
    returns_to: int | None = None  # the worker whose queue it goes back to then; None: the router
    kv_is_lost: bool = False  # until a prefill tier, or the end of the first step after that, has it there again
    prefill_left: int = 0  # tokens of its context that chunks have not prefilled yet on its worker
    prefill_now: int = 0  # tokens of its context that the present step prefills

    @property
    def context(self) -> int:
        """Tokens it weighs: in its j-th decode step j - 1 tokens are generated, so this is w = s + j - 1."""
        return self.prompt_tokens + self.generated

    @property
    def remaining(self) -> int:
        """Tokens still to come. Hidden from routers; for oracles only."""
        return self.output_tokens - self.generated

    @property
    def promised(self) -> int:
        """Tokens that the client lets it generate yet."""
        assert self.max_tokens is not None
        return self.max_tokens - self.generated

    @property
    def deadline_s(self) -> float:
        """When its patience ends."""
        return self.arrival_s + self.patience_s


@dataclass(frozen=True)
class KVMemory:
    """The rules by which each worker fills its KV."""

    capacity: int | None = None
    reserve_tokens: int = 1  # r
    reserve_share: float = 0.0  # rho
    watermark: float = 0.0
    victim: Literal["newest", "least-generated"] = "newest"
    u: int = 1  # tokens that a request may gain in one step

    @property
    def limit(self) -> int:
        """Tokens up to which requests are admitted. The float is what counts: 1 - 0.9 of 10 is 0.99..., so 0."""
        assert self.capacity is not None
        return math.floor((1 - self.watermark) * self.capacity)


@dataclass
class Worker:
    """A data-parallel worker: what it decodes, in order of admission, and what waits for it alone."""

    slots: int
    memory: KVMemory
    active: list[Request] = field(default_factory=list)
    queue: list[Request] = field(default_factory=list)
    up: bool = True
    slow_down: float = 1.0  # f_g

    @property
    def kv_capacity(self) -> int | None:
        return self.memory.capacity

    @property
    def load(self) -> int:
        """L_g, in tokens."""
        return sum(request.context for request in self.active)

    @property
    def decoding(self) -> list[Request]:
        """Those with nothing left to prefill."""
        return [request for request in self.active if request.prefill_left == 0]

    @property
    def free_slots(self) -> int:
        """None where it is stopped."""
        return self.slots - len(self.active) if self.up else 0

    def fits(self, requests: Sequence[Request]) -> bool:
        """Whether all `requests` together can be admitted."""
        if len(requests) > self.free_slots:
            return False
        if self.kv_capacity is None:
            return True
        if not self.active and len(requests) == 1 and requests[0].context + self.memory.u <= self.kv_capacity:
            return True
        return self._kv_used([*self.active, *requests]) <= self.memory.limit

    def _kv_used(self, requests: Sequence[Request]) -> float:
        """Tokens that these would hold and reserve: L_g + context + r (n_g + 1) + rho x what they are promised."""
        tokens = sum(request.context for request in requests) + self.memory.reserve_tokens * len(requests)
        if self.memory.reserve_share == 0:
            return tokens
        return tokens + self.memory.reserve_share * sum(request.promised for request in requests)

    @property
    def overflows(self) -> bool:
        """Whether the coming tokens, up to u per active request, would not fit."""
        return self.kv_capacity is not None and self.load + self.memory.u * len(self.active) > self.kv_capacity

    @property
    def next_victim(self) -> Request:
        """Who loses its KV where it overflows. `active` runs from the oldest admission to the newest."""
        newest_first = self.active[::-1]
        if self.memory.victim == "newest":
            return newest_first[0]
        return min(newest_first, key=lambda request: (request.generated, -request.prompt_tokens))

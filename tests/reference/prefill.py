"""Where prompts are prefilled (2.14): on a tier of its own, or in chunks on the workers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .workers import Request, Worker


@dataclass(frozen=True)
class PrefillTier:
    servers: int
    base_s: float
    per_token_s: float
    buffer_tokens: int | None = None


@dataclass(frozen=True)
class ChunkedPrefill:
    budget_tokens: int
    interval: int = 1


class Tier:
    """A queue, servers, and a buffer, told the time from outside; a request of it stands in one of three places."""

    def __init__(self, plan: PrefillTier) -> None:
        self.plan = plan
        self.queue: list[Request] = []
        self.served: list[Request] = []  # until their ready_s
        self.done: list[Request] = []
        self.held: list[Request] = []  # by the buffer: from their start here to their admission to a worker

    def requests(self) -> list[Request]:
        return self.queue + self.served + self.done

    def join(self, request: Request, now: float) -> None:
        self.queue.append(request)
        self.start(now)

    def start(self, now: float) -> None:
        """Free servers begin with the head of the queue as long as it fits the buffer."""
        buffer = math.inf if self.plan.buffer_tokens is None else self.plan.buffer_tokens
        while self.queue and len(self.served) < self.plan.servers:
            if sum(request.context for request in self.held) + self.queue[0].context > buffer:
                return
            request = self.queue.pop(0)
            request.ready_s = now + self.plan.base_s + self.plan.per_token_s * request.context
            self.served.append(request)
            self.held.append(request)

    def run(self, until: float) -> None:
        """Servers are done, each at its own time, and begin with the next."""
        while self.served:
            first = min(self.served, key=in_order)
            if first.ready_s > until:
                return
            self.served.remove(first)
            self.done.append(first)
            self.start(first.ready_s)

    def hand_over(self, now: float) -> list[Request]:
        """Takes out what is done by now, by (time ready, index)."""
        self.run(now)
        prefilled, self.done = sorted(self.done, key=in_order), []
        return prefilled

    def release(self, request: Request) -> None:
        """The request is admitted, or has left: the buffer holds it no longer."""
        if request in self.held:
            self.held.remove(request)

    def times(self) -> list[float]:
        return [request.ready_s for request in self.served]


def in_order(request: Request) -> tuple[float, int]:
    return request.ready_s, request.row


def chunks(workers: Sequence[Worker], plan: ChunkedPrefill, step: int, u: int) -> list[tuple[Request, int]]:
    """What is prefilled in the step of this number: requests, and how many tokens of each."""
    something_decodes = any(request.decodes for worker in workers for request in worker.active)
    if step % plan.interval != 0 and something_decodes:
        return []
    prefilled = []
    for worker in workers:
        budget = max(0, plan.budget_tokens - u * len(worker.decoding))
        for request in worker.active:  # in order of admission
            tokens = min(request.to_prefill, budget)
            budget -= tokens
            if tokens > 0:
                prefilled.append((request, tokens))
    return prefilled

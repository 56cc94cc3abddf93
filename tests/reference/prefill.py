"""A prefill tier of its own (2.14): one queue, some servers, and a buffer that requests hold until a worker has them.

The tier lives between boundaries: what it does has times of its own, in order. Where the contract is silent:

- Nothing but a completion, a newcomer or room freed lets a head of the queue start, so it starts at that moment.
- One whose prefill takes no time is done at the moment it starts, before anything else happens at that time.
- Of several that lose their KV at one boundary, the queue has them in the order in which they lost it.
- A victim that returns without the tier holds nothing: `held` counts from a start in the tier until an admission.
"""

from dataclasses import dataclass

from .workers import Request


@dataclass(frozen=True)
class PrefillTier:
    """What a tier is like; None: its buffer has no end."""

    servers: int
    base_s: float
    per_token_s: float
    buffer_tokens: int | None = None


class Tier:
    """The tier at work."""

    def __init__(self, rules: PrefillTier) -> None:
        self.rules = rules
        self.queue: list[Request] = []
        self.on_servers: list[tuple[float, Request]] = []  # (when it will be done, request)
        self.finished: list[tuple[float, Request]] = []  # (when it was done, request), not yet with the router
        self.buffer: list[Request] = []  # all that have started and that no worker has admitted since

    @property
    def held(self) -> int:
        """Tokens in the buffer. No context grows between its start here and its admission."""
        return sum(request.context for request in self.buffer)

    def requests(self) -> list[Request]:
        """Those that are here and not with the router."""
        return self.queue + [request for _, request in self.on_servers + self.finished]

    def times(self) -> list[float]:
        """The completions to come."""
        return [done_s for done_s, _ in self.on_servers]

    def come(self, request: Request, time_s: float) -> None:
        """A request joins the queue, after whatever is done by then."""
        self.run(time_s)
        self.queue.append(request)
        self.use_room(time_s)

    def run(self, until_s: float) -> None:
        """Completions up to a time, one moment after the other; each lets heads of the queue start."""
        while self.on_servers and min(done_s for done_s, _ in self.on_servers) <= until_s:
            moment_s = min(done_s for done_s, _ in self.on_servers)
            done = [each for each in self.on_servers if each[0] == moment_s]
            self.on_servers = [each for each in self.on_servers if each[0] != moment_s]
            self.finished = self.finished + done
            for _, request in done:
                request.kv_is_lost = False
            self._start_heads(moment_s)

    def use_room(self, time_s: float) -> None:
        """Starts what can be started now that there is room, or somebody new."""
        self._start_heads(time_s)
        self.run(time_s)

    def _start_heads(self, time_s: float) -> None:
        """Nobody overtakes: where the head has no room, all wait."""
        while self.queue and len(self.on_servers) < self.rules.servers and self._has_room(self.queue[0]):
            request = self.queue.pop(0)
            self.buffer.append(request)
            done_s = time_s + self.rules.base_s + self.rules.per_token_s * request.context
            self.on_servers.append((done_s, request))

    def _has_room(self, request: Request) -> bool:
        return self.rules.buffer_tokens is None or self.held + request.context <= self.rules.buffer_tokens

    def take_finished(self) -> list[Request]:
        """Takes out what is for the router, by (time ready, index)."""
        ready = sorted(self.finished, key=lambda each: (each[0], each[1].row))
        self.finished = []
        return [request for _, request in ready]

    def release(self, request: Request) -> None:
        """A worker has admitted it, or it has left the system: it holds nothing here any more."""
        self.buffer = [each for each in self.buffer if each is not request]

    def remove(self, request: Request) -> None:
        """It leaves, from the queue, from a server or on its way to the router."""
        self.queue = [each for each in self.queue if each is not request]
        self.on_servers = [each for each in self.on_servers if each[1] is not request]
        self.finished = [each for each in self.finished if each[1] is not request]

"""Where an episode begins: which requests it serves, and what is already running when they come."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from brgym._checks import check_choice, check_integer, check_real
from brgym._compile import compiled
from brgym.cluster import ClusterConfig, Integers
from brgym.cluster.engine import (
    ON,
    State,
    admit,
    allowed_tokens,
    begin_decoding,
    check_fits,
    context_tokens,
    initial_state,
    key_after,
    regimes_on,
    stop_prefilling,
    view_of,
)
from brgym.cluster.vocabulary import fits, lowest_load_that_fits
from brgym.workload import Workload

Start = Literal["cold", "stationary"]
Placement = Literal["round-robin", "lowest-load"]


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The first moment of an episode.

    Attributes:
        state: The cluster at time 0, before the first step boundary.
        running: Requests that are running already: the first rows of `state.requests`, those that found no room
            included.
    """

    state: State
    running: int


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Draws the beginnings of episodes; their states have the same shapes, the log of steps excepted.

    An episode serves `episode_requests` consecutive requests. One that begins at row 0 keeps its arrival times; one
    that begins later is shifted in time, so that its first request arrives at 0 s.

    A stationary start finds the cluster at work. The running requests are drawn from the whole workload with
    probability proportional to their output length, with replacement, and each has generated a uniform number of its
    tokens, 0..output - 1: what an observer meets at a random time (renewal theory's length bias and uniform age).
    They count as admitted before the episode and are no part of its figures.

    Attributes:
        cluster: The cluster.
        workload: Where requests come from; none may be larger than the KV capacity.
        binding: `ON_ARRIVAL` or `FROM_POOL`.
        episode_requests: Requests an episode; None for all from the first row on.
        episode_start: Row of the first request, or "random": uniform over all rows that leave enough.
        start: "cold", an empty cluster, or "stationary".
        occupancy: Share of the slots that a stationary start fills, in 0..1.
        placement: Which worker gets the next running request: "round-robin", the workers in turn, or "lowest-load"
            among those on which it fits (ties: the lowest index). One that does not fit is left out.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter is outside its range, or if a request could never fit.
    """

    cluster: ClusterConfig
    workload: Workload
    binding: int
    episode_requests: int | None = None
    episode_start: int | Literal["random"] = 0
    start: Start = "cold"
    occupancy: float = 1.0
    placement: Placement = "round-robin"

    def __post_init__(self) -> None:
        rows = len(self.workload)
        first = self.episode_start
        if not (isinstance(first, str) and first == "random"):
            rows -= check_integer("episode_start", first, minimum=0, maximum=rows - 1)
        if self.episode_requests is not None:
            check_integer("episode_requests", self.episode_requests, minimum=1, maximum=rows)
        check_choice("start", self.start, get_args(Start))
        check_choice("placement", self.placement, get_args(Placement))
        check_real("occupancy", self.occupancy, minimum=0.0, maximum=1.0)
        check_fits(self.cluster, self.workload)

    @property
    def requests(self) -> int:
        """Requests that an episode serves, those of a stationary start not counted."""
        if self.episode_requests is not None:
            return self.episode_requests
        return len(self.workload) - (0 if self.episode_start == "random" else self.episode_start)

    @cached_property
    def _output_ends(self) -> Integers:
        """Where each request's output ends if all are laid end to end: a uniform point falls on one by its length."""
        return np.cumsum(self.workload.output_tokens)

    @cached_property
    def _longest_output(self) -> int:
        return int(self.workload.output_tokens.max())

    @cached_property
    def regimes(self) -> int | None:
        """As in `brgym.cluster.engine.regimes_of`, of every episode."""
        return ON if regimes_on(self.cluster, self.workload) else None

    def draw(self, rng: np.random.Generator) -> Opening:
        """Begins an episode; the same state of `rng` begins the same one."""
        known = (key_after(rng), _seed_of(rng))
        served = self._slice(rng)
        if self.start == "cold":
            return Opening(state=self._initial_state(served, known), running=0)
        return self._stationary(served, known, rng)

    def _slice(self, rng: np.random.Generator) -> Workload:
        rows = len(self.workload)
        first = self.episode_start
        if first == "random":
            first = int(rng.integers(rows - self.requests + 1))
        if first == 0:
            return self.workload if self.requests == rows else self.workload.slice(0, self.requests)
        return self.workload.slice(first, first + self.requests, orphans="arrive").rebase()

    def _stationary(self, served: Workload, known: tuple[int, int], rng: np.random.Generator) -> Opening:
        running = round(self.occupancy * self.cluster.workers * self.cluster.slots)
        ends = self._output_ends
        rows = np.searchsorted(ends, rng.integers(ends[-1], size=running), side="right")
        state = self._initial_state(_before(self.workload, rows, served), known)
        state.requests["generated_tokens"][:running] = rng.integers(self.workload.output_tokens[rows])
        _place_running(state, running, self.placement == "lowest-load")
        return Opening(state=state, running=running)

    def _initial_state(self, requests: Workload, known: tuple[int, int]) -> State:
        return initial_state(
            self.cluster,
            requests,
            binding=self.binding,
            longest_output=self._longest_output,
            regimes=self.regimes is not None,
            identity_key=known[0],
            seed=known[1],
        )


def _seed_of(rng: np.random.Generator) -> int:
    """The seed of a run: what `rng` was seeded with where nothing has been drawn since, else what its state decides."""
    source: Any = rng.bit_generator
    entropy = getattr(source.seed_seq, "entropy", None)
    if isinstance(entropy, int) and type(source)(source.seed_seq).state == source.state:
        return entropy
    return key_after(rng)


def _before(workload: Workload, rows: Integers, served: Workload) -> Workload:
    """The given rows of a workload at time 0, then the requests to serve."""

    def column(name: str) -> npt.NDArray[Any] | None:
        before, after = getattr(workload, name), getattr(served, name)
        return None if after is None else np.r_[before[rows], after]

    count, follows, patience_s = len(rows), served.after, served.patience_s
    return Workload(
        np.r_[np.zeros(count), served.arrival_s],
        np.r_[workload.prompt_tokens[rows], served.prompt_tokens],
        np.r_[workload.output_tokens[rows], served.output_tokens],
        column("prompt_hash"),
        max_tokens=column("max_tokens"),
        after=None if follows is None else np.r_[np.full(count, -1), np.where(follows < 0, -1, follows + count)],
        patience_s=None if patience_s is None else np.r_[np.full(count, np.inf), patience_s],
        concurrency=served.concurrency,
    )


@compiled
def _place_running(state: State, running: int, by_load: bool) -> None:
    """Makes the first `running` requests active, as if admitted before time 0."""
    view, regimes = view_of(state), state.constants[0].regimes != 0
    clock = state.clock[0]
    clock.pool_start = clock.pool_stop = running  # a place in the pool for each, should it be preempted
    state.progress[0].arrived = running
    for request in range(running):
        context = context_tokens(state, request)
        allowed = allowed_tokens(state, request)
        worker = lowest_load_that_fits(view, context, allowed) if by_load else request % len(state.active)
        if worker >= 0 and fits(view, worker, context, allowed):
            state.requests[request].admit_s = 0.0
            state.requests[request].first_token_s = 0.0
            admit(state, request, worker, ON)
            if regimes and state.lives[request].prefilling != 0:  # it has its KV
                stop_prefilling(state, request)
                begin_decoding(state, request)
        elif regimes:
            state.lives[request].cancelled = 1  # it has never been there, so a closed loop does not wait for it
            state.progress[0].cancelled += 1
        if regimes:
            state.requests[request].arrival_s = 0.0
    state.progress[0].prefill_tokens = 0  # they have their KV
    state.prefill_tokens[:] = 0

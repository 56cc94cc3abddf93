"""The knowledge boundary: what a router sees of a cluster (DESIGN 2.8)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from brgym._compile import compiled
from brgym.cluster import vocabulary
from brgym.cluster.identity import row_of
from brgym.cluster.records import UNLIMITED, Integers, Reals, Records
from brgym.cluster.state import State, View, view_of


class RouterView:
    """A live, read-only window on the cluster; it holds no output length.

    Arrays are views of the cluster's own memory (no copy) unless marked *computed*. They show the present: keep a copy
    of what should outlast the decision. Active requests stand in no particular order, the same one in every array.
    The field `request` of `candidates` and `running` is what a request is known by as long as the run lasts, preempted
    or not: a number in 0..2**31 - 1, in no order, and not its row in the workload (see `brgym.cluster.identity`).
    Compiled policies read the same under the same names, see `brgym.cluster.vocabulary`.

    Attributes:
        arrays: The same knowledge as flat arrays, for compiled policies.
    """

    def __init__(self, state: State) -> None:
        self.arrays: View = View(*map(_read_only, view_of(state)))

    @property
    def now_s(self) -> float:
        """The clock, in seconds."""
        return float(self.arrays.clock["now_s"][0])

    @property
    def boundary(self) -> int:
        """Number of the present step boundary, from 1."""
        return int(self.arrays.clock["boundary"][0])

    @property
    def step(self) -> int:
        """Decode steps run so far."""
        return int(self.arrays.clock["step"][0])

    @property
    def workers(self) -> int:
        """Number of workers, G."""
        return len(self.arrays.load_tokens)

    @property
    def up(self) -> npt.NDArray[np.bool_]:
        """Whether each worker is up, shape (workers,); one that is stopped has no free slot and may not be named."""
        return self.arrays.up

    @property
    def workers_up(self) -> int:
        """Workers that are up; G of imbalance, balance and F."""
        return int(self.arrays.clock["workers_up"][0])

    @property
    def slots(self) -> int:
        """Slots of a worker."""
        return int(self.arrays.constants["slots"][0])

    @property
    def kv_capacity(self) -> int | None:
        """KV tokens that a worker holds; None for no limit."""
        capacity = int(self.arrays.constants["kv_capacity"][0])
        return None if capacity == UNLIMITED else capacity

    @property
    def kv_reserve_tokens(self) -> int:
        """Tokens that an admission leaves free for each request of a worker."""
        return int(self.arrays.constants["kv_reserve_tokens"][0])

    @property
    def kv_reserve_share(self) -> float:
        """Share of what the clients' limits still allow that an admission leaves free as well."""
        return float(self.arrays.constants["kv_reserve_share"][0])

    @property
    def load_tokens(self) -> Integers:
        """Load of each worker, L_g, in tokens, shape (workers,)."""
        return self.arrays.load_tokens

    @property
    def active(self) -> Integers:
        """Active requests of each worker, shape (workers,)."""
        return self.arrays.active

    @property
    def free_slots(self) -> Integers:
        """Free slots of each worker, none where it is stopped, shape (workers,); computed."""
        return np.asarray(self.slots * self.arrays.up - self.arrays.active, dtype=np.int64)

    @property
    def total_free_slots(self) -> int:
        """Free slots of all workers together."""
        return self.workers_up * self.slots - self.active_requests

    @property
    def spare_tokens(self) -> Integers:
        """KV tokens, below the watermark, that neither load nor reserves take, shape (workers,); computed.

        Without a limit they are so many that any context fits.
        """
        return _spare_tokens(self.arrays)

    @property
    def room_tokens(self) -> Integers:
        """The largest context that fits each worker, -1 where no slot is free, shape (workers,); computed.

        Where a share of the clients' limits is reserved, that of a request whose client allows it nothing more.
        """
        return _room_tokens(self.arrays)

    @property
    def to_prefill_tokens(self) -> Integers:
        """Tokens of each worker's active requests that are still to be prefilled, shape (workers,).

        Zeros unless workers prefill in chunks.
        """
        return self.arrays.to_prefill_tokens

    @property
    def queued(self) -> Integers:
        """Requests in each worker's own queue, shape (workers,); zero where the policy binds from the pool."""
        return self.arrays.queued

    @property
    def queued_tokens(self) -> Integers:
        """Contexts of the requests in each worker's own queue, in tokens, shape (workers,)."""
        return self.arrays.queued_tokens

    @property
    def requests_on(self) -> Integers:
        """Requests that each worker has, active or in its queue, shape (workers,); computed."""
        return np.asarray(self.arrays.active + self.arrays.queued)

    @property
    def waiting(self) -> int:
        """Requests that have arrived and are neither active nor recomputing."""
        return int(vocabulary.waiting(self.arrays))

    @property
    def window_size(self) -> int:
        """How many waiting requests are candidates."""
        return int(vocabulary.window_size(self.arrays))

    @property
    def candidates(self) -> Records:
        """Candidates, oldest first, fields of `CANDIDATE`: the window of the pool, or the one request to bind."""
        start = int(self.arrays.clock["pool_start"][0])
        return self.arrays.pool[start : start + self.window_size]

    @property
    def candidate_arrival_s(self) -> Reals:
        """Arrival of each candidate, in seconds, shape (candidates,)."""
        return np.asarray(self.candidates["arrival_s"])

    @property
    def candidate_context_tokens(self) -> Integers:
        """Tokens that each candidate would occupy, shape (candidates,)."""
        return np.asarray(self.candidates["context_tokens"])

    @property
    def candidate_prompt_hash(self) -> Integers:
        """Prompt hash of each candidate, -1 where there is none, shape (candidates,)."""
        return np.asarray(self.candidates["prompt_hash"])

    @property
    def candidate_allowed_tokens(self) -> Integers:
        """What each candidate's client still allows it to generate, in tokens, shape (candidates,); computed.

        0 unless a share of it is reserved.
        """
        start = int(self.arrays.clock["pool_start"][0])
        allowed = self.arrays.pool_allowed[start : start + self.window_size]
        return allowed if len(self.arrays.pool_allowed) else np.zeros(self.window_size, np.int64)

    @property
    def running(self) -> Records:
        """Active requests, fields of `RUNNING`."""
        return self.arrays.running[: self.active_requests]

    @property
    def active_requests(self) -> int:
        """Active requests of all workers together."""
        return int(self.arrays.clock["active"][0])

    @property
    def active_worker(self) -> Integers:
        """Worker of each active request, shape (active requests,)."""
        return np.asarray(self.running["worker"])

    @property
    def active_prompt_tokens(self) -> Integers:
        """Prompt tokens of each active request, shape (active requests,)."""
        return np.asarray(self.running["prompt_tokens"])

    @property
    def active_generated_tokens(self) -> Integers:
        """Tokens that each active request has generated, shape (active requests,); computed."""
        return np.asarray(self.arrays.clock["step"][0] - self.running["birth_step"], dtype=np.int64)

    @property
    def active_context_tokens(self) -> Integers:
        """What each active request weighs in the coming step, in tokens, shape (active requests,); computed."""
        return np.asarray(self.active_prompt_tokens + self.active_generated_tokens)

    @property
    def active_arrival_s(self) -> Reals:
        """Arrival of each active request, in seconds, shape (active requests,)."""
        return np.asarray(self.running["arrival_s"])

    @property
    def active_admit_s(self) -> Reals:
        """First admission of each active request, in seconds, shape (active requests,)."""
        return np.asarray(self.running["admit_s"])

    @property
    def active_prompt_hash(self) -> Integers:
        """Prompt hash of each active request, -1 where there is none, shape (active requests,)."""
        return np.asarray(self.running["prompt_hash"])

    def fits(self) -> npt.NDArray[np.bool_]:
        """Whether each candidate fits each worker, shape (candidates, workers); computed."""
        if len(self.arrays.pool_allowed) == 0:
            return np.asarray(self.candidate_context_tokens[:, None] <= self.room_tokens)
        return _fits(self.arrays)

    def fits_together(self, worker: int, total_tokens: int, count: int, allowed_tokens: int = 0) -> bool:
        """Whether `count` requests whose contexts add up to `total_tokens` fit on a worker, all of them.

        `allowed_tokens` is the sum of their `candidate_allowed_tokens`.
        """
        return bool(vocabulary.fits_together(self.arrays, worker, total_tokens, count, allowed_tokens))

    def anything_fits(self) -> bool:
        """Whether some candidate fits on some worker."""
        return bool(vocabulary.anything_fits(self.arrays))

    def lowest_load_that_fits(self, context_tokens: int, allowed_tokens: int = 0) -> int:
        """The worker with the lowest load among those on which a context fits; -1 if none; ties: the lowest index.

        `allowed_tokens` is its candidate's `candidate_allowed_tokens`.
        """
        return int(vocabulary.lowest_load_that_fits(self.arrays, context_tokens, allowed_tokens))


class ClairvoyantView(RouterView):
    """A view for policies that declare themselves clairvoyant: it also holds what is hidden from the others."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._output_tokens = _read_only(state.requests["output_tokens"])
        self._progress = _read_only(state.progress)

    @property
    def active_row(self) -> Integers:
        """Row of each active request in the workload that is served, shape (active requests,); computed."""
        return self._rows(self.running)

    @property
    def candidate_row(self) -> Integers:
        """Row of each candidate in the workload that is served, shape (candidates,); computed."""
        return self._rows(self.candidates)

    @property
    def active_remaining_tokens(self) -> Integers:
        """Tokens that each active request has yet to generate, shape (active requests,); computed."""
        return np.asarray(self._output_tokens[self.active_row] - self.active_generated_tokens)

    @property
    def candidate_output_tokens(self) -> Integers:
        """Output length of each candidate, shape (candidates,); computed."""
        return np.asarray(self._output_tokens[self.candidate_row])

    def _rows(self, seen: Records) -> Integers:
        return np.asarray(row_of(self._progress["identity_key"][0], seen["request"]))

    @property
    def mean_output_tokens(self) -> float:
        """Mean output length of all requests of the run, those to come included; computed."""
        return float(self._output_tokens.mean())


@compiled
def _spare_tokens(view: View) -> Integers:
    spare = np.empty(len(view.load_tokens), np.int64)
    for worker in range(len(spare)):
        spare[worker] = vocabulary.spare_tokens(view, worker)
    return spare


@compiled
def _room_tokens(view: View) -> Integers:
    room = np.empty(len(view.load_tokens), np.int64)
    for worker in range(len(room)):
        room[worker] = vocabulary.room_tokens(view, worker)
    return room


@compiled
def _fits(view: View) -> npt.NDArray[np.bool_]:
    fits = np.empty((vocabulary.window_size(view), len(view.load_tokens)), np.bool_)
    for candidate in range(fits.shape[0]):
        for worker in range(fits.shape[1]):
            fits[candidate, worker] = vocabulary.candidate_fits(view, worker, candidate)
    return fits


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    seen = array.view()
    seen.flags.writeable = False
    return seen

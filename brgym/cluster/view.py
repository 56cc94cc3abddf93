"""The knowledge boundary: what a router sees of a cluster (DESIGN 2.8)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from brgym.cluster.state import Integers, Reals, Records, State, View, view_of
from brgym.cluster.waiting import window_size


class RouterView:
    """A live, read-only window on the cluster; it holds no output length.

    Arrays are views of the cluster's own memory (no copy) unless marked *computed*. They show the present: keep a copy
    of what should outlast the decision. Active requests stand in no particular order, the same one in every array.

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
        return len(self.arrays.load)

    @property
    def load_tokens(self) -> Integers:
        """Load of each worker, L_g, in tokens, shape (workers,)."""
        return self.arrays.load

    @property
    def active(self) -> Integers:
        """Active requests of each worker, shape (workers,)."""
        return self.arrays.active

    @property
    def free_slots(self) -> Integers:
        """Free slots of each worker, shape (workers,); computed."""
        return np.asarray(self.arrays.constants["slots"][0] - self.arrays.active, dtype=np.int64)

    @property
    def queued(self) -> Integers:
        """Requests in each worker's own queue, shape (workers,); zero where the policy binds from the pool."""
        return np.asarray(self.arrays.workers["queued"])

    @property
    def queued_tokens(self) -> Integers:
        """Contexts of the requests in each worker's own queue, in tokens, shape (workers,)."""
        return np.asarray(self.arrays.workers["queued_tokens"])

    @property
    def candidates(self) -> Records:
        """Candidates, oldest first, fields of `CANDIDATE`: the window of the pool, or the one request to bind."""
        start = int(self.arrays.clock["pool_start"][0])
        return self.arrays.pool[start : start + window_size(self.arrays)]

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
    def running(self) -> Records:
        """Active requests, fields of `RUNNING`."""
        return self.arrays.running[: int(self.arrays.clock["active"][0])]

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
        room = self.arrays.constants["kv_capacity"][0] - self.load_tokens - self.active - 1
        return np.asarray((self.candidate_context_tokens[:, None] <= room) & (self.free_slots > 0))


class ClairvoyantView(RouterView):
    """A view for policies that declare themselves clairvoyant: it also holds what is hidden from the others."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._output_tokens = _read_only(state.requests["output_tokens"])

    @property
    def active_remaining_tokens(self) -> Integers:
        """Tokens that each active request has yet to generate, shape (active requests,); computed."""
        return np.asarray(self._output_tokens[self.running["request"]] - self.active_generated_tokens)

    @property
    def candidate_output_tokens(self) -> Integers:
        """Output length of each candidate, shape (candidates,); computed."""
        return np.asarray(self._output_tokens[self.candidates["request"]])


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    seen = array.view()
    seen.flags.writeable = False
    return seen

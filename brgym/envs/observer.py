"""How an environment shows itself: as one row, as named parts, or by a compiled function of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, get_args

import numba
import numpy as np
from gymnasium import spaces

from brgym._checks import check_choice
from brgym._compile import compiled, compiled_for
from brgym.cluster import ClusterConfig, Integers, View
from brgym.cluster.engine import FROM_POOL, Bytes, initial_state, view_of
from brgym.envs.memory import run_in
from brgym.envs.observation import Floats, Layout, as_dict, flat_size, observation_space
from brgym.workload import Workload

Observation = Floats | dict[str, Floats]


class ObservationKernel(Protocol):
    """A compiled observation."""

    def __call__(self, view: View, out: Floats, /) -> None:
        """Writes what the agent sees of `view` into `out`, shape (columns,), which holds anything before."""


@dataclass(frozen=True)
class CompiledObservation:
    """An observation of one's own, for `observation=`; it sees what a router may know and nothing else.

    ```pycon
    >>> import brgym, gymnasium
    >>> from brgym.envs import CompiledObservation
    >>> def loads(view, out):
    ...     out[:] = view.load_tokens
    >>> own = CompiledObservation(loads, columns=lambda workers, candidates: workers)
    >>> cluster = brgym.ClusterConfig(workers=3)
    >>> env = gymnasium.make("brgym/StickyRouting-v0", cluster=cluster, observation=own)
    >>> env.reset(seed=0)[0]
    array([0., 0., 0.], dtype=float32)

    ```

    Attributes:
        kernel: An `ObservationKernel`: a plain function that Numba can compile, or one that is compiled already.
        columns: How many columns it writes, from the numbers of workers and of candidates.
        low: The least value that it writes.
        high: The greatest.
    """

    kernel: ObservationKernel
    columns: Callable[[int, int], int]
    low: float = -np.inf
    high: float = np.inf


Form = Layout | CompiledObservation


class Observer:
    """Shows an environment, or a batch of them, to the agent.

    Args:
        form: "flat", "dict" or a `CompiledObservation`.
        cluster: The cluster.
        candidates: Number of candidates shown.

    Attributes:
        space: The space of one environment's observations.
        columns: Width of the row that is written for each environment.

    Raises:
        ValueError: If the form is unknown.
    """

    space: spaces.Box | spaces.Dict

    def __init__(self, form: Form, *, cluster: ClusterConfig, candidates: int) -> None:
        self._cluster = cluster
        self._kernel: Any = None
        self._named = False
        if isinstance(form, CompiledObservation):
            self.columns = form.columns(cluster.workers, candidates)
            self.space = spaces.Box(form.low, form.high, (self.columns,), np.float32)
            self._kernel = form.kernel if hasattr(form.kernel, "py_func") else compiled(form.kernel)
            self._kernel.compile(_OBSERVE.args)  # `observe_rows` calls it by its address
        else:
            self._named = check_choice("observation", form, get_args(Layout)) == "dict"
            self.columns = flat_size(cluster, candidates)
            self.space = observation_space(form, cluster, candidates)

    def buffers(self, *batch: int) -> tuple[Floats, Floats]:
        """A new row, or with a number one for each environment, shape (*batch, columns); and what the core writes.

        The core writes the same rows, or none, shape (*batch, 0), where the observation is the user's own.
        """
        rows = np.empty((*batch, self.columns), np.float32)
        return rows, rows if self._kernel is None else np.empty((*batch, 0), np.float32)

    def complete(self, memory: Bytes, places: Integers, log: Bytes, rows: Floats) -> None:
        """Writes what the core has not.

        Args:
            memory: See `PackedRun`; of a batch, one row for each environment.
            places: See there.
            log: See there; likewise.
            rows: The row of one environment, or the rows of the batch.
        """
        if self._kernel is not None:
            observe_rows(np.atleast_2d(memory), places, np.atleast_2d(log), self._kernel, np.atleast_2d(rows))

    def shaped(self, rows: Floats) -> Observation:
        """A row, or the rows of a batch, as the agent gets them."""
        return as_dict(rows, self._cluster) if self._named else rows


_STATE = initial_state(ClusterConfig(), Workload([0.0], [1], [1]), binding=FROM_POOL)
_typeof: Callable[[Any], Any] = numba.typeof
_OBSERVE = numba.types.void(_typeof(view_of(_STATE)), numba.types.float32[::1])
_BYTES = numba.types.uint8[:, ::1]


@compiled_for(
    numba.types.void(
        _BYTES, numba.types.int64[::1], _BYTES, numba.types.FunctionType(_OBSERVE), numba.types.float32[:, ::1]
    )
)
def observe_rows(memory: Bytes, places: Integers, log: Bytes, kernel: ObservationKernel, rows: Floats) -> None:
    """Calls a compiled observation for each environment; arguments as for `Observer.complete`, of a batch."""
    for row in range(len(memory)):
        kernel(view_of(run_in(memory[row], places, log[row]).state), rows[row])

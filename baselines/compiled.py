"""The common shape of the policies here: a compiled decision and the memory that it works on."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from brgym.cluster import ClusterConfig, Integers, Kernel, Memory, RouterView, room_for_pairs


class _Compiled(ABC):
    kernel: ClassVar[Kernel]
    memory: Memory
    _pairs: Integers

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Forgets everything before a new run on `cluster`; `seed` decides all randomness of the run."""
        self.memory = self.initial_memory(cluster, seed)
        self._pairs = room_for_pairs(cluster)

    @abstractmethod
    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """What the kernel remembers at the start of a run."""


class CompiledArrivalPolicy(_Compiled):
    """A policy that binds on arrival; subclasses give `kernel` and `initial_memory`."""

    binding: ClassVar[Literal["arrival"]] = "arrival"

    def bind(self, view: RouterView) -> int:
        """Returns the worker for the one candidate that the view shows."""
        self.kernel(view.arrays, self.memory, self._pairs)
        return int(self._pairs[0, 1])


class CompiledPoolPolicy(_Compiled):
    """A policy that binds from the pool; subclasses give `kernel` and `initial_memory`."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def admit(self, view: RouterView) -> Integers:
        """Returns (candidate, worker) rows to admit, shape (k, 2); none runs the decode step."""
        return self._pairs[: self.kernel(view.arrays, self.memory, self._pairs)]

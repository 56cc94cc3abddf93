"""What a routing policy is: the protocol that the cluster asks for a decision."""

from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeGuard, runtime_checkable

import numpy.typing as npt

from brgym.cluster.config import ClusterConfig
from brgym.cluster.state import Integers, Reals, View
from brgym.cluster.view import RouterView

Binding = Literal["arrival", "pool"]


@runtime_checkable
class ArrivalPolicy(Protocol):
    """A policy that binds each request to a worker when it arrives; there it waits first come, first served."""

    binding: ClassVar[Literal["arrival"]]

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Forgets everything before a new run on `cluster`; `seed` decides all randomness of the run."""

    def bind(self, view: RouterView) -> int:
        """Returns the worker for the one candidate that the view shows."""


@runtime_checkable
class PoolPolicy(Protocol):
    """A policy that leaves requests in a pool until it admits them."""

    binding: ClassVar[Literal["pool"]]

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Forgets everything before a new run on `cluster`; `seed` decides all randomness of the run."""

    def admit(self, view: RouterView) -> npt.ArrayLike:
        """Returns (candidate, worker) rows to admit in this order, shape (k, 2); no row runs the decode step.

        Called again at the same boundary, with the candidates refilled, until it returns no row or nothing fits.
        Candidates are numbered as the view shows them. A policy that keeps state within a boundary tells boundaries
        apart by `view.boundary`.
        """


Policy = ArrivalPolicy | PoolPolicy
"""Either kind. A policy may also declare `clairvoyant = True` (see `RouterView`) or be a `CompiledPolicy`."""


class Memory(NamedTuple):
    """Everything that a compiled policy remembers, parameters included; laid out as the policy sees fit.

    Attributes:
        integers: int64, any length.
        reals: float64, any length.
    """

    integers: Integers
    reals: Reals


class Kernel(Protocol):
    """A compiled decision."""

    def __call__(self, view: View, memory: Memory, pairs: Integers, /) -> int:
        """Writes (candidate, worker) rows and returns how many, as `PoolPolicy.admit`.

        Binding on arrival writes the one row (0, worker). `pairs` has room for one row a slot of the cluster.
        """


@runtime_checkable
class CompiledPolicy(Protocol):
    """A policy whose decisions are a compiled function; a run with it never enters the interpreter.

    Attributes:
        binding: When it binds.
        kernel: The decision, made with `brgym.compiled_kernel`.
        memory: What `kernel` remembers; made anew by `reset`.
    """

    binding: ClassVar[Binding]
    kernel: Kernel
    memory: Memory

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Makes a new `memory`."""


def is_compiled(policy: object) -> TypeGuard[CompiledPolicy]:
    """Whether a policy's decisions are a compiled function."""
    return isinstance(policy, CompiledPolicy)


def is_clairvoyant(policy: Any) -> bool:
    """Whether a policy declares that it knows remaining lengths."""
    return bool(getattr(policy, "clairvoyant", False))

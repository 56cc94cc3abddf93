"""What a routing policy is: the protocol that the cluster asks for a decision."""

from typing import Any, ClassVar, Literal, Protocol, TypeGuard, runtime_checkable

import numpy.typing as npt

from brgym.cluster.config import ClusterConfig
from brgym.cluster.layout import Memory
from brgym.cluster.records import FROM_POOL, ON_ARRIVAL, Integers
from brgym.cluster.state import View
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


class Kernel(Protocol):
    """A compiled decision."""

    def __call__(self, view: View, memory: Memory, pairs: Integers, /) -> int:
        """Writes (candidate, worker) rows and returns how many, as `PoolPolicy.admit`.

        Binding on arrival writes the one row (0, worker). `pairs` has room for one row a slot of the cluster.
        """


class CompiledPolicy(Protocol):
    """A policy whose decisions are a compiled function; a run with it never enters the interpreter.

    It needs neither `bind` nor `admit`.

    Attributes:
        kernel: The decision, made with `brgym.compiled_kernel`; a static method, for it is no method of the policy.
        memory: What `kernel` remembers; made anew by `reset`, with a `Layout` or by hand.
    """

    kernel: Kernel
    memory: Memory

    @property
    def binding(self) -> Binding:
        """When it binds."""

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Makes a new `memory`."""


Policy = ArrivalPolicy | PoolPolicy | CompiledPolicy
"""Any of them. A policy may also declare `clairvoyant = True`, see `RouterView`; and where files decide what it does, a
class method `files`, which takes its parameters and returns those files by parameter: studies notice their content."""


def is_compiled(policy: object) -> TypeGuard[CompiledPolicy]:
    """Whether a policy's decisions are a compiled function."""
    return hasattr(policy, "kernel") and hasattr(policy, "binding") and hasattr(policy, "reset")


def is_clairvoyant(policy: Any) -> bool:
    """Whether a policy declares that it knows remaining lengths."""
    return bool(getattr(policy, "clairvoyant", False))


def name_of(policy: object) -> str:
    """What to call a policy in a message."""
    return f"policy {type(policy).__name__}"


def binding_of(policy: Policy) -> int:
    """When a policy binds: `ON_ARRIVAL` or `FROM_POOL`.

    Raises:
        TypeError: If it is no policy.
    """
    binding = getattr(policy, "binding", None)
    if binding == "arrival" and (is_compiled(policy) or isinstance(policy, ArrivalPolicy)):
        return ON_ARRIVAL
    if binding == "pool" and (is_compiled(policy) or isinstance(policy, PoolPolicy)):
        return FROM_POOL
    raise TypeError(
        "policy must have reset(cluster, seed) and either binding = 'arrival' with bind(view) or binding = 'pool' with "
        f"admit(view), or in place of bind and admit a compiled kernel, got {policy!r}"
    )

"""KV memory: what fits a worker, and when a worker holds too much (DESIGN 2.2, 2.12).

The one place that knows the rule; routers ask it through `brgym.cluster.vocabulary`.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from brgym._compile import inlined
from brgym.cluster.config import ClusterConfig
from brgym.cluster.prefill import PrefillTier
from brgym.cluster.state import View

if TYPE_CHECKING:
    from brgym.workload import Workload


@inlined
def free_slots(view: View, worker: int) -> int:
    """Free slots of a worker; none while it is stopped."""
    return view.up[worker] * view.constants[0].slots - view.active[worker]


@inlined
def overfull(view: View, worker: int) -> bool:
    """Whether a worker cannot hold what its requests will gain in the coming step."""
    constants = view.constants[0]
    return view.load_tokens[worker] + constants.gained_tokens * view.active[worker] > constants.kv_capacity


@inlined
def spare_tokens(view: View, worker: int) -> int:
    """KV tokens of a worker, below the watermark, that neither its load nor its requests' reserves take."""
    constants = view.constants[0]
    reserved = constants.kv_reserve_tokens * view.active[worker]
    return constants.admission_capacity - view.load_tokens[worker] - reserved


@inlined
def room_tokens(view: View, worker: int) -> int:
    """The largest context that fits on a worker; -1 where no slot is free.

    With `kv_reserve_share` above 0, that of a request whose client allows it nothing more; see `holds`.
    """
    if free_slots(view, worker) <= 0:
        return -1
    if view.active[worker] == 0:
        return view.constants[0].kv_capacity - view.constants[0].gained_tokens
    return max(spare_tokens(view, worker) - view.constants[0].kv_reserve_tokens, -1)


class Room(NamedTuple):
    """What decides whether requests fit on a worker, read once.

    Attributes:
        free_slots: Free slots.
        single_tokens: See `room_tokens`.
        alone_tokens: The largest context of a single request that fits because the worker is empty; -1 if it is not.
        spare_tokens: See `spare_tokens`.
        reserve_tokens: What each request needs beside its context.
        share: `kv_reserve_share`.
        allowed_tokens: What the clients' limits still allow the worker's requests.
    """

    free_slots: int
    single_tokens: int
    alone_tokens: int
    spare_tokens: int
    reserve_tokens: int
    share: float
    allowed_tokens: int


@inlined
def room_of(view: View, worker: int) -> Room:
    """The room on a worker."""
    constants = view.constants[0]
    alone_tokens = constants.kv_capacity - constants.gained_tokens if view.active[worker] == 0 else -1
    return Room(
        free_slots(view, worker),
        room_tokens(view, worker),
        alone_tokens,
        spare_tokens(view, worker),
        constants.kv_reserve_tokens,
        constants.kv_reserve_share,
        view.allowed_tokens[worker],
    )


@inlined
def holds(view: View, room: Room, total_tokens: int, count: int, allowed_tokens: int, shares: bool) -> bool:
    """Whether some requests fit into a room, all of them.

    Args:
        view: What a router sees.
        room: The room.
        total_tokens: Sum of their contexts.
        count: How many they are, at least 1.
        allowed_tokens: Sum of what their clients' limits still allow them to generate.
        shares: Whether a share of that is reserved: False, as a constant, makes a loop over requests some three times
            as fast where `room.share` is 0.
    """
    if count > room.free_slots:
        return False
    if count == 1 and total_tokens <= room.alone_tokens:
        return True
    left_tokens = room.spare_tokens - total_tokens - room.reserve_tokens * count
    if not shares or left_tokens < 0:
        return left_tokens >= 0
    capacity = view.constants[0].admission_capacity
    return capacity - left_tokens + room.share * (room.allowed_tokens + allowed_tokens) <= capacity


@inlined
def fits(view: View, worker: int, context_tokens: int, allowed_tokens: int = 0) -> bool:
    """Whether a request with so large a context fits on a worker; `allowed_tokens` as in `holds`."""
    return fits_together(view, worker, context_tokens, 1, allowed_tokens)


@inlined
def fits_together(view: View, worker: int, total_tokens: int, count: int, allowed_tokens: int = 0) -> bool:
    """Whether some requests fit on a worker, all of them; arguments as in `holds`."""
    room = room_of(view, worker)
    return holds(view, room, total_tokens, count, allowed_tokens, room.share > 0.0)


def servable(cluster: ClusterConfig, workload: "Workload") -> npt.NDArray[np.bool_]:
    """Which requests fit an empty worker, and the prefill tier's buffer, to their last token, shape (requests,)."""
    tokens = workload.prompt_tokens + workload.output_tokens
    fitting = np.ones(len(workload), np.bool_)
    if cluster.kv_capacity is not None:
        fitting &= tokens + cluster.gained_tokens - 1 <= cluster.kv_capacity
    if isinstance(cluster.prefill, PrefillTier) and cluster.prefill.buffer_tokens is not None:
        fitting &= tokens <= cluster.prefill.buffer_tokens
    return fitting

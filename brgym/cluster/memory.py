"""KV memory: what fits a worker, and when a worker holds too much (DESIGN 2.2).

The one place that knows the rule; routers ask it through `brgym.cluster.vocabulary`.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from brgym._compile import inlined
from brgym.cluster.config import ClusterConfig
from brgym.cluster.state import View

if TYPE_CHECKING:
    from brgym.workload import Workload


@inlined
def free_slots(view: View, worker: int) -> int:
    """Free slots of a worker."""
    return view.constants[0].slots - view.active[worker]


@inlined
def spare_tokens(view: View, worker: int) -> int:
    """KV tokens of a worker that neither its load nor the coming step takes; below 0 where it is over-full."""
    return view.constants[0].kv_capacity - view.load_tokens[worker] - view.active[worker]


@inlined
def room_tokens(view: View, worker: int) -> int:
    """The largest context that fits on a worker, with KV room for the coming step; -1 where no slot is free."""
    if free_slots(view, worker) <= 0:
        return -1
    return max(spare_tokens(view, worker) - 1, -1)


@inlined
def fits(view: View, worker: int, context_tokens: int) -> bool:
    """Whether a request with so large a context fits on a worker: a free slot, and KV room for the coming step."""
    return context_tokens <= room_tokens(view, worker)


@inlined
def fits_together(view: View, worker: int, total_tokens: int, count: int) -> bool:
    """Whether `count` requests whose contexts add up to `total_tokens` fit on a worker, all of them."""
    return count <= free_slots(view, worker) and total_tokens + count <= spare_tokens(view, worker)


def servable(cluster: ClusterConfig, workload: "Workload") -> npt.NDArray[np.bool_]:
    """Which requests fit an empty worker to their last token, shape (requests,)."""
    if cluster.kv_capacity is None:
        return np.ones(len(workload), np.bool_)
    return np.asarray(workload.prompt_tokens + workload.output_tokens <= cluster.kv_capacity)

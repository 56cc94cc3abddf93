"""Ratios that hardware can be cut into: whole bundles out of a number of instances, or whole nodes.

Users of AFD ask for both: engines want as many attention workers as a multiple of the FFN servers, and schedulers give
out whole nodes.
"""

from dataclasses import dataclass

import numpy as np

from brgym._checks import check_integer
from brgym.afd.limits import InfeasibleError
from brgym.afd.provisioning import Provision
from brgym.afd.ranges import MAX_COUNT, MAX_INSTANCES, MAX_NODES


@dataclass(frozen=True)
class Split:
    """A number of instances cut in two.

    Attributes:
        attention: Attention instances.
        ffn: FFN instances.
        throughput: Tokens per unit of time and unit of cost (`Provision.throughput`).
    """

    attention: int
    ffn: int
    throughput: float

    @property
    def ratio(self) -> float:
        """Attention instances per FFN instance."""
        return self.attention / self.ffn


def divisible_split(provision: Provision, *, instances: int) -> Split:
    """The best split of `instances` into equal bundles, none left over: r + 1 divides `instances`.

    Raises:
        ValueError: If `instances` is not in 2..1,000,000.
        InfeasibleError: If no such split keeps the TPOT limit.
    """
    instances = check_integer("instances", instances, minimum=2, maximum=MAX_INSTANCES)
    return _best(provision, [(instances - ffn, ffn) for ffn in range(1, instances // 2 + 1) if instances % ffn == 0])


def node_split(provision: Provision, *, nodes: int, instances_per_node: int = 8) -> Split:
    """The best split in which every node does one thing, attention or FFN.

    The ratio need not be an integer: the FFN nodes share the attention workers evenly.

    Raises:
        ValueError: If `nodes` is not in 2..100,000 or there is no instance on a node.
        InfeasibleError: If no such split keeps the TPOT limit.
    """
    nodes = check_integer("nodes", nodes, minimum=2, maximum=MAX_NODES)
    instances_per_node = check_integer("instances_per_node", instances_per_node, minimum=1, maximum=MAX_COUNT)
    return _best(provision, [((nodes - ffn) * instances_per_node, ffn * instances_per_node) for ffn in range(1, nodes)])


def _best(provision: Provision, candidates: list[tuple[int, int]]) -> Split:
    ratios = np.array([attention / ffn for attention, ffn in candidates])
    tpot = provision.limits.tpot
    allowed = np.ones(ratios.size, bool) if tpot is None else provision.tpot(ratios) <= tpot
    if not allowed.any():
        raise InfeasibleError(f"no split keeps tpot {tpot:g}: the smallest ratio is {ratios.min():g}")
    throughput = np.where(allowed, provision.throughput(ratios), -np.inf)
    best = int(throughput.argmax())
    return Split(*candidates[best], float(throughput[best]))

"""The tables of the study: every policy of the paper on each workload and number of workers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from brgym.cluster import ClusterConfig
from brgym.study.reproduce.balance_route import paper
from brgym.study.reproduce.balance_route.paper import Printed
from brgym.study.reproduce.balance_route.settings import JSQ, Router, Setting
from brgym.study.reproduce.balance_route.workloads import AZURE, AZURE_TRACE, PROPRIETARY, REPEATED

WORKERS = (4, 8, 16)
"""Numbers of workers of the paper."""

ROUTERS = {
    "random": Router("random"),
    "round-robin": Router("round-robin"),
    "power-of-two": Router("power-of-two"),
    "jsq": JSQ,
    "br-0": Router.of("br-0"),
    "br-h oracle": Router.of("br-h", "oracle"),
    "br-h survival, cut": Router.of("br-h", "survival"),
    "br-h survival, expected": Router.of("br-h", "survival", projection="expected"),
}
"""The paper's policies with the defaults of DESIGN 2.6 and 2.7."""

ROUTERS_OF_PROMPTS = {
    "br-h exact-match, cut": Router.of("br-h", "exact-match"),
    "br-h exact-match, expected": Router.of("br-h", "exact-match", projection="expected"),
}
"""Those that need prompts that come again."""

_PRINTED_AT_8 = {
    PROPRIETARY: paper.PROPRIETARY_TRACE,
    REPEATED: paper.PROPRIETARY_TRACE,
    AZURE: paper.AZURE_2024,
    AZURE_TRACE: paper.AZURE_2024,
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Policies on one workload and cluster, beside what the paper printed.

    Attributes:
        workload: Name of the workload.
        cluster: The cluster.
        settings: The rows by their label.
        printed: The paper's rows by the same labels, those that it has.
    """

    workload: str
    cluster: ClusterConfig
    settings: Mapping[str, Setting]
    printed: Mapping[str, Printed] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its heading."""
        return f"G = {self.cluster.workers}, {self.workload}"


def tables(workloads: Iterable[str], workers: Sequence[int] = WORKERS) -> list[Table]:
    """Every table, those of the paper's main one (G = 8) first.

    Args:
        workloads: Names of the workloads.
        workers: Numbers of workers.
    """
    names = list(workloads)
    counts = sorted(workers, key=lambda count: count != 8)
    return [_table(workload, count) for count in counts for workload in names]


def _table(workload: str, workers: int) -> Table:
    cluster = ClusterConfig(workers=workers)
    routers = ROUTERS | (ROUTERS_OF_PROMPTS if workload == REPEATED else {})
    return Table(
        workload=workload,
        cluster=cluster,
        settings={
            label: Setting(cluster=cluster, workload=workload, router=router) for label, router in routers.items()
        },
        printed=_printed(workload, workers),
    )


def _printed(workload: str, workers: int) -> Mapping[str, Printed]:
    if workers == 8:
        return _PRINTED_AT_8[workload]
    return paper.SCALING.get(workers, {}) if workload == PROPRIETARY else {}

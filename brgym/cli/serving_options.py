"""Options that say which requests a cluster serves: of every command that runs one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from brgym.cluster import ClusterConfig
    from brgym.study import NamedWorkload


@dataclass(frozen=True, kw_only=True)
class ServingOptions:
    """A cluster and a workload.

    Attributes:
        cluster: Hardware preset (`brgym clusters`), or `afd:illustrative` or `afd:FILE`, an AFD bundle (`brgym afd`).
        workers: Data-parallel workers; by default 8, or the best ratio of an AFD bundle for the workload.
        slots: Requests that a worker decodes at once; by default the preset's, or 256 for an AFD bundle.
        candidates: How many of the oldest waiting requests a policy sees that binds from the pool; by default 32.
        workload: A name, see `brgym workloads`, or a trace file (CSV, JSONL, Parquet; plain or gzip).
        requests: Requests to draw from a built-in workload, or how many of a trace's first requests to take.
        rate_scale: How many times as fast the requests arrive.
        sort: Sort an unsorted trace by arrival.
        invalid: What to do with a trace's rows of less than one prompt or output token.
        time_unit: What a trace's time stamps count, where neither its format nor a column's name tells.
        spread: Resolution in seconds of a trace's coarse clock, over which its requests are spread; 0: none.
        turns: Whether later turns of a conversation come at their stamps (drop), or follow the one before (keep).
        oversize: What to do with requests that could never fit a worker's KV capacity.
    """

    cluster: str = "bf-io"
    workers: int | None = None
    slots: int | None = None
    candidates: int | Literal["all"] | None = None
    workload: str = "proprietary-like"
    requests: int | None = None
    rate_scale: float = 1.0
    sort: bool = False
    invalid: Literal["error", "drop"] = "error"
    time_unit: Literal["s", "ms", "us", "ns"] | None = None
    spread: float | None = None
    turns: Literal["drop", "keep"] = "drop"
    oversize: Literal["error", "drop"] = "error"

    def source(self) -> "NamedWorkload":
        """The requests of each seed.

        Raises:
            ValueError: As `brgym.study.source_of`.
            OSError: Likewise.
        """
        from brgym.study import source_of

        return source_of(
            self.workload,
            requests=self.requests,
            rate_scale=self.rate_scale,
            sort=self.sort,
            invalid=self.invalid,
            unit=self.time_unit,
            spread=self.spread,
            turns=self.turns,
        )

    def cluster_for(self, source: "NamedWorkload", settings: Mapping[str, Any]) -> "ClusterConfig":
        """The cluster.

        Args:
            source: What it is to serve.
            settings: Other fields of its configuration, as `brgym.study.with_settings` reads them.

        Raises:
            ValueError: As `brgym.study.cluster_of` and `with_settings`.
            OSError: As `brgym.study.cluster_of`.
        """
        from brgym.study import cluster_of, with_settings

        limits = {"slots": self.slots, "candidates": self.candidates}
        changes = {name: None if limit == "all" else limit for name, limit in limits.items() if limit is not None}
        return with_settings(cluster_of(self.cluster, source, workers=self.workers, **changes), settings)

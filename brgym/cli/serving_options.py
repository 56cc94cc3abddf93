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
        load: Rate of arrivals relative to the cluster's capacity, as 0.9; or backlog: all wait from the beginning.
        rate_scale: How many times as fast the requests arrive; not beside a load, which sets the rate.
        arrivals: Pattern of arrivals under the load, as poisson, gamma:cv=2, diurnal, bursts, ramp; by default as the
            workload has them, and poisson for a built-in backlog.
        resample: Whether each seed gets a trace of its own, put together from the trace's blocks.
        repeat: How many times the requests come, one after the other.
        train_share: Share of a trace's first requests that predictors learn from and that no run serves.
        concurrency: A closed loop: so many requests are in the system, and the next comes when one leaves.
        patience_s: Seconds after which a request leaves that is not finished.
        max_tokens: The clients' limit on an output, of which `--kv-reserve-share` is a share.
        engine: How an engine admits and preempts, see `brgym clusters`: vllm, sglang, trtllm-no-evict, vllm-ascend;
            other options of the cluster go before.
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
    load: float | Literal["backlog"] | None = None
    rate_scale: float = 1.0
    arrivals: str | None = None
    resample: bool = False
    repeat: int = 1
    train_share: float = 0.0
    concurrency: int | None = None
    patience_s: float | None = None
    max_tokens: int | None = None
    engine: str | None = None
    sort: bool = False
    invalid: Literal["error", "drop"] = "error"
    time_unit: Literal["s", "ms", "us", "ns"] | None = None
    spread: float | None = None
    turns: Literal["drop", "keep"] = "drop"
    oversize: Literal["error", "drop"] = "error"

    def served(self, settings: Mapping[str, Any]) -> "tuple[ClusterConfig, NamedWorkload]":
        """The cluster, and the requests of each seed, at their load for it.

        Args:
            settings: Other fields of the cluster's configuration, as `brgym.study.with_settings` reads them.

        Raises:
            ValueError: As `brgym.study.source_of`, `cluster_of` and `with_settings`.
            OSError: As `brgym.study.source_of` and `cluster_of`.
        """
        from brgym.cluster import engine_style
        from brgym.study import WORKLOAD_OPTIONS, cluster_of, source_of, with_settings

        given = vars(self)
        source = source_of(
            self.workload,
            sort=self.sort,
            invalid=self.invalid,
            unit=self.time_unit,
            spread=self.spread,
            turns=self.turns,
            **{name: given[name] for name in WORKLOAD_OPTIONS if name in given},
        )
        limits = {"slots": self.slots, "candidates": self.candidates}
        changes = {name: None if limit == "all" else limit for name, limit in limits.items() if limit is not None}
        cluster = cluster_of(self.cluster, source, workers=self.workers, **changes)
        if self.engine is not None:
            cluster = engine_style(self.engine).of(cluster)
        cluster = with_settings(cluster, settings)
        return cluster, source.on(cluster)

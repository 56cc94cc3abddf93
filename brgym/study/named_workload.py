"""A workload as studies write it down: a name, and what is made of it before it is served."""

import functools
import os
from dataclasses import KW_ONLY, asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from brgym._checks import check_flag, check_integer, check_real
from brgym.cluster import ClusterConfig
from brgym.workload import Workload, load_workload, repeated, resampled
from brgym.workload.offered_load import Load, OfferedLoad
from brgym.workload.synthetic import BUILT_IN

TRAINING_SEEDS_FROM = 1_000_000
"""Predictors of seed k learn from a recipe's requests of seed 1,000,000 + k, which no run serves."""

_FileState = tuple[int, int, int]

_KEPT = 4  # workloads that a process keeps, since the cells of a study that share one follow each other


@dataclass(frozen=True)
class NamedWorkload:
    """A recipe, which each seed draws anew, or a trace, read once; plain data that any process can make it from.

    What is made of it is made in this order: the first requests are taken, the part for predictors is set aside, the
    rest is repeated and resampled, arrivals are put in place, and their rate is set.

    Attributes:
        name: As in `load_workload`.
        requests: How many to draw from a recipe (by default as many as it says), or how many of a trace's first ones to
            keep (by default all).
        rate_scale: How many times as fast the requests arrive; nothing changes where all arrive at once.
        load: As in `brgym.workload.OfferedLoad`.
        arrivals: As in `brgym.workload.OfferedLoad`.
        resample: Whether each seed gets a trace of its own, put together from the trace's blocks
            (`brgym.workload.resampled`), so that intervals over seeds mean something.
        repeat: How many times the requests come, one after the other (`brgym.workload.repeated`).
        train_share: Share of a trace's first requests that predictors learn from and that no run serves.
        concurrency: How many requests are in the system at once in a closed loop; None where they come at their times.
        patience_s: Seconds after which a request leaves that is not finished; None where all wait.
        max_tokens: The clients' limit on an output, in tokens; longer outputs are their own limit. None where a trace
            says it, or there is none.
        reading: Options of `load_workload` for traces.
        cluster: Whose capacity the load refers to.

    Raises:
        TypeError: If an option is of the wrong type.
        ValueError: If an option is outside its range, or does not go with another or with the workload.
        OSError: As `load_workload`.
    """

    name: str
    _: KW_ONLY
    requests: int | None = None
    rate_scale: float = 1.0
    load: Load | None = None
    arrivals: str | None = None
    resample: bool = False
    repeat: int = 1
    train_share: float = 0.0
    concurrency: int | None = None
    patience_s: float | None = None
    max_tokens: int | None = None
    reading: tuple[tuple[str, Any], ...] = ()
    cluster: ClusterConfig | None = None

    def __post_init__(self) -> None:
        check_real("rate_scale", self.rate_scale, minimum=0.0, exclusive=True)
        check_flag("resample", self.resample)
        check_integer("repeat", self.repeat, minimum=1)
        check_real("train_share", self.train_share, minimum=0.0, maximum=0.99)
        for name in ("requests", "concurrency", "max_tokens"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)
        if self.patience_s is not None:
            check_real("patience_s", self.patience_s, minimum=0.0, exclusive=True)
        if self.concurrency is not None and (self.load is not None or self.rate_scale != 1.0):
            raise ValueError("concurrency makes a closed loop, whose arrivals no load or rate_scale sets")
        if self._offered.load is not None and self.rate_scale != 1.0:
            raise ValueError("load and rate_scale exclude each other: a load sets the rate")
        if self.name in BUILT_IN:
            for option in ("resample", "train_share"):
                if getattr(self, option):
                    raise ValueError(f"{option} is for traces: {self.name} is drawn anew for each seed")
        else:
            trace = self._trace
            if self.requests is not None:
                check_integer("requests", self.requests, minimum=1, maximum=len(trace))

    @property
    def _offered(self) -> OfferedLoad:
        return OfferedLoad(self.load, arrivals=self.arrivals)

    @property
    def drawn_per_seed(self) -> bool:
        """Whether seeds have requests of their own."""
        return self.name in BUILT_IN or self.resample or self._draws_arrivals

    @property
    def described(self) -> str:
        """The name, with what is made of it."""
        load = self.load if isinstance(self.load, str) or self.load is None else f"load {self.load:g}"
        made = [
            *([] if not self.train_share else [f"without its first {self.train_share:.0%}"]),
            *([] if self.repeat == 1 else [f"{self.repeat} times"]),
            *(["resampled"] if self.resample else []),
            *([] if self.rate_scale == 1.0 else [f"{self.rate_scale:g} times as fast"]),
            *([] if load is None else [load]),
            *([] if self.arrivals is None else [self.arrivals]),
            *([] if self.concurrency is None else [f"closed loop of {self.concurrency}"]),
            *([] if self.patience_s is None else [f"patience {self.patience_s:g} s"]),
            *([] if self.max_tokens is None else [f"limit {self.max_tokens} tokens"]),
        ]
        return ", ".join([self.name, *made])

    def unplaced(self) -> "NamedWorkload":
        """The same with its own arrivals: what a cluster can be sized for before anybody knows its capacity."""
        return replace(self, load=None, arrivals=None, cluster=None)

    def on(self, cluster: ClusterConfig) -> "NamedWorkload":
        """The same for a cluster, whose capacity a load refers to; without a load there is nothing to refer."""
        return replace(self, cluster=cluster if self._offered.is_rate else None)

    def workload(self, seed: int) -> Workload:
        """The requests of a seed; made once for those who ask one after the other.

        Raises:
            ValueError: If a load is asked for without a cluster.
        """
        return _made(self, seed, _state_of(self.name))

    def training(self, seed: int) -> Workload:
        """Requests like those of a seed, to learn from, none of which a run serves.

        Raises:
            ValueError: If the workload is a trace of which nothing is set aside.
        """
        if self.name in BUILT_IN:
            return load_workload(self.name, seed=TRAINING_SEEDS_FROM + seed)
        if not self.train_share:
            raise ValueError(
                f"predictors that learn need requests that no run serves: {self.name} is a trace, so set train_share, "
                "or name a folder that `train.py classifier` has saved"
            )
        return self._first().slice(0, self._set_aside())

    def specification(self) -> dict[str, Any]:
        """All that decides the requests but the seed and the code, in types that JSON knows."""
        plain = asdict(self)
        if self.name not in BUILT_IN:
            plain["trace"] = self._trace.fingerprint()
        return plain

    @property
    def _trace(self) -> Workload:
        return _read(self.name, self.reading, _state_of(self.name))

    @property
    def _draws_arrivals(self) -> bool:
        at_once = self._offered.is_rate and _is_backlog(self)
        return self._offered.pattern(at_once=at_once) is not None

    def _make(self, seed: int) -> Workload:
        made = self._first(seed)
        if self._set_aside():
            made = made.slice(self._set_aside(), len(made)).rebase()
        if self.repeat > 1:
            made = repeated(made, self.repeat)
        if self.resample:
            made = resampled(made, seed=seed)
        return self._with_clients(self._at_load(made, seed))

    def _first(self, seed: int = 0) -> Workload:
        if self.name in BUILT_IN:
            return load_workload(self.name, count=self.requests, seed=seed)
        trace = self._trace
        return trace if self.requests is None else trace.slice(0, self.requests)

    def _set_aside(self) -> int:
        return int(self.train_share * len(self._first())) if self.train_share else 0

    def _with_clients(self, made: Workload) -> Workload:
        """What clients do: how many there are, how long they wait, how much they ask for at most."""
        columns: dict[str, Any] = {}
        if self.patience_s is not None:
            columns["patience_s"] = np.full(len(made), self.patience_s)
        if self.max_tokens is not None:
            columns["max_tokens"] = np.maximum(made.output_tokens, self.max_tokens)
        made = made.with_columns(**columns) if columns else made
        return made if self.concurrency is None else made.closed_loop(concurrency=self.concurrency)

    def _at_load(self, made: Workload, seed: int) -> Workload:
        if self.load is None:
            return made.rescale_rate(self.rate_scale)
        return self._offered.applied(made, self.cluster, seed=seed)


WORKLOAD_OPTIONS = tuple(field.name for field in fields(NamedWorkload) if field.name not in ("reading", "cluster"))
"""What studies may say of a workload, beside the options of reading a trace."""


@functools.lru_cache(maxsize=_KEPT)
def _made(named: NamedWorkload, seed: int, state: _FileState | None) -> Workload:
    return named._make(seed)


@functools.lru_cache(maxsize=_KEPT)
def _read(name: str, reading: tuple[tuple[str, Any], ...], state: _FileState | None) -> Workload:
    return load_workload(name, **dict(reading))


def _state_of(name: str) -> _FileState | None:
    """What tells a file from what was written over it since it was read."""
    try:
        found = os.stat(name)
    except (OSError, ValueError):  # no file: a recipe, or a name whose reading says what is wrong with it
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_backlog(named: NamedWorkload) -> bool:
    drawn = named.name in BUILT_IN
    return (load_workload(named.name, count=2) if drawn else named._trace).summary().rate_per_s is None

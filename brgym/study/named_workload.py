"""A workload as studies write it down: a name, and what is made of it before it is served."""

import functools
import os
from dataclasses import KW_ONLY, asdict, dataclass, fields, replace
from typing import Any, Literal

from brgym._checks import check_choice, check_flag, check_integer, check_real
from brgym._specification import hints_of, read_parameters, split_parameters
from brgym.cluster import ClusterConfig
from brgym.workload import Workload, load_workload, repeated, resampled
from brgym.workload.arrivals import PATTERNS, ArrivalProcess
from brgym.workload.synthetic import BUILT_IN

BACKLOG = "backlog"
"""The load at which all requests wait from the beginning."""

Load = float | Literal["backlog"]

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
        load: Rate of arrivals relative to the cluster's capacity (`Workload.capacity`), or "backlog": all wait from the
            beginning. None leaves the arrivals.
        arrivals: How requests come where they should not come as the workload has it: a pattern of
            `brgym.workload.arrivals.PATTERNS` with its parameters but for the rate, as "gamma:cv=2", which the load
            sets. By default "poisson" where a load is asked of a backlog.
        resample: Whether each seed gets a trace of its own, put together from the trace's blocks
            (`brgym.workload.resampled`), so that intervals over seeds mean something.
        repeat: How many times the requests come, one after the other (`brgym.workload.repeated`).
        train_share: Share of a trace's first requests that predictors learn from and that no run serves.
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
    reading: tuple[tuple[str, Any], ...] = ()
    cluster: ClusterConfig | None = None

    def __post_init__(self) -> None:
        check_real("rate_scale", self.rate_scale, minimum=0.0, exclusive=True)
        check_flag("resample", self.resample)
        check_integer("repeat", self.repeat, minimum=1)
        check_real("train_share", self.train_share, minimum=0.0, maximum=0.99)
        if self.requests is not None:
            check_integer("requests", self.requests, minimum=1)
        self._check_load()
        if self.name in BUILT_IN:
            for option in ("resample", "train_share"):
                if getattr(self, option):
                    raise ValueError(f"{option} is for traces: {self.name} is drawn anew for each seed")
        else:
            trace = self._trace
            if self.requests is not None:
                check_integer("requests", self.requests, minimum=1, maximum=len(trace))

    def _check_load(self) -> None:
        if self.load is not None and self.load != BACKLOG:
            if isinstance(self.load, str):
                raise ValueError(f"load must be a number above 0 or {BACKLOG}, got {self.load!r}")
            check_real("load", self.load, minimum=0.0, exclusive=True)
        if self.load is not None and self.rate_scale != 1.0:
            raise ValueError("load and rate_scale exclude each other: a load sets the rate")
        if self.arrivals is not None:
            if self.load is None or self.load == BACKLOG:
                raise ValueError("arrivals needs a load, which sets their rate")
            _pattern(self.arrivals, 1.0)

    @property
    def drawn_per_seed(self) -> bool:
        """Whether seeds have requests of their own."""
        return self.name in BUILT_IN or self.resample or self._pattern is not None

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
        ]
        return ", ".join([self.name, *made])

    def unplaced(self) -> "NamedWorkload":
        """The same with its own arrivals: what a cluster can be sized for before anybody knows its capacity."""
        return replace(self, load=None, arrivals=None, cluster=None)

    def on(self, cluster: ClusterConfig) -> "NamedWorkload":
        """The same for a cluster, whose capacity a load refers to; without a load there is nothing to refer."""
        return replace(self, cluster=None if self.load in (None, BACKLOG) else cluster)

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
    def _pattern(self) -> str | None:
        if self.arrivals is None and self.load not in (None, BACKLOG) and self.name in BUILT_IN:
            return "poisson" if _is_backlog(self.name) else None
        return self.arrivals

    def _make(self, seed: int) -> Workload:
        made = self._first(seed)
        if self._set_aside():
            made = made.slice(self._set_aside(), len(made)).rebase()
        if self.repeat > 1:
            made = repeated(made, self.repeat)
        if self.resample:
            made = resampled(made, seed=seed)
        return self._at_load(made, seed)

    def _first(self, seed: int = 0) -> Workload:
        if self.name in BUILT_IN:
            return load_workload(self.name, count=self.requests, seed=seed)
        trace = self._trace
        return trace if self.requests is None else trace.slice(0, self.requests)

    def _set_aside(self) -> int:
        return int(self.train_share * len(self._first())) if self.train_share else 0

    def _at_load(self, made: Workload, seed: int) -> Workload:
        if self.load is None:
            return made.rescale_rate(self.rate_scale)
        if isinstance(self.load, str):
            return made.backlog()
        if self.cluster is None:
            raise ValueError(f"a load of {self.load:g} refers to a cluster's capacity: say which with on(cluster)")
        if self._pattern is None:
            return made.at_load(self.load, self.cluster)
        rate_per_s = self.load * made.capacity(self.cluster)
        return made.with_arrivals(_pattern(self._pattern, rate_per_s), seed=seed)


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


@functools.cache
def _is_backlog(recipe: str) -> bool:
    return not load_workload(recipe, count=2).arrival_s.any()


def _pattern(text: str, rate_per_s: float) -> ArrivalProcess:
    """Reads a pattern of arrivals: a name, and its parameters but for the rate."""
    name, _, listed = (part.strip() for part in text.partition(":"))
    kind = PATTERNS[check_choice("arrivals", name, PATTERNS)]
    declared = {parameter: hint for parameter, hint in hints_of(kind).items() if parameter != "rate_per_s"}
    try:
        read = read_parameters(split_parameters(listed), declared) if listed else {}
        return kind(rate_per_s=rate_per_s, **read)
    except (TypeError, ValueError) as error:
        raise ValueError(f"arrivals {text}: {error}") from None

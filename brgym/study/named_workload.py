"""A workload as studies write it down: a name, and what is made of it before it is served."""

import functools
from dataclasses import KW_ONLY, asdict, dataclass, fields
from typing import Any, Literal

from brgym._checks import check_choice, check_integer, check_real
from brgym.workload import Workload, load_workload
from brgym.workload.synthetic import BUILT_IN

BACKLOG = "backlog"
"""The load at which all requests wait from the beginning."""

Load = Literal["backlog"]

TRAINING_SEEDS_FROM = 1_000_000
"""Predictors of seed k learn from a recipe's requests of seed 1,000,000 + k, which no run serves."""

_KEPT = 4  # workloads that a process keeps, since the cells of a study that share one follow each other


@dataclass(frozen=True)
class NamedWorkload:
    """A recipe, which each seed draws anew, or a trace, read once; plain data that any process can make it from.

    Attributes:
        name: As in `load_workload`.
        requests: How many to draw from a recipe (by default as many as it says), or how many of a trace's first ones to
            keep (by default all).
        rate_scale: How many times as fast the requests arrive; nothing changes where all arrive at once.
        load: "backlog": all wait from the beginning. None leaves the arrivals.
        train_share: Share of a trace's first requests that predictors learn from and that no run serves.
        reading: Options of `load_workload` for traces.

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
    train_share: float = 0.0
    reading: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        check_real("rate_scale", self.rate_scale, minimum=0.0, exclusive=True)
        check_real("train_share", self.train_share, minimum=0.0, maximum=0.99)
        if self.requests is not None:
            check_integer("requests", self.requests, minimum=1)
        if self.load is not None:
            check_choice("load", self.load, [BACKLOG])
        if self.name in BUILT_IN:
            if self.train_share:
                raise ValueError(f"train_share is for traces: {self.name} is drawn anew for predictors")
        else:
            trace = _trace(self.name, self.reading)
            if self.requests is not None:
                check_integer("requests", self.requests, minimum=1, maximum=len(trace))

    @property
    def drawn_per_seed(self) -> bool:
        """Whether seeds have requests of their own."""
        return self.name in BUILT_IN

    def workload(self, seed: int) -> Workload:
        """The requests of a seed; made once for those who ask one after the other."""
        return _made(self, seed)

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
            plain["trace"] = _trace(self.name, self.reading).fingerprint()
        return plain

    def _make(self, seed: int) -> Workload:
        made = self._first(seed)
        if self._set_aside():
            made = made.slice(self._set_aside(), len(made)).rebase()
        return made.backlog() if self.load == BACKLOG else made.rescale_rate(self.rate_scale)

    def _first(self, seed: int = 0) -> Workload:
        if self.name in BUILT_IN:
            return load_workload(self.name, count=self.requests, seed=seed)
        trace = _trace(self.name, self.reading)
        return trace if self.requests is None else trace.slice(0, self.requests)

    def _set_aside(self) -> int:
        return int(self.train_share * len(self._first())) if self.train_share else 0


WORKLOAD_OPTIONS = tuple(field.name for field in fields(NamedWorkload) if field.name != "reading")
"""What studies may say of a workload, beside the options of reading a trace."""


@functools.lru_cache(maxsize=_KEPT)
def _made(named: NamedWorkload, seed: int) -> Workload:
    return named._make(seed)


@functools.lru_cache(maxsize=_KEPT)
def _trace(name: str, reading: tuple[tuple[str, Any], ...]) -> Workload:
    return load_workload(name, **dict(reading))

"""How fast requests come, relative to what a cluster can serve."""

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal

from brgym._checks import check_choice, check_real
from brgym._specification import hints_of, read_parameters, split_parameters
from brgym.workload.arrivals import PATTERNS, ArrivalProcess

if TYPE_CHECKING:
    from brgym.workload.workload import Saturated, Workload

BACKLOG = "backlog"
"""The load at which all requests wait from the beginning."""

Load = float | Literal["backlog"]


@dataclass(frozen=True)
class OfferedLoad:
    """A rate of arrivals relative to a cluster's capacity, and how they are spread in time.

    Attributes:
        load: Mean rate of arrivals over the cluster's capacity (`Workload.capacity`), above 0, or "backlog": all wait
            from the beginning. None leaves the arrivals.
        arrivals: A pattern of `brgym.workload.arrivals.PATTERNS` with its parameters but for the rate, as "gamma:cv=2",
            which the load sets. By default requests come as the workload has it, and "poisson" where it has them all at
            once.

    Raises:
        TypeError: If an option is of the wrong type.
        ValueError: If an option is outside its range, or there is a pattern without a load.
    """

    load: Load | None = None
    _: KW_ONLY
    arrivals: str | None = None

    def __post_init__(self) -> None:
        if self.load is not None and self.load != BACKLOG:
            if isinstance(self.load, str):
                raise ValueError(f"load must be a number above 0 or {BACKLOG}, got {self.load!r}")
            check_real("load", self.load, minimum=0.0, exclusive=True)
        if self.arrivals is not None:
            if not self.is_rate:
                raise ValueError("arrivals needs a load, which sets their rate")
            _process(self.arrivals, 1.0)

    @property
    def is_rate(self) -> bool:
        """Whether it is a rate, which refers to a cluster."""
        return self.load is not None and self.load != BACKLOG

    def pattern(self, *, at_once: bool) -> str | None:
        """The pattern that arrivals are drawn from; None where they are not drawn.

        Args:
            at_once: Whether the workload has all its requests at one moment.
        """
        return "poisson" if self.is_rate and self.arrivals is None and at_once else self.arrivals

    def applied(self, workload: "Workload", cluster: "Saturated | None", *, seed: int) -> "Workload":
        """The same requests at this load.

        Args:
            workload: The requests.
            cluster: Whose capacity a rate refers to.
            seed: Seed of the draws, where arrivals are drawn.

        Raises:
            ValueError: If there is a rate and no cluster, or as `Workload.capacity`.
        """
        if self.load is None:
            return workload
        if isinstance(self.load, str):
            return workload.backlog()
        if cluster is None:
            raise ValueError(f"a load of {self.load:g} refers to a cluster's capacity: say which cluster")
        pattern = self.pattern(at_once=workload.summary().rate_per_s is None)
        if pattern is None:
            return workload.at_load(self.load, cluster)
        return workload.with_arrivals(_process(pattern, self.load * workload.capacity(cluster)), seed=seed)


def _process(text: str, rate_per_s: float) -> ArrivalProcess:
    """Reads a pattern: a name, and its parameters but for the rate."""
    name, _, listed = (part.strip() for part in text.partition(":"))
    kind = PATTERNS[check_choice("arrivals", name, PATTERNS)]
    declared = {parameter: hint for parameter, hint in hints_of(kind).items() if parameter != "rate_per_s"}
    try:
        read = read_parameters(split_parameters(listed), declared) if listed else {}
        return kind(rate_per_s=rate_per_s, **read)
    except (TypeError, ValueError) as error:
        raise ValueError(f"arrivals {text}: {error}") from None

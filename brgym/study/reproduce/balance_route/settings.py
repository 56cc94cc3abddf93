"""What a cell of the study is: a cluster, a workload, a router and a seed, all plain data."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from brgym.cluster import ClusterConfig

Options = tuple[tuple[str, float | str], ...]
"""Keyword arguments by name, in an order that can be hashed."""


@dataclass(frozen=True)
class PredictorSpec:
    """A termination predictor.

    Attributes:
        kind: "oracle", "survival", "exact-match" or "noisy".
        options: Its keyword arguments.
    """

    kind: str
    options: Options = ()

    @property
    def learns(self) -> bool:
        """Whether it is fitted on requests that the run does not serve."""
        return self.kind in ("survival", "exact-match")

    def __str__(self) -> str:
        return " ".join([self.kind, *_written(self.options)])


@dataclass(frozen=True)
class Router:
    """A routing policy.

    Attributes:
        policy: Its name, see `baselines.names`.
        predictor: What it predicts terminations with.
        options: Its other keyword arguments.
    """

    policy: str
    predictor: PredictorSpec | None = None
    options: Options = ()

    @classmethod
    def of(cls, policy: str, predictor: str | PredictorSpec | None = None, **options: float | str) -> "Router":
        """The same from keyword arguments; a predictor without options may be given by its kind."""
        spec = PredictorSpec(predictor) if isinstance(predictor, str) else predictor
        return cls(policy, spec, tuple(sorted(options.items())))

    def __str__(self) -> str:
        predictor = [] if self.predictor is None else [f"({self.predictor})"]
        return " ".join([self.policy, *predictor, *_written(self.options)])


JSQ = Router("jsq")
"""The router that all ratios refer to."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is run under every seed.

    Attributes:
        cluster: The cluster.
        workload: Name of one of the study's workloads.
        router: The router.
    """

    cluster: ClusterConfig
    workload: str
    router: Router

    @property
    def reference(self) -> "Setting":
        """The same requests on the same cluster under join-shortest-queue."""
        return dataclasses.replace(self, router=JSQ)


@dataclass(frozen=True)
class Cell:
    """One run of the study.

    Attributes:
        setting: What is run.
        seed: Seed of the requests and of the router.
    """

    setting: Setting
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Everything that defines the run but the requests themselves, in types that JSON knows."""
        return dataclasses.asdict(self)


def cells_of(settings: list[Setting], seeds: dict[str, range]) -> list[Cell]:
    """The cells of some settings and of what they refer to, each once, in order.

    Args:
        settings: The settings.
        seeds: The seeds of each workload.
    """
    wanted = dict.fromkeys(one for setting in settings for one in (setting.reference, setting))
    return [Cell(setting, seed) for setting in wanted for seed in seeds[setting.workload]]


def _written(options: Options) -> list[str]:
    return [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in options]

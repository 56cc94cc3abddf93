"""What a cell of the study is: a cluster, a workload, a router and a seed, all plain data."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from baselines import Specification
from brgym._specification import write_value
from brgym.cluster import ClusterConfig
from brgym.study.policy_choice import PolicyChoice
from brgym.study.predictor_choice import PredictorChoice
from brgym.study.simulation import Simulation
from brgym.study.workload_source import TeachingSource

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
    def choice(self) -> PredictorChoice:
        """What makes it."""
        written = ",".join(f"{name}={write_value(value)}" for name, value in self.options)
        return PredictorChoice(f"{self.kind}:{written}" if written else self.kind)

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

    @property
    def choice(self) -> PolicyChoice:
        """What makes it."""
        predictor = None if self.predictor is None else self.predictor.choice
        return PolicyChoice(Specification(self.policy, self.options), predictor, str(self))

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

    def run_on(self, workloads: Mapping[str, TeachingSource]) -> Simulation:
        """The run itself, with the requests that the setting names."""
        setting = self.setting
        return Simulation(
            setting.cluster, workloads[setting.workload], setting.router.choice, self.seed, oversize="drop"
        )


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

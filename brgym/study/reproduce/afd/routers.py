"""How a router moves the best ratio: the bundle as a cluster, every ratio under every router, paired seeds.

The workload is saturated: the slots are filled at once, and from then on requests come faster than the bundle serves
them, in a Poisson stream. A run covers so many requests per slot that what is measured is long after the start.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

import baselines
from brgym._ingredients import digest_of_modules
from brgym.afd import Provision, bundle_cluster, optimal_ratio
from brgym.afd.cluster import SECONDS
from brgym.afd.provisioning import Method
from brgym.cluster import Policy, simulate
from brgym.study.engine import Figures
from brgym.study.reproduce.afd.grid import COEFFICIENTS, draw, population_load
from brgym.workload import Workload
from classifiers import Survival

ROUTERS = ("round-robin", "jsq", "br-0", "br-h")
"""The routers; BR-H asks `Survival`, which has learned from requests that no run serves."""

REFERENCE = "round-robin"
"""The router that the others are compared with: it takes no account of loads, as the formulas have it."""

WINDOW = (0.25, 0.9)
"""Shares of requests admitted between which a step counts; before that, loads reach their stationary law."""

FIGURES = ("throughput", "barrier_idle", "balance")
"""What is kept of a run: tokens per second and instance, and two step figures of `brgym.cluster.Metrics`."""

REQUESTS_PER_SLOT = 20
"""Requests of a run per slot, by default."""

_OVERLOAD = 1.1
"""How much faster requests come than the mean-field bundle serves them."""

_TRAINING_REQUESTS = 20_000
_TRAINING_SEEDS_FROM = 1_000_000
_BELOW, _ABOVE = 0.75, 1.3
"""The ratios of a case go from so many times the mean-field ratio to so many times it."""


@dataclass(frozen=True)
class Case:
    """A workload and a batch under which routers are compared.

    Attributes:
        workload: One of `brgym.study.reproduce.afd.grid.WORKLOADS`.
        batch: Slots of an attention worker.
    """

    workload: str
    batch: int

    def __str__(self) -> str:
        return f"{self.workload}, B {self.batch}"

    def predict(self, method: Method) -> Provision:
        """The ratio of a method for one batch a cycle, in lockstep, as the cluster keeps time."""
        load = population_load(self.workload, seed=0)
        return optimal_ratio(COEFFICIENTS, batch=self.batch, load=load, method=method)

    @property
    def ratios(self) -> range:
        """The ratios that are run."""
        mean_field = self.predict("mean-field").ratio
        return range(max(1, int(_BELOW * mean_field)), round(_ABOVE * mean_field) + 1)


CASES = (
    Case("geometric, P 100, D 500", 256),
    Case("lognormal, correlation +0.8, P 500, D 200", 128),
    Case("azure-2023-conv-like", 64),
)
"""The cases of the study: the paper's example, a heavy-tailed workload, and one like a public trace."""


@dataclass(frozen=True)
class Run:
    """One ratio of a case under one seed, to be served by every router.

    Attributes:
        case: The case.
        ratio: Attention workers.
        seed: Seed of requests and routers.
    """

    case: Case
    ratio: int
    seed: int


def runs(cases: Sequence[Case], seeds: int) -> list[Run]:
    """Every ratio of every case under every seed."""
    return [Run(case, ratio, seed) for case in cases for ratio in case.ratios for seed in range(seeds)]


@dataclass(frozen=True)
class Serving:
    """A run, to be served with every router.

    Attributes:
        what: The run.
        requests_per_slot: Its requests, per slot.
    """

    what: Run
    requests_per_slot: int

    interpreted: ClassVar[bool] = True  # BR-H asks its predictor in Python

    @property
    def specification(self) -> Mapping[str, Any]:
        """All that decides the figures."""
        return {
            "study": "afd routers",
            "run": asdict(self.what),
            "requests_per_slot": self.requests_per_slot,
            "code": digest_of_modules(__name__),
        }

    @property
    def shares(self) -> Hashable:
        """The lengths."""
        return self.what.case, self.what.seed

    def run(self) -> Figures:
        """`FIGURES` by router."""
        requests = saturated(self.what, self.requests_per_slot)
        return {router: _figures(self.what, requests, router) for router in ROUTERS}


def saturated(run: Run, requests_per_slot: int) -> Workload:
    """The requests of a run: slots full at the start, and a Poisson stream that keeps them so.

    The lengths are the first ones of those of the case's largest ratio, so that ratios are paired as well.
    """
    slots = run.ratio * run.case.batch
    most = run.case.ratios[-1] * run.case.batch
    lengths = draw(run.case.workload, count=requests_per_slot * most, seed=run.seed).slice(0, requests_per_slot * slots)
    p = run.case.predict("mean-field")
    cycle_s = float(p.cycle_time(run.ratio)) * SECONDS[COEFFICIENTS.time_unit]
    gap_s = cycle_s * float(lengths.output_tokens.mean()) / (slots * _OVERLOAD)
    gaps_s = np.random.default_rng([run.seed, run.ratio]).exponential(gap_s, len(lengths))
    gaps_s[:slots] = 0.0
    return Workload(np.cumsum(gaps_s), lengths.prompt_tokens, lengths.output_tokens)


def _figures(run: Run, workload: Workload, router: str) -> Figures:
    cluster = bundle_cluster(COEFFICIENTS, ratio=run.ratio, batch=run.case.batch)
    metrics = simulate(cluster, workload, _policy(run, router), run.seed, window=WINDOW).metrics
    figures = (metrics.throughput_tok_s / (run.ratio + 1), metrics.barrier_idle_mean, metrics.balance_mean)
    return dict(zip(FIGURES, figures, strict=True))


def _policy(run: Run, router: str) -> Policy:
    if router != "br-h":
        return baselines.make(router)
    training = draw(run.case.workload, count=_TRAINING_REQUESTS, seed=_TRAINING_SEEDS_FROM + run.seed)
    return baselines.make(router, predictor=Survival().fit(training))

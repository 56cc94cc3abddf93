"""The cell of most studies: one policy serves the requests of one seed on one cluster."""

import functools
import inspect
import time
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from baselines.registry import class_of
from brgym._ingredients import digest_of_modules
from brgym._own import is_own, module_of
from brgym.cluster import ClusterConfig, Oversize, Slo, envelope_token_steps, has_bound, lower_bound, servable, simulate
from brgym.cluster.engine import DEFAULT_WINDOW
from brgym.study.engine import Figures
from brgym.study.policy_choice import PolicyChoice
from brgym.study.workload_source import TeachingSource

WALL_CLOCK = ("routing_time_p50_s", "routing_time_p99_s", "wall_s")
"""The figures that differ from one repetition of a study to the next."""


@dataclass(frozen=True)
class Simulation:
    """One run of the cluster.

    Attributes:
        cluster: The cluster.
        source: The requests.
        policy: The router.
        seed: Seed of requests and router.
        oversize: What happens to requests that could never fit: "error" or "drop".
        window: Shares of requests admitted between which a step counts for the step figures.
        slo: As in `simulate`.
    """

    cluster: ClusterConfig
    source: TeachingSource
    policy: PolicyChoice
    seed: int
    oversize: Oversize = "error"
    window: tuple[float, float] = DEFAULT_WINDOW
    slo: Slo | None = None

    def __str__(self) -> str:
        return f"{self.policy.label}, seed {self.seed}"

    @property
    def specification(self) -> Mapping[str, Any]:
        """All that decides the figures."""
        return {
            "cluster": asdict(self.cluster),
            "workload": _source_specification(self.source),
            "policy": self.policy.described(),
            "seed": self.seed,
            "oversize": self.oversize,
            "window": list(self.window),
            "slo": None if self.slo is None else asdict(self.slo),
            "code": _code(self.policy.specification.name),
        }

    @property
    def shares(self) -> Hashable:
        """The requests."""
        return self.source, self.seed

    @property
    def interpreted(self) -> bool:
        """Whether the policy decides in Python."""
        return not hasattr(class_of(self.policy.specification.name), "kernel")

    def run(self) -> Figures:
        """The figures of `Metrics.as_dict` with the wall-clock ones, and what is needed to say what was recoverable.

        Those are `output_tokens` served, `envelope_token_steps` and lower bounds of that and of the makespan
        (`brgym.cluster.lower_bound`); `wall_s` is how long the run took.
        """
        requests = self.source.workload(self.seed)
        policy = self.policy.make(self.source, self.seed)
        began_s = time.perf_counter()
        result = simulate(
            self.cluster, requests, policy, self.seed, slo=self.slo, oversize=self.oversize, window=self.window
        )
        wall_s = time.perf_counter() - began_s
        served = requests.take(servable(self.cluster, requests), orphans="arrive")
        bound = lower_bound(self.cluster, served) if has_bound(self.cluster, served) else None
        return result.metrics.as_dict(wall_clock=True) | {
            "output_tokens": int(requests.output_tokens[~np.isnan(result.requests["finish_s"])].sum()),
            "envelope_token_steps": envelope_token_steps(result.steps),
            "envelope_token_steps_bound": None if bound is None else bound.envelope_token_steps,
            "makespan_s_bound": None if bound is None else bound.makespan_s,
            "wall_s": wall_s,
        }


@functools.lru_cache(maxsize=64)
def _source_specification(source: TeachingSource) -> dict[str, Any]:
    return source.specification()


@functools.cache
def _code(policy: str) -> str:
    """Digest of the code that serves a cell, that of the policy wherever it lies."""
    modules = {__name__, inspect.unwrap(class_of(policy)).__module__}
    return digest_of_modules(*sorted(modules | ({module_of(policy)} if is_own(policy) else set())))

"""One cell of a study: one policy, one seed, one run of the cluster, reduced to what a study keeps."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from brgym.cluster import ClusterConfig, Metrics, Oversize, Policy, Reals, Records, Slo, imbalance, simulate
from brgym.workload import Workload

BINS = 240
"""Into how many stretches of equally many decode steps a run's imbalance over time is reduced."""

PolicyFactory = Callable[[], Policy]
"""Makes a policy for one run; called anew for every run, so that runs side by side share nothing."""


@dataclass(frozen=True)
class ImbalanceOverTime:
    """The imbalance of a run, averaged over stretches of equally many decode steps (to within one).

    Attributes:
        edge_s: Starts of the stretches and the end of the last, in seconds, shape (stretches + 1,).
        imbalance_tokens: Mean imbalance in each stretch, shape (stretches,).
    """

    edge_s: Reals
    imbalance_tokens: Reals

    @classmethod
    def of(cls, steps: Records) -> "ImbalanceOverTime":
        """Reduces a log of steps to at most `BINS` stretches."""
        stretches = min(BINS, len(steps))
        first = np.arange(stretches) * len(steps) // stretches
        totals = np.add.reduceat(imbalance(steps["workers_up"], steps["max_load"], steps["sum_load"]), first)
        end_s = steps["start_s"][-1] + steps["duration_s"][-1]
        return cls(
            edge_s=np.append(steps["start_s"][first], end_s),
            imbalance_tokens=totals / np.diff(first, append=len(steps)),
        )


@dataclass(frozen=True)
class Trial:
    """What came of one policy under one seed.

    Attributes:
        policy: Name of the policy.
        seed: The seed.
        metrics: The figures of the run.
        over_time: Its imbalance over time.
    """

    policy: str
    seed: int
    metrics: Metrics
    over_time: ImbalanceOverTime

    def __str__(self) -> str:
        """What progress calls it."""
        return f"{self.policy}, seed {self.seed}"


@dataclass(frozen=True)
class TrialCell:
    """The cell of a comparison: one policy of anybody's, one seed; it lives in memory and need not say what decides it.

    Attributes:
        cluster: The cluster.
        workload: The requests.
        policy: What to call the policy.
        make: Makes it.
        seed: Seed of the policy.
        oversize: What happens to requests that could never fit: "error" or "drop".
        slo: As in `simulate`.
    """

    cluster: ClusterConfig
    workload: Workload
    policy: str
    make: PolicyFactory
    seed: int
    oversize: Oversize
    slo: Slo | None = None

    @property
    def specification(self) -> Mapping[str, Any]:
        """Nobody can tell what a function decides, so it is not kept."""
        raise NotImplementedError

    @property
    def shares(self) -> Hashable:
        """The requests."""
        return self.seed

    @cached_property
    def interpreted(self) -> bool:
        """Whether the policy decides in Python."""
        return not hasattr(self.make(), "kernel")

    def run(self) -> Trial:
        """Serves the requests.

        Raises:
            ValueError: As `brgym.cluster.simulate`.
        """
        result = simulate(self.cluster, self.workload, self.make(), self.seed, slo=self.slo, oversize=self.oversize)
        return Trial(self.policy, self.seed, result.metrics, ImbalanceOverTime.of(result.steps))

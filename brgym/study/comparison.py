"""What a comparison of policies found: every run, and the estimates over the seeds."""

from dataclasses import dataclass

import numpy as np

from brgym._checks import check_choice
from brgym.cluster import ClusterConfig, Oversize, Reals
from brgym.study.statistics import Estimate, mean_interval, paired_difference, paired_ratio
from brgym.study.trial import Trial
from brgym.workload.summary import WorkloadSummary


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Policies side by side under the same seeds.

    Attributes:
        cluster: The cluster that all of them served.
        workload: Name of the workload.
        drawn_per_seed: Whether each seed had requests of its own. Where not, the intervals cover the policies' own
            randomness only.
        fingerprints: Digests of the requests: one a seed, or one for all.
        summaries: What the requests are like: one a seed, or one for all.
        oversize: What became of requests that could never fit: "error" or "drop".
        seeds: The seeds.
        reference: Name of the policy that ratios and differences refer to.
        trials: The runs: the policies in order under the first seed, then under the second, ...
    """

    cluster: ClusterConfig
    workload: str
    drawn_per_seed: bool
    fingerprints: tuple[str, ...]
    summaries: tuple[WorkloadSummary, ...]
    oversize: Oversize
    seeds: tuple[int, ...]
    reference: str
    trials: tuple[Trial, ...]

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies, in the order in which they were asked for."""
        return tuple(dict.fromkeys(trial.policy for trial in self.trials))

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that are the same in every repetition of the study (`Metrics.as_dict`)."""
        return tuple(name for name, value in self.trials[0].metrics.as_dict().items() if not isinstance(value, bool))

    def of_policy(self, policy: str) -> tuple[Trial, ...]:
        """The runs of one policy, in the order of the seeds.

        Raises:
            ValueError: If it is not among them.
        """
        check_choice("policy", policy, self.policies)
        return tuple(trial for trial in self.trials if trial.policy == policy)

    def values(self, policy: str, figure: str) -> Reals:
        """One figure of one policy, shape (seeds,); `figure` as in `Metrics.as_dict(wall_clock=True)`.

        Raises:
            ValueError: If there is no such policy or figure.
        """
        runs = [trial.metrics.as_dict(wall_clock=True) for trial in self.of_policy(policy)]
        check_choice("figure", figure, runs[0])
        return np.array([run[figure] for run in runs], dtype=np.float64)

    def mean(self, policy: str, figure: str) -> Estimate:
        """The mean over the seeds, with its interval; arguments as `values`."""
        return mean_interval(self.values(policy, figure))

    def difference(self, policy: str, figure: str) -> Estimate:
        """The mean difference to the reference policy, seed by seed; arguments as `values`."""
        return paired_difference(self.values(policy, figure), self.values(self.reference, figure))

    def ratio(self, policy: str, figure: str) -> Estimate:
        """The mean ratio to the reference policy, seed by seed; arguments as `values`."""
        return paired_ratio(self.values(policy, figure), self.values(self.reference, figure))

"""Where a router learns and is tried: a cluster, requests to learn on, requests to be tried on."""

from collections.abc import Sequence
from dataclasses import dataclass

from gymnasium.vector import AutoresetMode

from baselines.learned.features import columns, write_row
from brgym._checks import check_integer
from brgym.cluster import ClusterConfig
from brgym.envs import CompiledObservation, StickyRoutingVectorEnv
from brgym.envs.reward import Reward
from brgym.workload import Workload, concatenate, load_workload

OBSERVATION = CompiledObservation(write_row, columns)
"""The learned router's features as an observation."""

_REWARD_SCALE_CONTEXTS = 30 * 4096
"""What imbalance is divided by, for each worker, so that discounted sums of it are about 1 (our choice)."""


@dataclass(frozen=True, kw_only=True)
class Arena:
    """A cluster and a workload, drawn anew with every seed; all requests wait at time 0.

    Attributes:
        cluster: The cluster.
        workload: A built-in synthetic workload, see `brgym.workload_names`.
        requests: Requests of a run, at least 1.
    """

    cluster: ClusterConfig
    workload: str
    requests: int = 8000

    def draw(self, seed: int) -> Workload:
        """The requests of a seed."""
        return load_workload(self.workload, count=self.requests, seed=seed).backlog()

    def environments(
        self,
        seeds: Sequence[int],
        *,
        count: int,
        decisions: int,
        reward: Reward = "imbalance",
        threads: int | None = None,
    ) -> StickyRoutingVectorEnv:
        """Environments in which episodes begin with a cluster at work and end before the backlog does.

        Args:
            seeds: Seeds whose requests are served.
            count: Number of environments.
            decisions: Decisions of an episode.
            reward: See `StickyRoutingEnv`.
            threads: See `RoutingVectorEnv`.
        """
        pool = concatenate([self.draw(seed) for seed in seeds])
        window = self.cluster.candidates or 1
        return StickyRoutingVectorEnv(
            count,
            cluster=self.cluster,
            workload=pool,
            observation=OBSERVATION,
            reward=reward,
            reward_scale=float(self.cluster.workers * _REWARD_SCALE_CONTEXTS),
            episode_requests=check_integer("decisions", decisions, minimum=1, maximum=len(pool) - window) + window,
            episode_start="random",
            start="stationary",
            placement="lowest-load",
            max_decisions=decisions,
            autoreset_mode=AutoresetMode.SAME_STEP,
            threads=threads,
        )

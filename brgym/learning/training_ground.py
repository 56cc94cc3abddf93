"""Where a router learns and is tried: a cluster, requests to learn on, requests to be tried on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from gymnasium.vector import AutoresetMode

import baselines
from baselines.learned.features import columns, write_row
from brgym._checks import check_integer
from brgym.cluster import ClusterConfig, simulate
from brgym.envs import CompiledObservation, StickyRoutingVectorEnv
from brgym.workload import Workload, concatenate, load_workload

OBSERVATION = CompiledObservation(write_row, columns)
"""The learned router's features as an observation."""

_REWARD_SCALE_CONTEXTS = 30 * 4096
"""What imbalance is divided by, for each worker, so that discounted sums of it are about 1 (our choice)."""


_BURST, _LULL = 2, 6
"""Requests of a wave, in clusters full: so many arrive at once, so many one after the other."""

_LULL_LOAD = 0.7
"""Rate of the latter, as a share of what the cluster serves with every slot in use: the burst's queue drains."""


@dataclass(frozen=True, kw_only=True)
class TrainingGround:
    """A cluster and a workload, drawn anew with every seed.

    Attributes:
        cluster: The cluster.
        workload: A built-in synthetic workload, see `brgym.workload_names`.
        requests: Requests of a run, at least 1.
    """

    cluster: ClusterConfig
    workload: str
    requests: int = 8000

    def backlog(self, seed: int) -> Workload:
        """The requests of a seed, all waiting at time 0."""
        return load_workload(self.workload, count=self.requests, seed=seed).backlog()

    def waves(self, seed: int) -> Workload:
        """The same requests in waves: a burst that fills the cluster and makes others wait, then a lull with room."""
        waiting = self.backlog(seed)
        capacity = self.cluster.workers * self.cluster.slots
        in_wave = np.arange(self.requests) % ((_BURST + _LULL) * capacity)
        gaps_s = np.random.default_rng(seed).exponential(1.0 / (_LULL_LOAD * self.served_per_s), self.requests)
        gaps_s[in_wave < _BURST * capacity] = 0.0
        return Workload(np.cumsum(gaps_s), waiting.prompt_tokens, waiting.output_tokens)

    @cached_property
    def served_per_s(self) -> float:
        """Requests that the cluster serves in a second while others wait, with BR-0."""
        requests = self.backlog(0)
        served = simulate(self.cluster, requests, baselines.make("br-0")).metrics
        return served.throughput_tok_s / float(requests.output_tokens.mean())

    def training(self, seeds: Sequence[int]) -> Workload:
        """The requests of some seeds one after the other, in backlog and in waves by turns."""
        drawn = [self.waves(seed) if place % 2 else self.backlog(seed) for place, seed in enumerate(seeds)]
        starts_s = np.cumsum([0.0, *(requests.arrival_s[-1] for requests in drawn)])
        return concatenate([requests.rebase(start_s) for requests, start_s in zip(drawn, starts_s, strict=False)])

    def trials(self, seeds: Sequence[int]) -> list[Workload]:
        """The requests of each seed, in backlog and in waves."""
        return [draw(seed) for seed in seeds for draw in (self.backlog, self.waves)]

    def environments(
        self,
        seeds: Sequence[int],
        *,
        count: int,
        decisions: int,
        threads: int | None = None,
    ) -> StickyRoutingVectorEnv:
        """Environments in which episodes begin with a cluster at work, and end before the requests do.

        Args:
            seeds: Seeds whose requests are served.
            count: Number of environments.
            decisions: Decisions of an episode.
            threads: See `RoutingVectorEnv`.
        """
        pool = self.training(seeds)
        window = self.cluster.candidates or 1
        return StickyRoutingVectorEnv(
            count,
            cluster=self.cluster,
            workload=pool,
            observation=OBSERVATION,
            reward_scale=float(self.cluster.workers * _REWARD_SCALE_CONTEXTS),
            episode_requests=check_integer("decisions", decisions, minimum=1, maximum=len(pool) - window) + window,
            episode_start="random",
            start="stationary",
            placement="lowest-load",
            max_decisions=decisions,
            autoreset_mode=AutoresetMode.SAME_STEP,
            threads=threads,
        )

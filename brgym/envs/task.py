"""What an environment is about, be there one of it or a thousand: episodes, rewards, observation."""

from dataclasses import dataclass
from typing import Literal, TypedDict

import gymnasium
import numpy as np

from brgym.cluster import ClusterConfig, Records, Result
from brgym.cluster.metrics import DEFAULT_WINDOW, measure
from brgym.cluster.simulate import outcome_of
from brgym.cluster.state import State
from brgym.envs.episode import Episodes, Placement, Start
from brgym.envs.observer import Form, Observer
from brgym.envs.reward import Reward, settle
from brgym.envs.rules import InvalidAction, Rules
from brgym.workload import Workload, load_workload


class RoutingOptions(TypedDict, total=False):
    """The options that all environments have; `StickyRoutingEnv` says what they mean."""

    workload: Workload | str
    observation: Form
    reward: Reward
    reward_scale: float | None
    episode_requests: int | None
    episode_start: int | Literal["random"]
    start: Start
    occupancy: float
    placement: Placement
    max_decisions: int | None
    max_time_s: float | None


@dataclass(frozen=True, kw_only=True)
class RoutingTask:
    """A cluster that asks an agent where requests go, and how the agent is told and paid.

    Attributes:
        cluster: The cluster.
        binding: When requests are bound: `ON_ARRIVAL` or `FROM_POOL`.
        actions: Size of the action space.
        episodes: Where episodes begin.
        rules: What is rewarded, and when an episode is cut short.
        observer: What the agent gets to see.
    """

    cluster: ClusterConfig
    binding: int
    actions: int
    episodes: Episodes
    rules: Rules
    observer: Observer

    @classmethod
    def of(
        cls,
        cluster: ClusterConfig,
        *,
        binding: int,
        candidates: int,
        actions: int,
        workload: Workload | str = "proprietary-like",
        observation: Form = "flat",
        reward: Reward = "imbalance",
        reward_scale: float | None = None,
        invalid_action: InvalidAction = "error",
        invalid_penalty: float = 1.0,
        episode_requests: int | None = None,
        episode_start: int | Literal["random"] = 0,
        start: Start = "cold",
        occupancy: float = 1.0,
        placement: Placement = "round-robin",
        max_decisions: int | None = None,
        max_time_s: float | None = None,
    ) -> "RoutingTask":
        """Puts a task together from the environments' arguments.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If an argument is outside its range, or if a request could never fit a worker.
        """
        rules = Rules(
            reward=reward,
            reward_scale=reward_scale,
            invalid_action=invalid_action,
            invalid_penalty=invalid_penalty,
            max_decisions=max_decisions,
            max_time_s=max_time_s,
        )
        episodes = Episodes(
            cluster=cluster,
            workload=load_workload(workload) if isinstance(workload, str) else workload,
            binding=binding,
            episode_requests=episode_requests,
            episode_start=episode_start,
            start=start,
            occupancy=occupancy,
            placement=placement,
        )
        observer = Observer(observation, workers=cluster.workers, candidates=candidates)
        return cls(cluster=cluster, binding=binding, actions=actions, episodes=episodes, rules=rules, observer=observer)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        """The space of actions."""
        return gymnasium.spaces.Discrete(self.actions)

    def refusal(self, action: int) -> str:
        """Says why an action is not allowed."""
        candidate, worker = divmod(action, self.cluster.workers)
        return (
            f"action {action} is not valid now: there is no candidate {candidate}, or it does not fit worker {worker}; "
            "see info['action_mask']"
        )

    def begin(self, rng: np.random.Generator) -> tuple[State, Records]:
        """Draws an episode: the cluster at its first moment, and the episode's record."""
        opening = self.episodes.draw(rng)
        record = self.rules.record(self.cluster, self.episodes.requests)
        record["running_at_start"] = opening.running
        settle(opening.state, record)
        return opening.state, record

    def result(self, state: State, record: Records, *, clairvoyant: bool = False) -> Result | None:
        """What came of an episode so far, as `simulate` reports it; None until a request is served.

        Request figures are those of the requests served by now. A stationary start's running requests are left out.

        Args:
            state: The cluster.
            record: The episode's record.
            clairvoyant: Whether the agent knew remaining lengths.
        """
        requests = state.requests[int(record["running_at_start"][0]) :]
        served = requests[~np.isnan(requests["finish_s"])]
        if len(served) == 0:
            return None
        steps = state.steps[: state.clock["step"][0]].copy()
        metrics = measure(
            steps,
            served,
            workers=self.cluster.workers,
            idle_w=float(state.constants["idle_w"][0]),
            window=DEFAULT_WINDOW,
            dropped=0,
            clairvoyant=clairvoyant,
        )
        outcome = outcome_of(requests, np.ones(len(requests), np.bool_))
        return Result(metrics=metrics, requests=outcome, steps=steps, clairvoyant=clairvoyant)

"""What an environment is about, be there one of it or a thousand: episodes, rewards, observation."""

from dataclasses import dataclass, fields
from typing import Any

import gymnasium
import numpy as np

from brgym._checks import check_choice, check_option
from brgym.cluster import ClusterConfig, Metrics, Reals, Records, Result
from brgym.cluster.engine import DEFAULT_WINDOW, FROM_POOL, measure, outcome_of
from brgym.envs.episode import Episodes
from brgym.envs.episode_rules import Rules
from brgym.envs.memory import Run
from brgym.envs.observer import Form, Observer
from brgym.envs.reward import settle
from brgym.workload import OfferedLoad, Workload, load_workload
from brgym.workload.offered_load import Load


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
        load: Load | None = None,
        arrivals: str | None = None,
        observation: Form = "flat",
        **options: Any,
    ) -> "RoutingTask":
        """Puts a task together from the environments' arguments; `options` are those of `Rules` and of `Episodes`.

        Raises:
            TypeError: If an argument is of the wrong type, or if there is no such option.
            ValueError: If an argument is outside its range, or if a request could never fit a worker.
        """
        if not isinstance(workload, Workload | str):
            raise TypeError(
                f"workload must be one Workload, or a name or file for load_workload, got {type(workload).__name__}"
            )
        given: dict[str, Any] = {"cluster": cluster, "workload": workload, "binding": binding}
        known = {kind: {field.name for field in fields(kind)} - given.keys() for kind in (Rules, Episodes)}
        for option in options:
            check_option(option, set().union(*known.values()))
        rules, begins = ({name: options[name] for name in names & options.keys()} for names in known.values())
        requests = load_workload(workload) if isinstance(workload, str) else workload
        given["workload"] = OfferedLoad(load, arrivals=arrivals).applied(requests, cluster, seed=0)
        episodes = Episodes(**given, **begins)
        observer = Observer(observation, cluster=cluster, candidates=candidates)
        return cls(
            cluster=cluster,
            binding=binding,
            actions=actions,
            episodes=episodes,
            rules=Rules(**rules),
            observer=observer,
        )

    @staticmethod
    def check_reset(options: dict[str, Any] | None, known: tuple[str, ...] = ()) -> None:
        """Refuses options of `reset` that mean nothing.

        Raises:
            ValueError: If one is not among `known`; the message names the nearest.
        """
        for option in options or ():
            if not known:
                raise ValueError(f"unknown option {option!r} of reset: it takes none here, give it to gymnasium.make")
            check_choice("option of reset", option, known)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        """The space of actions."""
        return gymnasium.spaces.Discrete(self.actions)

    def refusal(self, action: int) -> str:
        """Says why an action is not allowed."""
        if self.binding == FROM_POOL and action == self.actions - 1:
            why = (
                "something fits"
                if self.rules.hold == "forced"
                else "nothing runs and nothing is due, so no time would pass"
            )
            return f"action {action}, to hold, is not valid now: {why}; see info['action_mask']"
        candidate, worker = divmod(action, self.cluster.workers)
        return (
            f"action {action} is not valid now: there is no candidate {candidate}, or it does not fit worker {worker}; "
            "see info['action_mask']"
        )

    def begin(self, rng: np.random.Generator) -> Run:
        """Draws an episode: the cluster at its first moment, and the episode's record."""
        opening = self.episodes.draw(rng)
        record = self.rules.record(self.cluster, self.episodes.requests)
        record["running_at_start"] = opening.running
        settle(opening.state, record)
        return Run(episode=record, pair=np.zeros((1, 2), np.int64), state=opening.state)

    def metrics(self, run: Run, *, clairvoyant: bool = False) -> Metrics:
        """The figures of an episode so far, as `simulate` reports them; arguments as `result`."""
        outcome = self._outcome(run)
        over = ~np.isnan(outcome["finish_s"]) | outcome["cancelled"]
        return measure(
            run.state.steps[: run.state.clock["step"][0]],
            outcome[over],
            self._own(run, run.state.requests)["output_tokens"][over],
            cluster=self.cluster,
            recomputed_tokens=int(run.state.progress["recomputed_tokens"][0]),
            window=DEFAULT_WINDOW,
            slo=None,
            clairvoyant=clairvoyant,
        )

    def result(self, run: Run, *, clairvoyant: bool = False) -> Result:
        """What came of an episode so far, as `simulate` reports it.

        Request figures are those of the requests served by now, NaN where there are none. A stationary start's running
        requests are left out.

        Args:
            run: The cluster and the episode's record.
            clairvoyant: Whether the agent knew remaining lengths.
        """
        requests = self._own(run, run.state.requests)
        hashes = None if self.episodes.workload.prompt_hash is None else requests["prompt_hash"]
        return Result(
            metrics=self.metrics(run, clairvoyant=clairvoyant),
            requests=self._outcome(run),
            steps=run.state.steps[: run.state.clock["step"][0]].copy(),
            clairvoyant=clairvoyant,
            cluster=self.cluster,
            workload=Workload(
                self._arrivals(requests["arrival_s"]), requests["prompt_tokens"], requests["output_tokens"], hashes
            ),
        )

    def _outcome(self, run: Run) -> Records:
        requests = self._own(run, run.state.requests)
        return outcome_of(requests, self._own(run, run.state.lives), np.ones(len(requests), np.bool_))

    @staticmethod
    def _own(run: Run, records: Records) -> Records:
        return records[int(run.episode["running_at_start"][0]) :]

    @staticmethod
    def _arrivals(arrival_s: Reals) -> Reals:
        """Arrivals in order, as a workload has them; those of turns and closed loops may have come about otherwise."""
        return np.maximum.accumulate(np.nan_to_num(arrival_s))

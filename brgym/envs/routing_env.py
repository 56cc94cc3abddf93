"""What the two environments share: an episode, its rewards, what the agent gets to see."""

import operator
from functools import cached_property
from typing import Any, Literal, TypedDict, get_args

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded

from brgym._checks import check_choice
from brgym.cluster import ClusterConfig, Policy, Result, RouterView
from brgym.cluster.drive import view_for
from brgym.cluster.kernel import DECIDE, DONE, LOG_FULL
from brgym.cluster.metrics import DEFAULT_WINDOW, measure
from brgym.cluster.policy import is_clairvoyant
from brgym.cluster.simulate import outcome_of
from brgym.cluster.state import State
from brgym.envs.core import INVALID, Mask, begin_env, mask_env, resume_env, step_env
from brgym.envs.episode import Episodes, Placement, Start
from brgym.envs.observation import Floats, Layout, as_dict, flat_size, observation_space
from brgym.envs.packed import PackedRun, episode_of, pack, state_of, with_longer_log
from brgym.envs.rendering import as_image, as_text
from brgym.envs.reward import Reward, settle
from brgym.envs.rules import InvalidAction, Rules
from brgym.envs.saved import EnvState, Setup
from brgym.workload import Workload, load_workload

Observation = Floats | dict[str, Floats]
RenderMode = Literal["ansi", "rgb_array"]


class RoutingOptions(TypedDict, total=False):
    """The options that both environments have; `StickyRoutingEnv` says what they mean."""

    workload: Workload | str
    observation: Layout
    reward: Reward
    reward_scale: float | None
    episode_requests: int | None
    episode_start: int | Literal["random"]
    start: Start
    occupancy: float
    placement: Placement
    max_decisions: int | None
    max_time_s: float | None
    render_mode: RenderMode | None


class RoutingEnv(gymnasium.Env[Observation, np.int64]):
    """A cluster that asks an agent where requests go; the subclasses say what an action is.

    Attributes:
        cluster: The cluster.
        binding: When requests are bound: `ON_ARRIVAL` or `FROM_POOL`.
    """

    metadata = {"render_modes": list(get_args(RenderMode)), "render_fps": 10}  # noqa: RUF012  # as Gymnasium declares it

    def __init__(
        self,
        cluster: ClusterConfig,
        *,
        binding: int,
        candidates: int,
        actions: int,
        workload: Workload | str = "proprietary-like",
        observation: Layout = "flat",
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
        render_mode: RenderMode | None = None,
    ) -> None:
        self.cluster = cluster
        self.binding = binding
        self._rules = Rules(
            reward=reward,
            reward_scale=reward_scale,
            invalid_action=invalid_action,
            invalid_penalty=invalid_penalty,
            max_decisions=max_decisions,
            max_time_s=max_time_s,
        )
        self._episodes = Episodes(
            cluster=cluster,
            workload=load_workload(workload) if isinstance(workload, str) else workload,
            binding=binding,
            episode_requests=episode_requests,
            episode_start=episode_start,
            start=start,
            occupancy=occupancy,
            placement=placement,
        )
        self._nested = check_choice("observation", observation, get_args(Layout)) == "dict"
        self._columns = flat_size(cluster.workers, candidates)
        self._actions = actions
        self.observation_space = observation_space(observation, cluster.workers, candidates)  # type: ignore[assignment]
        self.action_space = gymnasium.spaces.Discrete(actions)
        self.render_mode = (
            None if render_mode is None else check_choice("render_mode", render_mode, get_args(RenderMode))
        )
        self._run: PackedRun | None = None
        self._clairvoyant = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode and runs on to its first decision.

        Args:
            seed: Decides all randomness of this episode and the following ones.
            options: Not used.

        Returns:
            The observation, and `info` with `action_mask`.
        """
        super().reset(seed=seed)
        opening = self._episodes.draw(self.np_random)
        record = self._rules.record(self.cluster, self._episodes.requests)
        record["running_at_start"] = opening.running
        settle(opening.state, record)
        self._run = pack(opening.state, record)
        self._clairvoyant = False
        observation, mask = self._blank()
        while begin_env(*self._run, observation, mask) == LOG_FULL:
            self._run = with_longer_log(self._run)
        return self._shaped(observation), {"action_mask": mask}

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carries out an action and runs on to the next decision.

        Raises:
            TypeError: If the action is not a whole number.
            ValueError: If it is outside the action space, or invalid now where `invalid_action` is "error"; nothing
                has happened then.
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        number = operator.index(action)
        if not 0 <= number < self._actions:
            raise ValueError(f"action must be in 0..{self._actions - 1}, got {number}")
        run = self._begun()
        observation, mask = self._blank()
        stop, reward = step_env(*run, number, observation, mask)
        while stop == LOG_FULL:
            self._run = run = with_longer_log(run)
            stop, reward = resume_env(*run, observation, mask)
        info: dict[str, Any] = {"action_mask": mask}
        if stop == DECIDE:
            return self._shaped(observation), reward, False, False, info
        if stop == INVALID:
            raise ValueError(self._refusal(number))
        result = self.result()
        if result is not None:
            info["metrics"] = result.metrics.as_dict()
        return self._shaped(observation), reward, stop == DONE, stop != DONE, info

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which actions are valid now, shape (actions,), under the name that sb3-contrib looks for."""
        mask = np.empty(self._actions, np.int8)
        mask_env(*self._begun(), mask)
        return mask.view(np.bool_)

    def action_of(self, candidate: int, worker: int) -> int:
        """The action that routes a candidate to a worker."""
        return candidate * self.cluster.workers + worker

    @property
    def view(self) -> RouterView:
        """What a router sees now; it stays live until the next `reset`."""
        return RouterView(self._state())

    def view_for(self, policy: Policy) -> RouterView:
        """The view that a policy is entitled to; with a clairvoyant one, the episode's results say so from then on."""
        self._clairvoyant |= is_clairvoyant(policy)
        return view_for(policy, self._state())

    def result(self) -> Result | None:
        """What came of the episode so far, as `simulate` reports it; None until a request is served.

        Request figures are those of the requests served by now. A stationary start's running requests are left out.
        """
        state = self._state()
        requests = state.requests[int(episode_of(*self._begun()[:2])["running_at_start"][0]) :]
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
            clairvoyant=self._clairvoyant,
        )
        outcome = outcome_of(requests, np.ones(len(requests), np.bool_))
        return Result(metrics=metrics, requests=outcome, steps=steps, clairvoyant=self._clairvoyant)

    def get_state(self) -> EnvState:
        """Everything that decides how the environment goes on: the episode, and the randomness of those to come.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        return EnvState.of(
            self._setup,
            self._begun(),
            clairvoyant=self._clairvoyant,
            seed=self.np_random_seed,
            generator=self.np_random.bit_generator.state,
        )

    def set_state(self, state: EnvState) -> None:
        """Puts the environment where another one stood that was made with the same arguments, or this one itself.

        Views taken before, a `PolicyAgent`'s too, go on showing what is left behind, as after `reset`. Wrappers know
        nothing of it: one that counts has counted what was played in between.

        Raises:
            ValueError: If the state is of another environment, cluster, workload or option; it names which.
        """
        self._setup.check(state.setup)
        self._run = state.run()
        self._clairvoyant = state.clairvoyant
        self.np_random.bit_generator.state = state.generator
        self._np_random_seed = state.seed

    def render(self) -> str | npt.NDArray[np.uint8] | None:
        """Draws the loads against the envelope, and the pool.

        Returns:
            Text in mode "ansi"; an image of shape (height, width, 3) in mode "rgb_array"; else None.
        """
        if self.render_mode == "ansi":
            return as_text(self.view)
        if self.render_mode == "rgb_array":
            return as_image(self.view)
        return None

    @cached_property
    def _setup(self) -> Setup:
        return Setup.of(type(self).__name__, self._rules, self._episodes)

    def _begun(self) -> PackedRun:
        if self._run is None:
            raise ResetNeeded("call reset() first: no episode has begun")
        return self._run

    def _state(self) -> State:
        return state_of(*self._begun())

    def _blank(self) -> tuple[Floats, Mask]:
        return np.empty(self._columns, np.float32), np.empty(self._actions, np.int8)

    def _shaped(self, flat: Floats) -> Observation:
        return as_dict(flat, self.cluster.workers) if self._nested else flat

    def _refusal(self, action: int) -> str:
        candidate, worker = divmod(action, self.cluster.workers)
        return (
            f"action {action} is not valid now: there is no candidate {candidate}, or it does not fit worker {worker}; "
            "see info['action_mask']"
        )

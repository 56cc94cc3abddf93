"""One environment: an agent routes the requests of a cluster."""

import operator
from functools import cached_property
from typing import Any, Literal, get_args

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding

from brgym._checks import check_choice
from brgym.cluster import Policy, Result, RouterView, is_clairvoyant
from brgym.cluster.engine import DECIDE, DONE, LOG_FULL, Bytes, State, view_for
from brgym.envs.memory import PackedRun, pack, shielded, unpacked, with_longer_log
from brgym.envs.observation import Floats
from brgym.envs.observer import Observation
from brgym.envs.rendering import as_text
from brgym.envs.saved import EnvState, Setup
from brgym.envs.stepping import INVALID, Mask, begin_env, mask_env, resume_env, step_env
from brgym.envs.task import RoutingTask
from brgym.plumbing.cluster_picture import ClusterShown, paint

RenderMode = Literal["ansi", "rgb_array"]


class RoutingEnv(gymnasium.Env[Observation, np.int64]):
    """A cluster that asks an agent where requests go; the subclasses say what an action is.

    Attributes:
        task: What is to be done.
    """

    metadata = {"render_modes": list(get_args(RenderMode)), "render_fps": 10}  # noqa: RUF012  # as Gymnasium declares it

    def __init__(self, task: RoutingTask, *, render_mode: RenderMode | None = None) -> None:
        self.task = task
        self.cluster = task.cluster
        self.binding = task.binding
        self.observation_space = task.observer.space  # type: ignore[assignment]
        self.action_space = task.action_space
        self.render_mode = (
            None if render_mode is None else check_choice("render_mode", render_mode, get_args(RenderMode))
        )
        self._run: PackedRun | None = None
        self._shield: tuple[Bytes, State] | None = None
        self._clairvoyant = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode and runs on to its first decision.

        Args:
            seed: Decides all randomness of this episode and the following ones.
            options: None or empty: there are none.

        Returns:
            The observation, and `info` with `action_mask`.

        Raises:
            ValueError: If an option is given.
        """
        self.task.check_reset(options)
        super().reset(seed=seed)
        self._run = run = pack(self.task.begin(self.np_random))
        self._clairvoyant = False
        rows, core_rows, mask = self._blank()
        while begin_env(*run, core_rows, mask) == LOG_FULL:
            self._run = run = with_longer_log(run)
        return self._shown(rows), {"action_mask": mask}

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carries out an action and runs on to the next decision.

        An episode that has ended stays as it is: any action gives the same end again, and earns nothing.

        Raises:
            TypeError: If the action is not a whole number.
            ValueError: If it is outside the action space, or invalid now where `invalid_action` is "error"; nothing
                has happened then.
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        number = operator.index(action)
        if not 0 <= number < self.task.actions:
            raise ValueError(f"action must be in 0..{self.task.actions - 1}, got {number}")
        run = self._begun()
        rows, core_rows, mask = self._blank()
        stop, reward = step_env(*run, number, core_rows, mask)
        while stop == LOG_FULL:
            self._run = run = with_longer_log(run)
            stop, reward = resume_env(*run, core_rows, mask)
        info: dict[str, Any] = {"action_mask": mask}
        if stop == DECIDE:
            return self._shown(rows), reward, False, False, info
        if stop == INVALID:
            raise ValueError(self.task.refusal(number))
        info["metrics"] = self.task.metrics(unpacked(run), clairvoyant=self._clairvoyant).as_dict()
        return self._shown(rows), reward, stop == DONE, stop != DONE, info

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which actions are valid now, shape (actions,), under the name that sb3-contrib looks for."""
        mask = np.empty(self.task.actions, np.int8)
        mask_env(*self._begun(), mask)
        return mask.view(np.bool_)

    def action_of(self, candidate: int, worker: int) -> int:
        """The action that routes a candidate to a worker."""
        return candidate * self.cluster.workers + worker

    @property
    def view(self) -> RouterView:
        """What a router sees now; it stays live until the next `reset`."""
        return RouterView(self._shielded())

    def view_for(self, policy: Policy) -> RouterView:
        """The view that a policy is entitled to; with a clairvoyant one, the episode's results say so from then on."""
        self._clairvoyant |= is_clairvoyant(policy)
        return view_for(policy, self._shielded())

    def result(self) -> Result:
        """What came of the episode so far, as `simulate` reports it.

        Request figures are those of the requests served by now, NaN where there are none. A stationary start's running
        requests are left out.
        """
        return self.task.result(unpacked(self._begun()), clairvoyant=self._clairvoyant)

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
            TypeError: If it is no `EnvState`.
            ValueError: If it is of another environment, cluster, workload or option; the message names which.
        """
        if not isinstance(state, EnvState):
            raise TypeError(f"state must be an EnvState from get_state(), got {state!r}")
        self._setup.check(state.setup)
        self._run = state.run()
        self._clairvoyant = state.clairvoyant
        if state.seed >= 0:  # what has been drawn since says whether an episode is the first after its seed
            self._np_random = seeding.np_random(state.seed)[0]
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
            return paint(ClusterShown.of(self.view))
        return None

    @cached_property
    def _setup(self) -> Setup:
        return Setup.of(type(self).__name__, self.task)

    def _begun(self) -> PackedRun:
        if self._run is None:
            raise ResetNeeded("call reset() first: no episode has begun")
        return self._run

    def _state(self) -> State:
        return unpacked(self._begun()).state

    def _shielded(self) -> State:
        """The state that views are made of; its log may be an older one, which no view shows."""
        run = self._begun()
        if self._shield is None or self._shield[0] is not run.memory:
            self._shield = run.memory, shielded(unpacked(run).state)
        return self._shield[1]

    def _blank(self) -> tuple[Floats, Floats, Mask]:
        return *self.task.observer.buffers(), np.empty(self.task.actions, np.int8)

    def _shown(self, row: Floats) -> Observation:
        observer = self.task.observer
        run = self._begun()
        observer.complete(run.memory, run.places, run.log, row)
        return observer.shaped(row)

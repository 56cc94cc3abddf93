"""The native vector environments: `gymnasium.make_vec("brgym/StickyRouting-v0", num_envs=1024)`."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from brgym._checks import check_choice, check_integer
from brgym.cluster import Integers, Reals, RouterView
from brgym.cluster.engine import DECIDE, DONE
from brgym.envs.arrival_routing import arrival_task
from brgym.envs.batch import Batch, Shares, begin_rows, out_of_log, resume_rows, step_rows
from brgym.envs.memory import PackedRun, bytes_of, longer_log, places_of, shielded, unpacked, write
from brgym.envs.observer import Observation
from brgym.envs.sticky_routing import sticky_task
from brgym.envs.task import RoutingTask

_ROWS_A_THREAD = 64
"""Environments for which it pays to wake a thread."""

Flags = npt.NDArray[np.bool_]
RowKernel = Callable[[Batch, Integers], None]


class RoutingVectorEnv(gymnasium.vector.VectorEnv[Observation, Integers, npt.NDArray[Any]]):
    """Many environments of one task, stepped by compiled code without a loop in Python.

    It gives what `gymnasium.vector.SyncVectorEnv` over single environments gives, number for number: observations,
    rewards, ends, `final_obs` and `final_info`, masks and metrics in `info`; environment i is reset with seed + i.
    What it returns is never written to again.

    `info["action_mask"]` has shape (num_envs, actions), from `reset` and `step`. The memory of an environment grows
    with the requests of an episode, some 300 bytes each.

    Args:
        num_envs: Number of environments, at least 1.
        autoreset_mode: When an environment that has ended begins anew: with the next step (whose action it ignores), in
            the same step, or when told by `reset(options={"reset_mask": ...})`; an `AutoresetMode` or its name.
        threads: Threads that share the environments; None for as many as there are processors, where each has enough
            to do. Their number changes nothing but the speed.
        **options: Those of the single environment but `render_mode`.

    Attributes:
        task: What is to be done.
        make_task: Makes the task from the options.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is outside its range.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  # as Gymnasium declares it

    make_task: ClassVar[Callable[..., RoutingTask]]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        **options: Any,
    ) -> None:
        self.task = task = self.make_task(**options)
        self.num_envs = check_integer("num_envs", num_envs, minimum=1)
        self.autoreset_mode = _mode(autoreset_mode)
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = task.observer.space
        self.single_action_space = task.action_space
        self.observation_space = batch_space(task.observer.space, num_envs)
        self.action_space = batch_space(task.action_space, num_envs)
        self._shares = Shares(_threads(threads, num_envs))
        self._generators: list[np.random.Generator | None] = [None] * num_envs
        self._batch: Batch | None = None
        self._ended: Flags = np.zeros(num_envs, np.bool_)

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]  # as SyncVectorEnv has it
        """Each environment's source of randomness."""
        return tuple(self._generator(row) for row in range(self.num_envs))

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode in every environment, or in those that `options["reset_mask"]` names.

        Args:
            seed: Decides the randomness of the episodes begun here and of those that follow: seed + i for environment
                i; or one for each environment, None leaving the source of randomness as it is.
            options: `reset_mask`: which environments to reset, booleans of shape (num_envs,).

        Returns:
            The observations and `info`, of all environments.

        Raises:
            TypeError: If `reset_mask` is not an array of booleans.
            ValueError: If it has another shape or names none, if an option is another, or if there are more or fewer
                seeds than environments.
            gymnasium.error.ResetNeeded: If it leaves one out before all have begun.
        """
        self.task.check_reset(options, known=("reset_mask",))
        seeds = self._seeds(seed)
        rows = self._chosen(None if options is None else options.get("reset_mask"))
        for row in rows:
            if seeds[row] is not None:
                self._generators[row] = seeding.np_random(seeds[row])[0]
        self._begin(rows)
        return self._shown(), self._masks()

    def step(self, actions: npt.ArrayLike) -> tuple[Observation, Reals, Flags, Flags, dict[str, Any]]:
        """Carries out an action in each environment and runs each on to its next decision.

        Args:
            actions: Whole numbers, shape (num_envs,).

        Raises:
            TypeError: If they are not whole numbers.
            ValueError: If one is outside the action space, or invalid now where `invalid_action` is "error"; the
                message names the environment, and nothing has happened in any.
            gymnasium.error.ResetNeeded: Before the first `reset`, or where an environment has ended and is not reset by
                itself.
        """
        batch = self._begun()
        if self.autoreset_mode == AutoresetMode.DISABLED and self._ended.any():
            raise ResetNeeded(f"environment {int(np.argmax(self._ended))} has ended: reset it, see `reset_mask`")
        going = np.flatnonzero(~self._ended)
        chosen = self._checked(actions, going, batch)
        self._begin(np.flatnonzero(self._ended))
        self._run(partial(step_rows, actions=chosen), going, go_on=resume_rows)
        self._complete()
        return self._outcome(going)

    def view(self, row: int) -> RouterView:
        """What a router sees of environment `row` now; it stays live until that is reset."""
        return RouterView(shielded(unpacked(self._packed(row)).state))

    def action_masks(self) -> Flags:
        """Which actions are valid now, shape (num_envs, actions)."""
        return self._begun().mask.view(np.bool_).copy()

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the threads."""
        self._shares.close()

    def _outcome(self, stepped: Integers) -> tuple[Observation, Reals, Flags, Flags, dict[str, Any]]:
        """What `step` returns, and a new episode where one has ended and is to begin anew at once."""
        batch = self._begun()
        stopped = stepped[batch.stops[stepped] != DECIDE]
        rewards, terminated, truncated = np.zeros(self.num_envs), *np.zeros((2, self.num_envs), np.bool_)
        rewards[stepped] = batch.rewards[stepped]
        terminated[stopped] = batch.stops[stopped] == DONE
        truncated[stopped] = ~terminated[stopped]
        endings = [self._ending(row) for row in stopped]
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            self._begin(stopped)
        else:
            self._ended = terminated | truncated
        info = self._masks()
        for row, ending in zip(stopped, endings, strict=True):
            info = self._add_info(info, ending, row)
        return self._shown(), rewards, terminated, truncated, info

    def _ending(self, row: int) -> dict[str, Any]:
        """What `info` says of an environment that has just ended."""
        found = {"metrics": self.task.metrics(unpacked(self._packed(row))).as_dict()}
        if self.autoreset_mode != AutoresetMode.SAME_STEP:
            return found
        batch = self._begun()
        final_info = {"action_mask": batch.mask[row].copy()} | found
        return {"final_obs": self.task.observer.shaped(self._rows[row].copy()), "final_info": final_info}

    def _begin(self, rows: Integers) -> None:
        """Begins an episode in each of `rows`."""
        for row in rows:
            run = self.task.begin(self._generator(row))
            batch = self._batch or self._allocate(places_of(run), run.state.steps.nbytes)
            write(run, batch.memory[row], batch.places)
        self._run(begin_rows, rows, go_on=begin_rows)
        self._ended[rows] = False
        for row in rows:
            begun = self._packed(row)
            self.task.observer.complete(begun.memory, begun.places, begun.log, self._rows[row])

    def _allocate(self, places: Integers, log_bytes: int) -> Batch:
        count = self.num_envs
        self._rows, core_rows = self.task.observer.buffers(count)
        self._batch = Batch(
            memory=np.zeros((count, bytes_of(places)), np.uint8),
            places=places,
            log=np.zeros((count, log_bytes), np.uint8),
            regimes=self.task.episodes.regimes,
            observation=core_rows,
            mask=np.zeros((count, self.task.actions), np.int8),
            stops=np.zeros(count, np.int64),
            rewards=np.zeros(count),
        )
        return self._batch

    def _run(self, kernel: RowKernel, rows: Integers, *, go_on: RowKernel) -> None:
        """Calls a kernel for some environments, and `go_on` for those whose logs were too short, with longer ones."""
        self._shares.run(partial(kernel, self._begun()), rows)
        while len(waiting := out_of_log(self._begun(), rows)):
            self._batch = self._begun()._replace(log=longer_log(self._begun().log))
            self._shares.run(partial(go_on, self._batch), waiting)

    def _packed(self, row: int) -> PackedRun:
        batch = self._begun()
        return PackedRun(batch.memory[row], batch.places, batch.log[row], batch.regimes)

    def _begun(self) -> Batch:
        if self._batch is None:
            raise ResetNeeded("call reset() first: no episode has begun")
        return self._batch

    def _checked(self, actions: npt.ArrayLike, rows: Integers, batch: Batch) -> Integers:
        """The actions, if those of `rows` are allowed."""
        chosen = np.asarray(actions)
        if chosen.shape != (self.num_envs,) or chosen.dtype.kind not in "iu":
            raise TypeError(
                f"actions must be {self.num_envs} whole numbers, got {chosen.dtype} of shape {chosen.shape}"
            )
        chosen = np.ascontiguousarray(chosen, np.int64)
        theirs = chosen[rows]
        bad = np.flatnonzero((theirs < 0) | (theirs >= self.task.actions))
        if len(bad):
            row = rows[bad[0]]
            raise ValueError(f"environment {row}: action must be in 0..{self.task.actions - 1}, got {chosen[row]}")
        bad = np.flatnonzero(batch.mask[rows, theirs] == 0)
        if len(bad) and self.task.rules.invalid_action == "error":
            row = rows[bad[0]]
            raise ValueError(f"environment {row}: {self.task.refusal(chosen[row])}")
        return chosen

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None or isinstance(seed, int | np.integer):
            return [None if seed is None else int(seed) + row for row in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"seed must be one number, or one for each of {self.num_envs} environments: {len(seed)}")
        return list(seed)

    def _chosen(self, reset_mask: Any) -> Integers:
        """Rows to reset."""
        if reset_mask is None:
            return np.arange(self.num_envs)
        if not isinstance(reset_mask, np.ndarray) or reset_mask.dtype != np.bool_:
            raise TypeError(f"reset_mask must be an array of booleans, got {reset_mask!r}")
        if reset_mask.shape != (self.num_envs,) or not reset_mask.any():
            raise ValueError(f"reset_mask must name one of {self.num_envs} environments or more, got {reset_mask}")
        if self._batch is None and not reset_mask.all():
            raise ResetNeeded("reset all environments first: no episode has begun")
        return np.flatnonzero(reset_mask)

    def _generator(self, row: int) -> np.random.Generator:
        known = self._generators[row]
        if known is None:
            known = self._generators[row] = seeding.np_random()[0]
        return known

    def _complete(self) -> None:
        batch = self._begun()
        self.task.observer.complete(batch.memory, batch.places, batch.log, self._rows)

    def _shown(self) -> Observation:
        return self.task.observer.shaped(self._rows.copy())

    def _masks(self) -> dict[str, Any]:
        mask = self._begun().mask.copy()
        return {"action_mask": mask, "_action_mask": np.ones(self.num_envs, np.bool_)}


class StickyRoutingVectorEnv(RoutingVectorEnv):
    """Many `StickyRoutingEnv`: actions, observations, rewards and options are as there."""

    make_task = staticmethod(sticky_task)


class ArrivalRoutingVectorEnv(RoutingVectorEnv):
    """Many `ArrivalRoutingEnv`: actions, observations, rewards and options are as there."""

    make_task = staticmethod(arrival_task)


def _mode(mode: AutoresetMode | str) -> AutoresetMode:
    name = mode.name if isinstance(mode, AutoresetMode) else str(mode)
    return AutoresetMode[
        check_choice("autoreset_mode", name.upper().replace("-", "_"), [m.name for m in AutoresetMode])
    ]


def _threads(threads: int | None, num_envs: int) -> int:
    if threads is not None:
        return check_integer("threads", threads, minimum=1)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, num_envs // _ROWS_A_THREAD))

"""Smaller action spaces for `StickyRoutingEnv`: the agent chooses the request or the worker, a rule the other."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from brgym._checks import check_integer
from brgym.envs.sticky_routing import StickyRoutingEnv
from brgym.envs.wrappers.completion import CANDIDATE_RULES, WORKER_RULES, Rule, rule_of

Mask = npt.NDArray[np.int8]


class _OneChoice(gymnasium.Wrapper[Any, np.int64, Any, np.int64], RecordConstructorArgs):
    """What the two have in common; `axis` is the one of (candidates, workers) that the rule decides."""

    axis: ClassVar[int]
    rules: ClassVar[dict[str, Rule]]

    def __init__(self, env: gymnasium.Env[Any, np.int64], *, rule: str | Rule) -> None:
        RecordConstructorArgs.__init__(self, rule=rule)
        gymnasium.Wrapper.__init__(self, env)
        if not isinstance(env.unwrapped, StickyRoutingEnv):
            raise TypeError(f"env must be a StickyRoutingEnv, got {env.unwrapped!r}")
        if env.action_space != env.unwrapped.action_space:
            raise TypeError(f"env must have the actions of StickyRoutingEnv, got {env.action_space}")
        self._env = env.unwrapped
        self._rule = rule_of(rule, self.rules)
        self._choices = (self._env.hold // self._env.cluster.workers, self._env.cluster.workers)
        self.action_space = spaces.Discrete(self.hold + 1)

    @property
    def hold(self) -> int:
        """The action that runs the next decode step: the last one."""
        return self._choices[1 - self.axis]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's own, with the mask of these actions."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._with_mask(info)

    def step(self, action: np.int64) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Carries out the agent's choice with the rule's.

        Raises:
            TypeError: If the action is not a whole number.
            ValueError: If it is outside the action space, or if the rule chooses what does not fit. A choice with
                which nothing fits is treated as the environment's `invalid_action` has it.
        """
        chosen = check_integer("action", action, minimum=0, maximum=self.hold)
        pair = self._env.hold if chosen == self.hold else self._env.action_of(*self._completed(chosen))
        observation, reward, terminated, truncated, info = self.env.step(np.int64(pair))
        return observation, reward, terminated, truncated, self._with_mask(info)

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which actions are valid now, shape (actions,)."""
        return self._reduced(self._env.action_masks()).view(np.bool_)

    def _completed(self, chosen: int) -> tuple[int, int]:
        """The pair of the agent's choice and the rule's; with 0 where nothing fits, which is then invalid as well."""
        view = self._env.view
        fits = view.fits()
        possible: list[int] = []
        if chosen < fits.shape[1 - self.axis]:
            possible = np.flatnonzero(np.take(fits, chosen, axis=1 - self.axis)).tolist()
        other = 0
        if possible:
            other = check_integer(f"choice of {self._rule!r}", self._rule(view, chosen), minimum=0)
            if other not in possible:
                raise ValueError(f"{self._rule!r} chooses {other} for {chosen}; what fits is {possible}")
        return (chosen, other) if self.axis == 1 else (other, chosen)

    def _with_mask(self, info: dict[str, Any]) -> dict[str, Any]:
        return info | {"action_mask": self._reduced(info["action_mask"])}

    def _reduced(self, mask: npt.NDArray[Any]) -> Mask:
        pairs = mask[:-1].reshape(self._choices)
        return np.append(pairs.any(axis=self.axis), mask[-1]).astype(np.int8)


class RequestOnly(_OneChoice):
    """The agent chooses which candidate is admitted, or holds; a rule chooses the worker.

    Actions are `Discrete(candidates + 1)`: the candidate (0 is the oldest), or, last, hold. A candidate is valid if it
    fits some worker.

    Args:
        env: A `StickyRoutingEnv`, wrapped or not.
        rule: "lowest-load" (`least-kv`'s) or "most-free-slots" (BR-0's), each among the workers on which the candidate
            fits; or a function of the `RouterView` and the candidate that returns such a worker.

    Raises:
        TypeError: If `env` is another environment, or `rule` neither a name nor a function.
        ValueError: If the name is unknown.
    """

    axis = 1
    rules = WORKER_RULES

    def __init__(self, env: gymnasium.Env[Any, np.int64], *, rule: str | Rule = "lowest-load") -> None:
        super().__init__(env, rule=rule)


class WorkerOnly(_OneChoice):
    """The agent chooses which worker gets a request, or holds; a rule chooses the candidate.

    Actions are `Discrete(workers + 1)`: the worker, or, last, hold. A worker is valid if some candidate fits it.

    Args:
        env: A `StickyRoutingEnv`, wrapped or not.
        rule: "oldest" (`least-kv`'s) or "best-f" (BR-0's: the largest F, ties: the older), each among the candidates
            that fit the worker; or a function of the `RouterView` and the worker that returns such a candidate.

    Raises:
        TypeError: If `env` is another environment, or `rule` neither a name nor a function.
        ValueError: If the name is unknown.
    """

    axis = 0
    rules = CANDIDATE_RULES

    def __init__(self, env: gymnasium.Env[Any, np.int64], *, rule: str | Rule = "oldest") -> None:
        super().__init__(env, rule=rule)

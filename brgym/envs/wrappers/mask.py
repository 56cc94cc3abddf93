"""The action mask as a part of the observation, for libraries that look for it there."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs


class MaskInObservation(
    gymnasium.Wrapper[dict[str, Any], np.int64, Any, np.int64],
    RecordConstructorArgs,
):
    """Observations become a `Dict` of the observation and the mask; `info["action_mask"]` stays where it is.

    torchrl reads the key `action_mask`; RLlib's masked modules `action_mask` and `observations`; tianshou `mask` and
    `obs`. Wrappers that change the observation (normalisation) or the actions (`RequestOnly`) belong inside this one.

    ```pycon
    >>> import brgym, gymnasium
    >>> workload = brgym.Workload([0.0] * 3, [100, 400, 200], [3, 4, 5])
    >>> env = gymnasium.make("brgym/ArrivalRouting-v0", cluster=brgym.ClusterConfig(workers=2), workload=workload)
    >>> observation, info = MaskInObservation(env, observation_key="obs", mask_key="mask").reset(seed=0)
    >>> list(observation), observation["mask"]
    (['obs', 'mask'], array([1, 1], dtype=int8))

    ```

    Args:
        env: An environment whose `info` has `action_mask`, with a `Discrete` action space.
        observation_key: Where the observation goes; None puts the mask beside the parts of a `Dict` observation, for
            libraries that refuse a `Dict` in a `Dict`.
        mask_key: Where the mask goes, int8, shape (actions,).

    Raises:
        TypeError: If the action space is not `Discrete`, or if `observation_key` is None and the observation no `Dict`.
        ValueError: If a key is taken.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, np.int64],
        *,
        observation_key: str | None = "observation",
        mask_key: str = "action_mask",
    ) -> None:
        RecordConstructorArgs.__init__(self, observation_key=observation_key, mask_key=mask_key)
        gymnasium.Wrapper.__init__(self, env)
        self._observation_key, self._mask_key = observation_key, mask_key
        if not isinstance(env.action_space, spaces.Discrete):
            raise TypeError(f"env must have a Discrete action space, got {env.action_space}")
        parts = self._parts(env.observation_space)
        if mask_key in parts:
            raise ValueError(f"mask_key {mask_key!r} is taken: the observation has {', '.join(parts)}")
        mask_space = spaces.Box(0, 1, (int(env.action_space.n),), np.int8)
        self.observation_space = spaces.Dict(parts | {mask_key: mask_space})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As the environment's own, with the mask in the observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._with_mask(observation, info), info

    def step(self, action: np.int64) -> tuple[dict[str, Any], Any, bool, bool, dict[str, Any]]:
        """As the environment's own, with the mask in the observation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with_mask(observation, info), reward, terminated, truncated, info

    def _with_mask(self, observation: Any, info: dict[str, Any]) -> dict[str, Any]:
        parts = observation if self._observation_key is None else {self._observation_key: observation}
        return {**parts, self._mask_key: info["action_mask"].copy()}

    def _parts(self, space: spaces.Space[Any]) -> dict[str, spaces.Space[Any]]:
        if self._observation_key is not None:
            return {self._observation_key: space}
        if not isinstance(space, spaces.Dict):
            raise TypeError(
                f"observation_key must be given: only a Dict observation has room for the mask, got {space}"
            )
        return dict(space.spaces)

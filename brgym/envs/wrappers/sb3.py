"""Gymnasium's vector environments, our native ones first of all, for stable-baselines3."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

Indices = int | Iterable[int] | None

_ENDED = ("final_obs", "final_info")


class SB3VecEnv(VecEnv):
    """A vector environment as stable-baselines3 wants it, equal to its `DummyVecEnv` of single ones.

    Ended episodes are begun anew in the same step; `infos[i]` then holds the last observation as
    `terminal_observation`, `TimeLimit.truncated`, and everything that the last step told. The masks are where
    sb3-contrib looks for them: `env_method("action_masks")`. Observations may be arrays or a flat `Dict`.

    Args:
        envs: Made with `autoreset_mode=AutoresetMode.SAME_STEP`; its `info` has `action_mask`.

    Raises:
        ValueError: If it begins episodes anew in another way.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(f"envs must be made with autoreset_mode=AutoresetMode.SAME_STEP, got {mode}")
        self.envs = envs
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> Any:
        """Begins an episode in each environment, with the seeds of the last call of `seed`."""
        seeds: Any = None if all(seed is None for seed in self._seeds) else self._seeds  # a list, as all of them allow
        observations, infos = self.envs.reset(seed=seeds)
        self.reset_infos = [_info_of(infos, env) for env in range(self.num_envs)]
        self._masks = infos["action_mask"].astype(np.bool_)
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        """Takes the actions, shape (environments,)."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Carries the actions out."""
        observations, rewards, terminated, truncated, batch = self.envs.step(self._actions)
        self._masks = batch["action_mask"].astype(np.bool_)
        ended = terminated | truncated
        infos = [_info_of(batch, env) for env in range(self.num_envs)]
        for info in infos:
            info["TimeLimit.truncated"] = False
        for env in np.flatnonzero(ended).tolist():
            self.reset_infos[env] = _info_of(batch, env)
            infos[env] |= _info_of(batch["final_info"], env)
            infos[env]["TimeLimit.truncated"] = bool(truncated[env] and not terminated[env])
            infos[env]["terminal_observation"] = batch["final_obs"][env]
        return observations, rewards.astype(np.float32), ended, infos

    def close(self) -> None:
        """Closes the environments."""
        self.envs.close()

    def get_images(self) -> Sequence[Any]:
        """A picture of each environment, for those that draw."""
        return self.envs.render() or ()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute of the vector environment for each single one; `action_masks` is a method of each.

        Raises:
            AttributeError: If it has none of that name.
        """
        numbers = self._get_indices(indices)
        if attr_name == "action_masks":
            return [partial(self._masks_of, env) for env in numbers]
        return [getattr(self.envs, attr_name) for _ in numbers]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Not to be had.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(f"attributes of {self.envs} are set when it is made, and {attr_name!r} cannot be set here")

    def env_method(self, method_name: str, *args: Any, indices: Indices = None, **kwargs: Any) -> list[Any]:
        """Calls a method for each environment; the one there is, is `action_masks`.

        Raises:
            AttributeError: For any other.
        """
        if method_name != "action_masks":
            raise AttributeError(f"{self.envs} steps all its environments at once, and none has a {method_name!r}")
        methods: list[Callable[..., Any]] = self.get_attr(method_name, indices)
        return [method(*args, **kwargs) for method in methods]

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """False for each: no environment stands alone, so none is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def _masks_of(self, env: int) -> npt.NDArray[np.bool_]:
        return self._masks[env]


def _info_of(batch: dict[str, Any], env: int) -> dict[str, Any]:
    """One environment's part of Gymnasium's batched infos, where `_key` says who has `key`."""
    return {
        key: _info_of(value, env) if isinstance(value, dict) else value[env]
        for key, value in batch.items()
        if not key.startswith("_") and key not in _ENDED and batch[f"_{key}"][env]
    }

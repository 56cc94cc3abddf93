"""Any policy as an agent: what it decides at once, an environment is told one action at a time."""

from collections import deque
from typing import Any, cast

import gymnasium

from brgym.cluster import Policy, room_for_pairs
from brgym.cluster.engine import binding_of, decide, refusal
from brgym.envs.routing_env import RoutingEnv
from brgym.envs.sticky_routing import StickyRoutingEnv


class PolicyAgent:
    """Drives an environment with a policy; the episode is then the run that `simulate` makes, bit for bit.

    The policy is asked when the pairs of its last decision are used up, through the environment's live view. It binds
    from the pool in `StickyRoutingEnv` and on arrival in `ArrivalRoutingEnv`. Where one lets time stand still, the
    environment's `step` refuses its action, as `simulate` refuses the policy; with `hold="forced"` it refuses one that
    admits nothing where something fits.

    ```pycon
    >>> import baselines, brgym, gymnasium
    >>> env = gymnasium.make("brgym/StickyRouting-v0", episode_requests=50)
    >>> agent = PolicyAgent(baselines.make("br-0"), env)
    >>> observation, info = env.reset()
    >>> agent.reset(seed=0)
    >>> ended = False
    >>> while not ended:
    ...     observation, reward, terminated, truncated, info = env.step(agent.act())
    ...     ended = terminated or truncated
    >>> info["metrics"]["requests"]
    50

    ```

    Args:
        policy: Any policy: `ArrivalPolicy`, `PoolPolicy` or `CompiledPolicy`.
        env: The environment, wrapped or not; its actions must be the unwrapped environment's.

    Raises:
        TypeError: If `policy` is none, if `env` is not one of ours, or if they bind at different times.
    """

    def __init__(self, policy: Policy, env: gymnasium.Env[Any, Any]) -> None:
        unwrapped = env.unwrapped
        if not isinstance(unwrapped, RoutingEnv):
            raise TypeError(f"env must be a routing environment of brgym, got {env!r}")
        if binding_of(policy) != unwrapped.binding:
            raise TypeError(
                f"{type(unwrapped).__name__} has no use for {type(policy).__name__}: it binds at another time"
            )
        self._policy = policy
        self._env = unwrapped
        self._pairs = room_for_pairs(unwrapped.cluster)
        self._actions: deque[int] = deque()

    def reset(self, seed: int = 0) -> None:
        """Begins an episode; call it after the environment's `reset`.

        Args:
            seed: Decides all randomness of the policy.
        """
        self._policy.reset(self._env.cluster, seed)
        self._view = self._env.view_for(self._policy)
        self._actions.clear()

    def act(self) -> int:
        """The next action.

        Raises:
            ValueError: If the policy decides what is not allowed; the message names it. A pair that does not fit is
                refused by the environment's `step`, or here, where nothing fitted any more and time has passed.
        """
        if self._actions and self._view.boundary != self._boundary:
            raise ValueError(refusal(self._policy, self._view, self._pairs, self._count - len(self._actions)))
        if not self._actions:
            self._decide()
        return self._actions.popleft()

    def _decide(self) -> None:
        self._count = decide(self._policy, self._view, self._pairs)
        self._boundary = self._view.boundary
        if self._count == 0:
            self._actions.append(cast(StickyRoutingEnv, self._env).hold)  # binding on arrival always decides
        shown = len(self._view.candidates)
        admitted: list[int] = []
        for row, (candidate, worker) in enumerate(self._pairs[: self._count].tolist()):
            if not (0 <= candidate < shown and 0 <= worker < self._view.workers) or candidate in admitted:
                raise ValueError(refusal(self._policy, self._view, self._pairs, row, carried_out=0))
            older_gone = sum(earlier < candidate for earlier in admitted)
            self._actions.append(self._env.action_of(candidate - older_gone, worker))
            admitted.append(candidate)

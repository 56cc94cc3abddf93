"""Small clusters and workloads, and how an episode is played on them."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from hypothesis import strategies as st

from brgym import ClusterConfig, Power, StepTime, Workload

STICKY, ARRIVAL = "brgym/StickyRouting-v0", "brgym/ArrivalRouting-v0"
IDS = (STICKY, ARRIVAL)


class Played(NamedTuple):
    observations: list[Any]
    masks: list[np.ndarray]
    rewards: list[float]
    actions: list[int]
    terminated: bool
    truncated: bool
    info: dict[str, Any]


def play(env: gymnasium.Env, choose: Callable[[np.ndarray], int], *, seed: int = 0, most: int = 100_000) -> Played:
    """Plays an episode; `choose` is given the mask. At most `most` actions."""
    observation, info = env.reset(seed=seed)
    observations, masks = [observation], [info["action_mask"]]
    rewards: list[float] = []
    actions: list[int] = []
    terminated = truncated = False
    while not (terminated or truncated) and len(actions) < most:
        actions.append(int(choose(masks[-1])))
        observation, reward, terminated, truncated, info = env.step(actions[-1])
        observations.append(observation)
        masks.append(info["action_mask"])
        rewards.append(float(reward))
    return Played(observations, masks, rewards, actions, terminated, truncated, info)


def at_random(seed: int) -> Callable[[np.ndarray], int]:
    """Chooses among the valid actions."""
    rng = np.random.default_rng(seed)
    return lambda mask: rng.choice(np.flatnonzero(mask))


def first_valid(mask: np.ndarray) -> int:
    return int(np.argmax(mask))


def some_requests(count: int = 60, *, seed: int = 0, pace_s: float = 0.05) -> Workload:
    rng = np.random.default_rng(seed)
    arrival_s = np.cumsum(rng.exponential(pace_s, count))
    return Workload(arrival_s, rng.integers(1, 300, count), rng.integers(1, 40, count), rng.integers(0, 9, count))


@st.composite
def clusters(draw: st.DrawFn, *, largest_request: int) -> ClusterConfig:
    spare_tokens = draw(st.none() | st.integers(0, 10) | st.integers(0, 60))
    return ClusterConfig(
        workers=draw(st.integers(1, 4)),
        slots=draw(st.integers(1, 5)),
        step_time=StepTime.barrier(base_s=draw(st.floats(0.001, 0.5)), per_token_s=draw(st.floats(0.0, 0.01))),
        kv_capacity=None if spare_tokens is None else largest_request + spare_tokens,
        candidates=draw(st.integers(1, 6)),
        recompute_s_per_token=draw(st.sampled_from([0.0, 0.001, 0.1])),
        power=Power(),
    )


@st.composite
def scenarios(draw: st.DrawFn) -> tuple[ClusterConfig, Workload]:
    count = draw(st.integers(1, 30))
    gaps_s = draw(st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.2, 3.0]), min_size=count, max_size=count))
    tokens = st.lists(st.integers(1, 30), min_size=count, max_size=count)
    workload = Workload(list(accumulate(gaps_s)), draw(tokens), draw(tokens))
    largest = int((workload.prompt_tokens + workload.output_tokens).max())
    return draw(clusters(largest_request=largest)), workload

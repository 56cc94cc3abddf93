"""The rules of an episode: what is rewarded, what an invalid action does, when it is cut short."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from brgym._checks import check_choice, keep_integers, keep_reals
from brgym.cluster import ClusterConfig, Records
from brgym.envs.memory import EPISODE
from brgym.envs.reward import REWARDS, Reward, default_scale

_MAX_REWARD = 1e100  # times the tokens and seconds of any episode it is finite

InvalidAction = Literal["error", "hold"]
Hold = Literal["when-running", "forced"]

DECISIONS_A_REQUEST = 100
"""The default limit on the decisions of an episode, for each of its requests (our choice). A router that admits what
fits takes one decision a request or a few; one that holds at every step, a few dozen."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of an episode; `StickyRoutingEnv` says what they mean.

    Attributes:
        reward: One of `REWARDS`.
        reward_scale: What the reward is divided by, in 1e-100..1e100; None for `default_scale`.
        hold: When holding is valid: "when-running", where it lets time pass, or "forced", only where nothing fits.
        invalid_action: "error", or "hold" with a penalty.
        invalid_penalty: The penalty, in 0..1e100.
        max_decisions: Actions after which an episode is truncated; None for `DECISIONS_A_REQUEST` for each request.
        max_time_s: Simulated time after which it is; None for never.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter is outside its range.
    """

    reward: Reward = "imbalance"
    reward_scale: float | None = None
    hold: Hold = "when-running"
    invalid_action: InvalidAction = "error"
    invalid_penalty: float = 1.0
    max_decisions: int | None = None
    max_time_s: float | None = None

    def __post_init__(self) -> None:
        check_choice("reward", self.reward, REWARDS)
        check_choice("hold", self.hold, get_args(Hold))
        check_choice("invalid_action", self.invalid_action, get_args(InvalidAction))
        keep_reals(self, "invalid_penalty", minimum=0.0, maximum=_MAX_REWARD)
        keep_reals(self, "reward_scale", minimum=1 / _MAX_REWARD, maximum=_MAX_REWARD, optional=True)
        keep_integers(self, "max_decisions", minimum=1, optional=True)
        keep_reals(self, "max_time_s", minimum=0.0, exclusive=True, optional=True)

    def record(self, cluster: ClusterConfig, requests: int) -> Records:
        """An episode's record at its start, `EPISODE` of shape (1,).

        Args:
            cluster: The cluster.
            requests: Requests that the episode serves.
        """
        record = np.zeros(1, EPISODE)
        record["reward"] = REWARDS.index(self.reward)
        record["reward_scale"] = self.reward_scale or default_scale(self.reward, cluster)
        record["hold_when_running"] = self.hold == "when-running"
        record["hold_if_invalid"] = self.invalid_action == "hold"
        record["invalid_penalty"] = self.invalid_penalty
        record["max_decisions"] = self.max_decisions or DECISIONS_A_REQUEST * requests
        record["max_time_s"] = self.max_time_s or np.inf
        return record

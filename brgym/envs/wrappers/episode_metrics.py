"""Episode statistics that carry the figures of DESIGN 2.5."""

import math
from collections import deque
from typing import Any

import gymnasium
from gymnasium.wrappers import RecordEpisodeStatistics


class RecordEpisodeMetrics(RecordEpisodeStatistics):
    """Gymnasium's `RecordEpisodeStatistics` with the run's figures beside return, length and time.

    At the end of an episode `info["episode"]` holds `r`, `l` and `t` as ever, and with them what `info["metrics"]`
    holds: `imbalance_mean`, `throughput_tok_s`, `tpot_s_p95`, ... What no request or step of an episode has is NaN.

    Attributes:
        metrics_queue: Figures of the last episodes.

    Args:
        env: An environment whose `info` has `metrics` at the end of an episode.
        buffer_length: Episodes that the queues keep.
        stats_key: The key in `info`.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], buffer_length: int = 100, stats_key: str = "episode") -> None:
        super().__init__(env, buffer_length=buffer_length, stats_key=stats_key)
        self.metrics_queue: deque[dict[str, float]] = deque(maxlen=buffer_length)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's own, with the statistics at the end of an episode."""
        observation, reward, terminated, truncated, info = super().step(action)
        if "metrics" in info:
            info[self._stats_key] |= info["metrics"]
            self.metrics_queue.append(info["metrics"])
        return observation, reward, terminated, truncated, info

    def mean_metrics(self) -> dict[str, float]:
        """Each figure's mean over the episodes in `metrics_queue` that have it, or NaN; empty before the first."""
        names = self.metrics_queue[0] if self.metrics_queue else ()
        return {name: _mean([episode[name] for episode in self.metrics_queue]) for name in names}


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan

"""Episode statistics that carry the figures of DESIGN 2.5."""

from collections import deque
from typing import Any

import gymnasium
from gymnasium.wrappers import RecordEpisodeStatistics


class RecordEpisodeMetrics(RecordEpisodeStatistics):
    """Gymnasium's `RecordEpisodeStatistics` with the run's figures beside return, length and time.

    At the end of an episode `info["episode"]` holds `r`, `l` and `t` as ever, and with them what `info["metrics"]`
    holds: `imbalance_mean`, `throughput_tok_s`, `tpot_s_p95`, ... An episode that was cut short before any request was
    served has no figures.

    Attributes:
        metrics_queue: Figures of the last episodes that have them.

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
        """Each figure's mean over the episodes in `metrics_queue`; empty before the first."""
        names = self.metrics_queue[0] if self.metrics_queue else ()
        return {name: sum(episode[name] for episode in self.metrics_queue) / len(self.metrics_queue) for name in names}

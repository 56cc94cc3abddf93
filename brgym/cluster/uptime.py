"""How long workers are up while nothing runs, for the power that they idle with (DESIGN 2.5, 2.16)."""

import numpy as np

from brgym.cluster.config import ClusterConfig
from brgym.cluster.records import Reals, Records


def worker_seconds_between(steps: Records, cluster: ClusterConfig) -> float:
    """Worker-seconds up between the steps of a run, from time 0 to the end of the last.

    What is due during a step takes effect at its end, and so at its own time wherever nothing runs.

    Args:
        steps: The log of steps, fields of `STEP`.
        cluster: The cluster, with its events.
    """
    if len(steps) == 0:
        return 0.0
    starts_s, ends_s = steps["start_s"], steps["start_s"] + steps["duration_s"]
    between_s = _up_until(cluster, starts_s) - _up_until(cluster, np.r_[0.0, ends_s[:-1]])
    return float(between_s.sum())


def _up_until(cluster: ClusterConfig, times_s: Reals) -> Reals:
    """Worker-seconds up from time 0, were every event to take effect at its own time."""
    up, changes_s, counts = set(range(cluster.workers)), [0.0], [cluster.workers]
    for event in sorted(cluster.events, key=lambda event: event.time_s):
        if event.kind == "stop":
            up.discard(event.worker)
        elif event.kind == "start":
            up.add(event.worker)
        changes_s.append(event.time_s)
        counts.append(len(up))
    knots_s = np.append(changes_s, max(changes_s[-1], float(times_s.max())) + 1.0)
    return np.interp(times_s, knots_s, np.r_[0.0, np.cumsum(np.diff(knots_s) * counts)])

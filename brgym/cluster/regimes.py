"""Which parts of the model beyond a saturated backlog are on (DESIGN 2.11), and what they need room for.

With all of them off the cluster runs machine code that knows nothing of them. With any of them on it runs the same
source compiled once more, with `regimes` set; each part is a room of its own: `memory` and `victims` (2.12), `sources`
(2.13), `tier` and `chunks` (2.14), `drafts` (2.15), `faults` (2.16).
"""

from typing import TYPE_CHECKING

import numpy as np

from brgym.cluster.config import ClusterConfig
from brgym.cluster.records import LIFE, NOTHING, Integers, Records
from brgym.workload._validation import WorkloadError

ON = 1
"""`regimes` where any part is on; None where none is."""

if TYPE_CHECKING:
    from brgym.workload import Workload


def regimes_on(cluster: ClusterConfig, workload: "Workload") -> bool:
    """Whether any part is on. A reserve or a watermark alone is not one: what fits is always worked out with both."""
    return (
        bool(cluster.events)
        or cluster.victim != "newest"
        or cluster.victim_returns != "same-worker"
        or cluster.prefill is not None
        or cluster.speculation is not None
        or (cluster.kv_capacity is not None and cluster.kv_reserve_share > 0.0)
        or any(row.per_prefill_token_s > 0.0 for row in cluster.step_time.rows)
        or workload.concurrency is not None
        or (workload.after is not None and bool((workload.after >= 0).any()))
        or (workload.patience_s is not None and bool(np.isfinite(workload.patience_s).any()))
    )


def check_regimes(cluster: ClusterConfig, workload: "Workload") -> None:
    """Refuses what cannot be together.

    Raises:
        WorkloadError: If the cluster reserves a share of what the clients' limits allow, and the workload has none.
    """
    if cluster.kv_reserve_share > 0.0 and workload.max_tokens is None:
        raise WorkloadError(
            f"kv_reserve_share {cluster.kv_reserve_share:g} is a share of what the clients' limits allow: the workload "
            "needs max_tokens"
        )


def lives(workload: "Workload", rows: Integers | None = None) -> Records:
    """What the parts ask of each request, fields of `LIFE`.

    Args:
        workload: The requests.
        rows: What they are called in draws, shape (requests,); None for their places.
    """
    lives = np.zeros(len(workload), LIFE)
    lives["row"] = np.arange(len(workload)) if rows is None else rows
    lives["delay_s"] = workload.arrival_s
    lives["deadline_s"] = np.inf if workload.patience_s is None else workload.patience_s
    lives["max_tokens"] = 0 if workload.max_tokens is None else workload.max_tokens
    lives["follows"] = NOTHING if workload.after is None else np.maximum(workload.after, NOTHING)
    lives["first_follower"] = lives["next_follower"] = NOTHING
    for row in np.flatnonzero(lives["follows"] >= 0)[::-1].tolist():  # the last first, so that the first leads
        before = lives["follows"][row]
        lives["next_follower"][row] = lives["first_follower"][before]
        lives["first_follower"][before] = row
    return lives

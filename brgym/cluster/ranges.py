"""How large a cluster's figures may be, so that integers stay exact and the clock moves (our choice).

Lengths and arrivals have their ranges in `brgym.workload`: at most 2**31 - 1 tokens, at most 2**33 s.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from brgym.cluster.config import ClusterConfig
    from brgym.workload import Workload

MAX_COUNT: Final = 2**31 - 1
"""The most workers, slots or candidates."""

MAX_KV_TOKENS: Final = 2**53
"""The largest KV capacity of a worker, in tokens."""

MAX_COEFFICIENT_S: Final = 1e6
"""The largest coefficient of a step time, in seconds: eleven days."""

MIN_STEP_S: Final = 1e-12
"""The shortest that the decode step of a single request of one token may be, in seconds."""

MAX_RECOMPUTE_S_PER_TOKEN: Final = 2.0
"""A victim with a context of 2**32 tokens is then ready within the 2**33 s that arrivals have."""

_MAX_TOKENS = 2**62


def check_exact(cluster: "ClusterConfig", workload: "Workload") -> None:
    """Refuses a run whose loads the cluster's integers could not hold, or whose steps its clock could not count.

    Raises:
        ValueError: If workers x all tokens of the workload is above 2**62, or if the shortest step is lost when it is
            added to the last arrival.
    """
    tokens = int(workload.prompt_tokens.sum()) + int(workload.output_tokens.sum())
    if cluster.workers * tokens > _MAX_TOKENS:
        raise ValueError(
            f"the workload has {tokens} tokens, prompts and outputs, on {cluster.workers} workers: workers x tokens "
            "must be in 1..2**62"
        )
    latest_s = float(workload.arrival_s.max())
    shortest_s = cluster.step_time.seconds([1], [1])
    if latest_s + shortest_s == latest_s:
        raise ValueError(
            f"step_time is {shortest_s:g} s for a single request of one token, which is lost when it is added to the "
            f"last arrival, {latest_s:g} s: it must be above {latest_s * 2.0**-53:.3g} s"
        )

"""`brgym/ArrivalRouting-v0`: each request is bound to a worker when it arrives."""

from typing import Any

from brgym.cluster import ClusterConfig
from brgym.cluster.engine import ON_ARRIVAL
from brgym.envs.routing_env import RenderMode, RoutingEnv
from brgym.envs.task import RoutingTask


def arrival_task(*, cluster: ClusterConfig | None = None, **options: Any) -> RoutingTask:
    """The task of `ArrivalRoutingEnv`; arguments and errors as there."""
    if "candidates" in options:
        raise TypeError("candidates is no argument here: the only candidate is the request that has just arrived")
    cluster = cluster or ClusterConfig()
    return RoutingTask.of(cluster, binding=ON_ARRIVAL, candidates=1, actions=cluster.workers, **options)


class ArrivalRoutingEnv(RoutingEnv):
    """Which worker does the request that has just arrived go to?

    ## Description
    The cluster of `StickyRoutingEnv`, routed the way load balancers in front of serving engines do it: every request
    is bound at the step boundary at which it joins, and waits in its worker's own queue, first come, first served,
    until the worker has room. This is `brgym.simulate` with the agent for a policy that binds on arrival.

    ## Action Space
    `Discrete(workers)`: the worker that the request is bound to. Every action is always valid.

    ## Observation Space
    `Box(0, 1, (5 + 6 * workers + 3,), float32)`, the columns of `StickyRoutingEnv` with one candidate: the request to
    bind. `waiting` counts the requests in the workers' queues too, and the columns `queued` and `queued_tokens` are
    in use.

    | Columns | Of |
    |---|---|
    | 0 to 4 | the cluster |
    | 5 + 6 w to 10 + 6 w | worker w |
    | the last 3 | the request to bind |

    With `observation="dict"` a `Dict` of `cluster` (5,), `workers` (workers, 6) and `candidates` (1, 3).

    ## Rewards
    Those of `StickyRoutingEnv`; there is no hold, so nothing is charged for it.

    ## Starting State
    That of `StickyRoutingEnv`.

    ## Episode End
    As in `StickyRoutingEnv`. An episode takes one decision a request, and the last action runs the cluster until all is
    served.

    ## Information
    That of `StickyRoutingEnv`; the mask is all ones.

    ## Arguments
    Those of `StickyRoutingEnv` but `candidates`. Since every action is valid and none holds, `invalid_action` and
    `hold` have nothing to do here.

    ```pycon
    >>> import brgym, gymnasium
    >>> cluster = brgym.ClusterConfig(workers=2, slots=1)
    >>> workload = brgym.Workload([0.0, 0.0, 0.5], [100, 400, 200], [3, 4, 5])
    >>> env = gymnasium.make("brgym/ArrivalRouting-v0", cluster=cluster, workload=workload)
    >>> observation, info = env.reset(seed=0)
    >>> for worker in (0, 1, 0):
    ...     observation, reward, terminated, truncated, info = env.step(worker)
    >>> terminated, info["metrics"]["steps"]
    (True, 9)

    ```

    ## Version History
    * v0: first version.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is outside its range, or if a request could never fit a worker.
    """

    def __init__(self, *, render_mode: RenderMode | None = None, **options: Any) -> None:
        super().__init__(arrival_task(**options), render_mode=render_mode)

"""`brgym/StickyRouting-v0`: requests wait in a pool until the agent admits them."""

from dataclasses import replace
from typing import Any

from brgym._checks import check_integer
from brgym.cluster import ClusterConfig
from brgym.cluster.engine import FROM_POOL
from brgym.envs.routing_env import RenderMode, RoutingEnv
from brgym.envs.task import RoutingTask


def sticky_task(*, cluster: ClusterConfig | None = None, candidates: int | None = None, **options: Any) -> RoutingTask:
    """The task of `StickyRoutingEnv`; arguments and errors as there."""
    cluster = cluster or ClusterConfig()
    if candidates is None and cluster.candidates is None:
        raise ValueError("candidates must be given: the cluster's is None, and an action space needs a number")
    shown = check_integer("candidates", cluster.candidates if candidates is None else candidates, minimum=1)
    return RoutingTask.of(
        replace(cluster, candidates=shown),
        binding=FROM_POOL,
        candidates=shown,
        actions=shown * cluster.workers + 1,
        **options,
    )


class StickyRoutingEnv(RoutingEnv):
    """Which waiting request goes to which worker, and when?

    ## Description
    Data-parallel workers decode in lockstep, and each decode step takes as long as the most loaded worker needs. A
    request stays on the worker that it was admitted to, its load grows by a token a step, and nobody knows when it
    ends. The agent sees the oldest waiting requests and admits them one by one; what it admits leaves the pool, and
    the next oldest takes its place in the window. This is `brgym.simulate` with the agent for a policy, step for step
    and bit for bit.

    ## Action Space
    `Discrete(candidates * workers + 1)`.

    | Action | Meaning |
    |---|---|
    | `candidate * workers + worker` | admit this candidate (0 is the oldest) to this worker |
    | `candidates * workers` | hold: run the next decode step, and on until something can be decided again |

    The agent is asked again at the same step boundary as long as some candidate fits some worker; when none does, the
    cluster runs on by itself. Holding is valid where it lets time pass, that is where something runs, or is due: then,
    with nothing running, it jumps to the next arrival. With `hold="forced"` it is valid only where nothing fits, so
    never while the episode goes on: the actions stay the same, and the agent always admits.

    ## Observation Space
    `Box(0, 1, (5 + 6 * workers + 3 * candidates,), float32)`: the cluster, then each worker, then each candidate.
    With `observation="dict"` a `Dict` of `cluster` (5,), `workers` (workers, 6) and `candidates` (candidates, 3). All
    columns lie in 0..1; s(x) = x / (1 + x). C = 4096 tokens stands for a typical context. All of it comes from the
    `RouterView`: output lengths have no part in it.

    | Cluster | Name | Meaning | Unit | Min | Max |
    |---|---|---|---|---|---|
    | 0 | envelope | s(M / (slots C)), M the highest load | full workers, squashed | 0 | 1 |
    | 1 | mean_load | s(mean load / (slots C)) | full workers, squashed | 0 | 1 |
    | 2 | imbalance | 1 - sum of loads / (workers M) | share | 0 | 1 |
    | 3 | free_slots | free slots / all slots | share | 0 | 1 |
    | 4 | waiting | s(waiting requests / all slots) | full clusters, squashed | 0 | 1 |

    | Worker | Name | Meaning | Unit | Min | Max |
    |---|---|---|---|---|---|
    | 0 | load | s(load / (slots C)) | full workers, squashed | 0 | 1 |
    | 1 | kv_use | min(1, (load + active) / kv_capacity); 0 without a limit | share | 0 | 1 |
    | 2 | margin | s((M - load) / C) | contexts, squashed | 0 | 1 |
    | 3 | active | active requests / slots | share | 0 | 1 |
    | 4 | queued | s(queued requests / slots); 0 here, see `ArrivalRoutingEnv` | full workers, squashed | 0 | 1 |
    | 5 | queued_tokens | s(queued contexts / (slots C)); 0 here | full workers, squashed | 0 | 1 |

    | Candidate | Name | Meaning | Unit | Min | Max |
    |---|---|---|---|---|---|
    | 0 | present | 1, or 0 where there is no such candidate (all its columns are 0 then) | - | 0 | 1 |
    | 1 | context | s(context / C), generated tokens included after a preemption | contexts, squashed | 0 | 1 |
    | 2 | waited | s(time since arrival / 10 s) | 10 s, squashed | 0 | 1 |

    ## Rewards
    For the decode steps since the last decision; those before the first decision count with the first action. Divided
    by `reward_scale`. Summed over an episode and multiplied by the scale, the rewards (penalties apart) are

    | `reward` | Sum over the episode | Default scale |
    |---|---|---|
    | `"imbalance"` | - sum over decode steps of I = workers M - sum of loads, in tokens | workers C |
    | `"step-time"` | - total time of the decode steps, in s | 1 |
    | `"throughput"` | + tokens generated | workers slots |
    | `"latency"` | - time integral of the requests in the system, in request-seconds | workers slots |

    In the system are those that run, wait or recompute; once all are served, the integral is the sum of the end-to-end
    latencies, counted from time 0 for the running requests of a stationary start.
    To these come two charges, so that stalling does not pay; an agent that admits whatever fits owes neither. A hold
    costs, for the oldest candidate with context c: workers c tokens of imbalance; d(c), the time of a step in which
    it runs alone; workers slots tokens of throughput, so that the step earns minus its empty slots; d(c) for each
    waiting request of latency. And an episode with holds in it that is truncated is charged for its rest as if from
    there on that were served one request at a time, oldest first (throughput: nothing, as nothing was generated).
    docs/environments.md says why.
    An episode that serves everything generates the same tokens whatever the agent does: give `"throughput"` a
    `max_time_s`, and the sum over it is the throughput until then; or let discounting do the work.

    ## Starting State
    At time 0 the cluster is empty (`start="cold"`), or at work (`start="stationary"`, see
    `brgym.envs.episode.Episodes`). The requests are the whole workload, or a fixed or random slice of it.
    `reset(seed=...)` decides all randomness: the same seed and actions give the same bytes.

    ## Episode End
    Terminated when every request is served. Truncated after `max_decisions` actions, or at the first decision at or
    after `max_time_s`. After its end an episode stays as it is: any action gives the same end again, with reward 0.

    ## Information
    | Key | Present | Value |
    |---|---|---|
    | `action_mask` | always, from `reset` too | int8, shape (actions,), 1 where the action is valid |
    | `metrics` | at the end of an episode | `Metrics.as_dict()` of the run |

    The metrics of a truncated episode are those of the requests served by then; NaN where none was, or no step was run.
    `env.unwrapped.action_masks()` is the mask as booleans, `env.unwrapped.view` the live `RouterView`, and
    `env.unwrapped.result()` what `simulate` returns.

    ## Arguments
    All by keyword, to `gymnasium.make`.

    | Argument | Default | Meaning |
    |---|---|---|
    | `cluster` | `ClusterConfig()` | the cluster |
    | `workload` | `"proprietary-like"` | a `Workload`, or a name or file for `load_workload` |
    | `load` | the workload's | rate of arrivals relative to the cluster's capacity, or `"backlog"`: see `OfferedLoad` |
    | `arrivals` | the workload's | pattern of arrivals under the load, as `"gamma:cv=2"`: see `OfferedLoad` |
    | `candidates` | the cluster's | candidates shown; given here, it replaces the cluster's |
    | `observation` | `"flat"` | or `"dict"`, or a `CompiledObservation` of your own |
    | `reward` | `"imbalance"` | or `"step-time"`, `"throughput"`, `"latency"` |
    | `reward_scale` | see Rewards | what the reward is divided by |
    | `hold` | `"when-running"` | or `"forced"`: holding is valid only where nothing fits |
    | `invalid_action` | `"error"` | or `"hold"`: an invalid action holds and costs `invalid_penalty` |
    | `invalid_penalty` | 1.0 | subtracted from the scaled reward |
    | `episode_requests` | all | requests an episode |
    | `episode_start` | 0 | row of the first one, or `"random"` |
    | `start` | `"cold"` | or `"stationary"` |
    | `occupancy` | 1.0 | share of the slots that a stationary start fills |
    | `placement` | `"round-robin"` | or `"lowest-load"`: where a stationary start puts its requests |
    | `max_decisions` | 100 for each request | limit on the actions of an episode |
    | `max_time_s` | none | limit on its simulated time |
    | `render_mode` | none | `"ansi"` (text) or `"rgb_array"` (an image) |

    ```pycon
    >>> import brgym, gymnasium
    >>> cluster = brgym.ClusterConfig(workers=2, slots=4)
    >>> workload = brgym.Workload([0.0] * 6, [100, 400, 200, 300, 100, 50], [3, 4, 5, 6, 7, 8])
    >>> env = gymnasium.make("brgym/StickyRouting-v0", cluster=cluster, workload=workload, candidates=3)
    >>> observation, info = env.reset(seed=0)
    >>> observation.shape, env.action_space, info["action_mask"]
    ((26,), Discrete(7), array([1, 1, 1, 1, 1, 1, 0], dtype=int8))
    >>> ended = False
    >>> while not ended:
    ...     action = env.action_space.sample(mask=info["action_mask"])
    ...     observation, reward, terminated, truncated, info = env.step(action)
    ...     ended = terminated or truncated
    >>> info["metrics"]["requests"]
    6

    ```

    ## Version History
    * v0: first version.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is outside its range, or if a request could never fit a worker.
    """

    def __init__(self, *, render_mode: RenderMode | None = None, **options: Any) -> None:
        super().__init__(sticky_task(**options), render_mode=render_mode)

    @property
    def hold(self) -> int:
        """The action that runs the next decode step."""
        return self.task.actions - 1

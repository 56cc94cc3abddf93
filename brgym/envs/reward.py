"""What an environment rewards, worked out from the log of the decode steps since the last reward was paid.

Each reward adds up to a figure of the run, so that the return of an episode can be read; what stalling costs comes on
top, see `brgym.envs.stalling`.
"""

from typing import Any, Literal, get_args

from brgym._compile import compiled, inlined
from brgym.cluster import ClusterConfig, Records, imbalance
from brgym.cluster.engine import State, borrowed, view_of
from brgym.cluster.vocabulary import waiting
from brgym.envs.observation import CONTEXT_SCALE_TOKENS

Reward = Literal["imbalance", "step-time", "throughput", "latency"]

REWARDS: tuple[Reward, ...] = get_args(Reward)

IMBALANCE, STEP_TIME, THROUGHPUT, LATENCY = range(4)
"""Their places in `REWARDS`."""


def default_scale(reward: Reward, cluster: ClusterConfig) -> float:
    """What a reward is divided by where the user does not say (our choice).

    Imbalance: the typical context on each worker, `workers` x `CONTEXT_SCALE_TOKENS`. Step time: 1 s. Throughput: the
    tokens of one step of a full cluster. Latency: one second of a full cluster, in request-seconds.
    """
    slots = float(cluster.workers * cluster.slots)
    scales = {
        "imbalance": float(cluster.workers * CONTEXT_SCALE_TOKENS),
        "step-time": 1.0,
        "throughput": slots,
        "latency": slots,
    }
    return scales[reward]


@compiled
def pay(state: State, episode: Records) -> float:
    """The reward for everything since the last payment, which becomes the present moment.

    Args:
        state: The cluster.
        episode: `EPISODE`, shape (1,).

    Returns:
        The reward, less what stalling costs, scaled; less the penalty that was due.
    """
    state = borrowed(state)
    entry = episode[0]
    kind = entry.reward
    if kind == IMBALANCE:
        earned = -_imbalance(state, entry.paid_step)
    elif kind == STEP_TIME:
        earned = -_decode_s(state, entry.paid_step)
    elif kind == THROUGHPUT:
        earned = _tokens(state, entry.paid_step)
    else:
        earned = -_request_seconds(state, entry)
    reward = (earned - entry.stalled) / entry.reward_scale - entry.penalty
    settle(state, episode)
    return reward


@compiled
def settle(state: State, episode: Records) -> None:
    """Marks everything up to the present moment as paid."""
    clock, progress, entry = state.clock[0], state.progress[0], episode[0]
    entry.stalled = entry.penalty = 0.0
    entry.paid_step = clock.step
    entry.paid_s = clock.now_s
    entry.paid_arrived = progress.arrived
    entry.paid_request_s = _request_seconds_so_far(state)
    entry.paid_in_system = clock.active + progress.recomputing + waiting(view_of(state))


@inlined
def _imbalance(state: State, since: int) -> float:
    """Sum of I = G M - sum_g L_g over the steps from number `since`, in tokens."""
    total = 0.0
    for step in range(since, state.clock[0].step):
        logged = state.steps[step]
        total += imbalance(logged.workers_up, logged.max_load, logged.sum_load)
    return total


@inlined
def _decode_s(state: State, since: int) -> float:
    """Time of the steps from number `since`."""
    total_s = 0.0
    for step in range(since, state.clock[0].step):
        total_s += state.steps[step].duration_s
    return total_s


@inlined
def _tokens(state: State, since: int) -> float:
    """Tokens generated in the steps from number `since`."""
    total = 0.0
    for step in range(since, state.clock[0].step):
        total += state.steps[step].tokens
    return total


@inlined
def _request_seconds_so_far(state: State) -> float:
    """Where requests come and leave in any order: the stays of those that have left, and of those here until now."""
    clock, progress = state.clock[0], state.progress[0]
    inside = clock.active + progress.recomputing + waiting(view_of(state)) + progress.in_tier
    return progress.gone_s + inside * clock.now_s - progress.arrivals_s


@inlined
def _request_seconds(state: State, paid: Any) -> float:
    """Integral over time of the requests in the system since the last payment.

    As if those of then had all stayed until now; plus the stay of those that arrived since, between steps or within
    one; minus the time since the end of those that finished.
    """
    clock, progress = state.clock[0], state.progress[0]
    if state.constants[0].regimes != 0:
        return _request_seconds_so_far(state) - paid.paid_request_s
    total = paid.paid_in_system * (clock.now_s - paid.paid_s)
    for request in range(paid.paid_arrived, progress.arrived):
        total += clock.now_s - state.requests[request].arrival_s
    for step in range(paid.paid_step, clock.step):
        logged = state.steps[step]
        finished = state.steps[step + 1].finished if step + 1 < clock.step else progress.finished
        total -= (finished - logged.finished) * (clock.now_s - (logged.start_s + logged.duration_s))
    return total

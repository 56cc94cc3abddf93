"""Runs a cluster to the end with a policy: compiled policies inside one compiled loop, others by a call a decision."""

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from brgym._compile import compiled, compiled_for
from brgym.cluster.config import ClusterConfig
from brgym.cluster.kernel import DECIDE, LOG_FULL, STUCK, advance, apply, proceed
from brgym.cluster.policy import ArrivalPolicy, CompiledPolicy, Kernel, Memory, Policy, is_clairvoyant, is_compiled
from brgym.cluster.routing_time import CLOCK_AVAILABLE, add_duration, monotonic_s
from brgym.cluster.state import FROM_POOL, Integers, State, View, initial_state
from brgym.cluster.view import ClairvoyantView, RouterView
from brgym.workload import Workload

_PROTOTYPE = initial_state(ClusterConfig(), Workload([0.0], [1], [1]), binding=FROM_POOL)
_typeof: Callable[[Any], Any] = numba.typeof
_STATE = _typeof(_PROTOTYPE)
_VIEW = _typeof(RouterView(_PROTOTYPE).arrays)
_MEMORY = _typeof(Memory(np.zeros(1, np.int64), np.zeros(1)))
_PAIRS = numba.types.int64[:, ::1]
_INTEGERS = numba.types.int64[::1]
_DECISION = numba.types.int64(_VIEW, _MEMORY, _PAIRS)
_LOOP = numba.types.int64(_STATE, _VIEW, numba.types.FunctionType(_DECISION), _MEMORY, _PAIRS, _INTEGERS, _INTEGERS)


def compiled_kernel(function: Kernel) -> Kernel:
    """Compiles the decision of a `CompiledPolicy`.

    The view's arrays are read-only there: a decision that writes to them does not compile.
    """
    return compiled(function)


def view_for(policy: Policy, state: State) -> RouterView:
    """The view that a policy is entitled to."""
    return ClairvoyantView(state) if is_clairvoyant(policy) else RouterView(state)


def room_for_pairs(cluster: ClusterConfig) -> Integers:
    """An array that holds the largest possible decision, shape (slots of the cluster, 2)."""
    return np.empty((cluster.workers * cluster.slots, 2), np.int64)


def decide(policy: Policy, view: RouterView, pairs: Integers) -> int:
    """Asks a policy for one decision, whatever its binding.

    Args:
        policy: The policy.
        view: What it sees.
        pairs: Receives (candidate, worker) rows, shape (slots of the cluster, 2).

    Returns:
        The number of rows.

    Raises:
        ValueError: If the answer is not of that form; the message names the policy.
    """
    if isinstance(policy, ArrivalPolicy):
        pairs[0, 0], pairs[0, 1] = 0, policy.bind(view)
        return 1
    rows = np.asarray(policy.admit(view), dtype=np.int64).reshape(-1, 2)
    if len(rows) > len(pairs):
        raise ValueError(f"{_name(policy)} admits {len(rows)} requests at once; the cluster has {len(pairs)} slots")
    pairs[: len(rows)] = rows
    return len(rows)


def run(state: State, policy: Policy, cluster: ClusterConfig, routing_times: Integers) -> State:
    """Runs a cluster until every request is served.

    Args:
        state: The cluster; updated in place, but for its log of steps, which grows.
        policy: The policy, reset for this run.
        cluster: The constants of `state`.
        routing_times: Histogram that receives the time of each decision.

    Returns:
        The final state.

    Raises:
        ValueError: If the policy decides what is not allowed.
        RuntimeError: If it admits nothing although nothing runs and nothing is due.
    """
    pairs = room_for_pairs(cluster)
    while True:
        if is_compiled(policy):
            stop = _run_compiled(state, policy, pairs, routing_times)
        else:
            stop = _run_interpreted(state, policy, pairs, routing_times)
        if stop == LOG_FULL:
            state = state._replace(steps=np.concatenate([state.steps, np.zeros_like(state.steps)]))
        elif stop == STUCK:
            raise RuntimeError(
                f"{_name(policy)} admits nothing at {state.clock['now_s'][0]:.6g} s, although requests wait, none runs "
                "and none is due: time cannot pass"
            )
        elif stop < 0:
            raise ValueError(refusal(policy, pairs, -1 - stop))
        else:
            return state


def refusal(policy: Policy, pairs: Integers, row: int) -> str:
    """Says which row of a decision was not allowed."""
    candidate, worker = pairs[row]
    return (
        f"{_name(policy)} routes candidate {candidate} to worker {worker}: there is no such candidate or worker, the "
        "candidate is named twice, or it does not fit there"
    )


def _run_interpreted(state: State, policy: Policy, pairs: Integers, routing_times: Integers) -> int:
    view = view_for(policy, state)
    stop = advance(state)
    while stop == DECIDE:
        asked_s = time.perf_counter()
        count = decide(policy, view, pairs)
        add_duration(routing_times, time.perf_counter() - asked_s)
        stop = proceed(state, pairs, count)
    return stop


def _run_compiled(state: State, policy: CompiledPolicy, pairs: Integers, routing_times: Integers) -> int:
    policy.kernel.compile(_DECISION.args)  # type: ignore[attr-defined]  # the loop calls it by its address
    view = RouterView(state).arrays
    return _loop(state, view, policy.kernel, policy.memory, pairs, routing_times, np.zeros(2, np.int64))


@compiled_for(_LOOP)
def _loop(
    state: State,
    view: View,
    kernel: Kernel,
    memory: Memory,
    pairs: Integers,
    routing_times: Integers,
    scratch: Integers,
) -> int:
    while True:
        stop = advance(state)
        if stop != DECIDE:
            return stop
        asked_s = monotonic_s(scratch)
        count = kernel(view, memory, pairs)
        if CLOCK_AVAILABLE:
            add_duration(routing_times, monotonic_s(scratch) - asked_s)
        row = apply(state, pairs, count)
        if row >= 0:
            return -1 - row


def _name(policy: object) -> str:
    return f"policy {type(policy).__name__}"

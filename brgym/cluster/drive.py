"""Runs a cluster to the end with a policy: compiled policies inside one compiled loop, others by a call a decision."""

import time

import numpy as np

from brgym._compile import compiled_for
from brgym.cluster.asking import LOOP, decide, prepared_kernel, refusal, room_for_pairs
from brgym.cluster.config import ClusterConfig
from brgym.cluster.kernel import DECIDE, LOG_FULL, STUCK, advance, apply, proceed
from brgym.cluster.layout import Memory
from brgym.cluster.policy import CompiledPolicy, Kernel, Policy, is_clairvoyant, is_compiled, name_of
from brgym.cluster.records import Integers
from brgym.cluster.routing_time import CLOCK_AVAILABLE, add_duration, monotonic_s
from brgym.cluster.state import State, View, borrowed, borrowed_view
from brgym.cluster.view import ClairvoyantView, RouterView

PAUSED = -1 - 2**62
"""The compiled loop has come back so that the interpreter hears an interrupt that has come in meanwhile."""

_SLICE_S = 0.2
_SLICE_DECISIONS = 4096  # where no clock can be read in compiled code


def view_for(policy: Policy, state: State) -> RouterView:
    """The view that a policy is entitled to."""
    return ClairvoyantView(state) if is_clairvoyant(policy) else RouterView(state)


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
        if stop == PAUSED:
            continue
        if stop == LOG_FULL:
            state = state._replace(steps=np.concatenate([state.steps, np.zeros_like(state.steps)]))
        elif stop == STUCK:
            raise RuntimeError(
                f"{name_of(policy)} admits nothing at {state.clock['now_s'][0]:.6g} s, although requests wait, none "
                "runs and none is due: time cannot pass"
            )
        elif stop < 0:
            raise ValueError(refusal(policy, RouterView(state), pairs, -1 - stop))
        else:
            return state


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
    kernel = prepared_kernel(policy)
    view = RouterView(state).arrays
    return _loop(state, view, kernel, policy.memory, pairs, routing_times, np.zeros(2, np.int64))


@compiled_for(LOOP)
def _loop(
    state: State,
    view: View,
    kernel: Kernel,
    memory: Memory,
    pairs: Integers,
    routing_times: Integers,
    scratch: Integers,
) -> int:
    own, shown = borrowed(state), borrowed_view(view)
    began_s = monotonic_s(scratch)
    decisions = 0
    while True:
        stop = advance(own)
        if stop != DECIDE:
            return stop
        asked_s = monotonic_s(scratch)
        if asked_s - began_s > _SLICE_S or decisions == _SLICE_DECISIONS:
            return PAUSED
        count = kernel(shown, memory, pairs)
        if CLOCK_AVAILABLE:
            add_duration(routing_times, monotonic_s(scratch) - asked_s)
        else:
            decisions += 1
        row = apply(own, pairs, count)
        if row >= 0:
            return -1 - row

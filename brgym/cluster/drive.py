"""Runs a cluster to the end with a policy: compiled policies inside one compiled loop, others by a call a decision."""

import time
from functools import cache, partial
from typing import Any

import numpy as np

from brgym._compile import compiled_for
from brgym.cluster.asking import LOOP, decide, prepared_kernel, refusal, room_for_pairs
from brgym.cluster.config import ClusterConfig
from brgym.cluster.kernel import DECIDE, LOG_FULL, STUCK, advance, apply, proceed
from brgym.cluster.layout import Memory
from brgym.cluster.policy import CompiledPolicy, Kernel, Policy, is_clairvoyant, is_compiled, name_of
from brgym.cluster.records import Integers
from brgym.cluster.regimes import ON
from brgym.cluster.routing_time import CLOCK_AVAILABLE, add_duration, monotonic_s
from brgym.cluster.state import State, View, borrowed, borrowed_view, regimes_of
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
            steps = np.zeros(2 * len(state.steps), state.steps.dtype)
            steps[: len(state.steps)] = state.steps
            state = state._replace(steps=steps)
        elif stop == STUCK:
            raise RuntimeError(why_stuck(state, policy))
        elif stop < 0:
            raise ValueError(refusal(policy, RouterView(state), pairs, -1 - stop))
        else:
            return state


def _run_interpreted(state: State, policy: Policy, pairs: Integers, routing_times: Integers) -> int:
    view, regimes = view_for(policy, state), regimes_of(state)
    stop = advance(state, regimes)
    while stop == DECIDE:
        asked_s = time.perf_counter()
        count = decide(policy, view, pairs)
        add_duration(routing_times, time.perf_counter() - asked_s)
        stop = proceed(state, pairs, count, regimes)
    return stop


def why_stuck(state: State, policy: Policy) -> str:
    """Says why a cluster cannot go on: `advance` has stopped for `STUCK`."""
    now_s = f"{state.clock['now_s'][0]:.6g} s"
    if state.clock["workers_up"][0] == 0:
        return f"requests wait at {now_s}, but every worker is stopped and none will start again"
    return (
        f"{name_of(policy)} admits nothing at {now_s}, although requests wait, none runs and none is due: time cannot "
        "pass"
    )


def _run_compiled(state: State, policy: CompiledPolicy, pairs: Integers, routing_times: Integers) -> int:
    kernel = prepared_kernel(policy)
    view = RouterView(state).arrays
    loop = _loop if regimes_of(state) is None else _loop_with_regimes()
    return int(loop(state, view, kernel, policy.memory, pairs, routing_times, np.zeros(2, np.int64)))


def _loop_that_knows(regimes: int | None) -> Any:
    """The loop that asks a compiled policy; `regimes` is a constant of its machine code."""

    def loop(
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
            stop = advance(own, regimes)
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
            row = apply(own, pairs, count, regimes)
            if row >= 0:
                return -1 - row

    return compiled_for(LOOP)(loop)


_loop = _loop_that_knows(None)
_loop_with_regimes = cache(partial(_loop_that_knows, ON))  # compiled when it is first needed

"""What it costs to put requests off, so that it never pays (our choice; docs/environments.md says why).

To hold where a request fits leaves work undone, and the figures alone do not see it: what does not run has no
imbalance, takes no time, and is not there when an episode is cut short. So a hold is charged for the oldest request
that it keeps waiting, and an episode in which something was held back and that is cut short is charged for its rest as
if that were served one request at a time. An agent that admits whatever fits pays nothing of this.
"""

import math

import numpy as np

from brgym._compile import compiled, inlined
from brgym.cluster import Integers, imbalance
from brgym.cluster.engine import State, is_active, next_event_s, step_seconds, view_of
from brgym.cluster.vocabulary import candidate_context_tokens, waiting, window_size, workers_up
from brgym.envs.memory import Run
from brgym.envs.reward import IMBALANCE, STEP_TIME, THROUGHPUT


@inlined
def time_would_pass(state: State) -> bool:
    """Whether to hold would let time pass: something runs or is due."""
    return state.clock[0].active > 0 or not math.isinf(next_event_s(state))


@inlined
def hold_cost(state: State, kind: int) -> float:
    """What a hold costs, in the unit of the reward, above 0 wherever a request waits.

    Imbalance: I of a step in which the oldest candidate is the envelope and nothing else runs, its own load not
    counted. Step time: that step's duration. Latency: that duration for each waiting request. Throughput: every slot,
    so that the step earns minus the slots that it leaves empty.
    """
    view = view_of(state)
    if window_size(view) == 0:
        return 0.0
    context = candidate_context_tokens(view, 0)
    if kind == IMBALANCE:
        return float(imbalance(workers_up(view), context, 0))
    if kind == THROUGHPUT:
        return float(workers_up(view) * state.constants[0].slots)
    alone_s = _alone_s(state, np.full(1, context), np.ones(1, np.int64))
    return alone_s if kind == STEP_TIME else waiting(view) * alone_s


@compiled
def rest_cost(run: Run, kind: int) -> float:
    """What the episode would cost from now on if the rest were served one request at a time, oldest first.

    For imbalance and step time no way to serve it costs more. Throughput: 0, since what is not generated earns nothing.
    """
    state = run.state
    now_s = free_s = state.clock[0].now_s
    cost = 0.0
    if kind == THROUGHPUT:
        return cost
    context, one = np.empty(1, np.int64), np.ones(1, np.int64)
    for request in range(len(state.requests)):
        entry = state.requests[request]
        left_out = request < run.episode[0].running_at_start and np.isnan(entry.admit_s)
        if left_out or not np.isnan(entry.finish_s) or (len(state.lives) > 0 and state.lives[request].cancelled != 0):
            continue
        alone_s = 0.0
        for generated in range(_generated(state, request), entry.output_tokens):
            context[0] = entry.prompt_tokens + generated
            if kind == IMBALANCE:
                cost += imbalance(len(state.active), context[0], context[0])
            else:
                alone_s += _alone_s(state, context, one)
        if kind == STEP_TIME:
            cost += alone_s
        elif kind != IMBALANCE:
            came_s = now_s if np.isnan(entry.arrival_s) else max(now_s, entry.arrival_s)
            free_s = max(free_s, came_s) + alone_s
            cost += free_s - came_s
    return cost


@inlined
def _alone_s(state: State, context: Integers, one: Integers) -> float:
    """Duration of a step in which one request of this context runs and nothing else; both of shape (1,)."""
    return step_seconds(state.step_time, context, one, context[0], 1, 1)


@inlined
def _generated(state: State, request: int) -> int:
    """Tokens that a request has generated so far, be it active or waiting."""
    entry = state.requests[request]
    return state.clock[0].step - entry.birth_step if is_active(state, request) else entry.generated_tokens

"""The compiled bundle: one microbatch-step after another, slots that age by a token, and the two ways to keep time.

Microbatch-step k belongs to microbatch b = k mod m. Loads are kept per microbatch and worker; the slots themselves are
looked at only in the steps in which a request of their worker ends. How loads change does not depend on when, so
bundles of several sizes are timed on the same loads: a bundle of r workers has the first r of them.
"""

from typing import NamedTuple

import numpy as np

from brgym._compile import compiled
from brgym.afd._types import FloatArray, IntArray


class Timing(NamedTuple):
    """Sizes and phase times of the bundles.

    Attributes:
        workers: Attention workers of each bundle, shape (bundles,).
        alpha_a: Attention time per token.
        beta_a: Attention time at no load.
        communication: Communication time of each bundle, there and back, shape (bundles,).
        ffn: FFN time of a microbatch of each bundle, shape (bundles,).
    """

    workers: IntArray
    alpha_a: float
    beta_a: float
    communication: FloatArray
    ffn: FloatArray


class Slots(NamedTuple):
    """The requests in service.

    Attributes:
        load: Tokens of KV cache, shape (microbatches, workers).
        end_step: The microbatch's step, from 0, in which a slot's request generates its last token, shape
            (microbatches, workers, batch).
        end_tokens: Prompt and output tokens of a slot's request, same shape.
        next_end: The least `end_step` of each worker's slots, shape (microbatches, workers).
    """

    load: IntArray
    end_step: IntArray
    end_tokens: IntArray
    next_end: IntArray


class Clock(NamedTuple):
    """When things are free again.

    Attributes:
        attention: Each attention worker, shape (bundles, workers).
        ready: Each microbatch, back at the attention workers, shape (bundles, microbatches).
        ffn: The FFN server, shape (bundles,); the time of the last cycle's end in lockstep.
    """

    attention: FloatArray
    ready: FloatArray
    ffn: FloatArray


class Tally(NamedTuple):
    """Sums over each interval of the run, row 0 being the warm-up, shape (intervals + 1, bundles) each.

    Attributes:
        end: The time at which the interval's last microbatch-step ends.
        busy: Attention time, summed over workers.
        load: Loads, summed over workers and microbatch-steps.
        load_square: Their squares, likewise.
    """

    end: FloatArray
    busy: FloatArray
    load: FloatArray
    load_square: FloatArray


@compiled
def advance(
    first: int,
    last: int,
    row: int,
    lockstep: bool,
    timing: Timing,
    slots: Slots,
    clock: Clock,
    tally: Tally,
    fresh_prompt: IntArray,
    fresh_output: IntArray,
) -> int:
    """Runs microbatch-steps `first` .. `last - 1`, or fewer where the fresh requests might not last for another step.

    Args:
        first: The first microbatch-step, counted from the start that `slots` describes.
        last: One past the last.
        row: The tally's row.
        lockstep: Whether all phases end together, each on a microbatch of its own, instead of in a pipeline.
        timing: Phase times.
        slots: Requests in service, updated in place.
        clock: Clocks, updated in place.
        tally: Sums, updated in place.
        fresh_prompt: Prompt tokens of the requests that refill free slots, in order.
        fresh_output: Their output tokens.

    Returns:
        One past the last microbatch-step that was run.
    """
    microbatches = slots.load.shape[0]
    slots_of_step = slots.end_step.shape[1] * slots.end_step.shape[2]
    used = 0
    for k in range(first, last):
        if fresh_prompt.size - used < slots_of_step:
            return k
        b = k % microbatches
        load = slots.load[b]
        for i in range(timing.workers.size):
            own = load[: timing.workers[i]]
            end = _lockstep(own, i, timing, clock) if lockstep else _pipelined(own, b, i, timing, clock)
            tally.end[row, i] = end
            _observe(own, i, timing, row, tally)
        used = _age(slots, b, k // microbatches, used, fresh_prompt, fresh_output)
    return last


@compiled
def _pipelined(load: IntArray, b: int, i: int, timing: Timing, clock: Clock) -> float:
    """Attention, way there, FFN, way back: each as soon as its server and the microbatch are there."""
    free, ready = clock.attention[i], clock.ready[i]
    arrival = 0.0
    for j in range(load.size):
        end = max(free[j], ready[b]) + timing.alpha_a * load[j] + timing.beta_a
        free[j] = end
        arrival = max(arrival, end)
    end = float(max(clock.ffn[i], arrival + timing.communication[i] / 2) + timing.ffn[i])
    clock.ffn[i] = end
    ready[b] = end + timing.communication[i] / 2
    return end


@compiled
def _lockstep(load: IntArray, i: int, timing: Timing, clock: Clock) -> float:
    """One cycle of the max form: it takes as long as the longest phase."""
    cycle = max(timing.communication[i], timing.ffn[i])
    for j in range(load.size):
        cycle = max(cycle, timing.alpha_a * load[j] + timing.beta_a)
    end = float(clock.ffn[i] + cycle)
    clock.ffn[i] = end
    return end


@compiled
def _observe(load: IntArray, i: int, timing: Timing, row: int, tally: Tally) -> None:
    total = 0.0
    square = 0.0
    for j in range(load.size):
        total += load[j]
        square += float(load[j]) ** 2
    tally.busy[row, i] += timing.alpha_a * total + timing.beta_a * load.size
    tally.load[row, i] += total
    tally.load_square[row, i] += square


@compiled
def _age(slots: Slots, b: int, step: int, used: int, fresh_prompt: IntArray, fresh_output: IntArray) -> int:
    """Every slot of microbatch `b` generates a token, and those that are done are refilled; returns requests used."""
    workers, batch = slots.end_step.shape[1:]
    for j in range(workers):
        slots.load[b, j] += batch
        if slots.next_end[b, j] > step:
            continue
        soonest = np.iinfo(np.int64).max
        for s in range(batch):
            if slots.end_step[b, j, s] == step:
                slots.load[b, j] += fresh_prompt[used] - slots.end_tokens[b, j, s]
                slots.end_step[b, j, s] = step + fresh_output[used]
                slots.end_tokens[b, j, s] = fresh_prompt[used] + fresh_output[used]
                used += 1
            soonest = min(soonest, slots.end_step[b, j, s])
        slots.next_end[b, j] = soonest
    return used

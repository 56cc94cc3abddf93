"""Plain, slow and readable: what the compiled bundle must equal."""

from dataclasses import dataclass


@dataclass
class Request:
    prompt: int
    output: int
    generated: int = 0

    @property
    def weight(self) -> int:
        return self.prompt + self.generated


def simulate(slots, fresh, timing, cycles, *, lockstep=False):
    """Runs microbatch-steps of `slots[microbatch][worker][slot]`; returns for each its end and the loads it saw.

    `timing` is (alpha_a, beta_a, communication, ffn); `fresh` yields the requests that refill free slots, in order of
    worker and slot.
    """
    seen = []
    for k in range(cycles):
        microbatch = slots[k % len(slots)]
        seen.append([sum(request.weight for request in worker) for worker in microbatch])
        for worker in microbatch:
            for s, request in enumerate(worker):
                request.generated += 1
                if request.generated == request.output:
                    worker[s] = next(fresh)
    return list(zip(bundle_ends(seen, timing, len(slots), lockstep=lockstep), seen, strict=True))


def bundle_ends(loads, timing, microbatches, *, lockstep=False):
    """The time at which each microbatch-step ends, from the loads of the workers in it."""
    alpha_a, beta_a, communication, ffn = timing
    attention_free, ready, ffn_free = [0.0] * len(loads[0]), [0.0] * microbatches, 0.0
    ends = []
    for k, of_workers in enumerate(loads):
        b = k % microbatches
        times = [alpha_a * load + beta_a for load in of_workers]
        if lockstep:
            ffn_free += max([*times, communication, ffn])
        else:
            attention_free = [max(free, ready[b]) + time for free, time in zip(attention_free, times, strict=True)]
            ffn_free = max(ffn_free, max(attention_free) + communication / 2) + ffn
            ready[b] = ffn_free + communication / 2
        ends.append(ffn_free)
    return ends


def static_cycle(loads, timing, cycles):
    """Mean time of a microbatch-step in the long run, where `loads[microbatch][worker]` never change."""
    microbatches = len(loads)
    ends = bundle_ends([loads[k % microbatches] for k in range(cycles * microbatches)], timing, microbatches)
    half = cycles // 2 * microbatches
    return (ends[-1] - ends[half - 1]) / (len(ends) - half)


def known(interval: tuple[float, float] | None) -> tuple[float, float]:
    """An interval that must be there."""
    assert interval is not None
    return interval

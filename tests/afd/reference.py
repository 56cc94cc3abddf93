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
    alpha_a, beta_a, communication, ffn = timing
    attention_free, ready = [0.0] * len(slots[0]), [0.0] * len(slots)
    ffn_free = 0.0
    trace = []
    for k in range(cycles):
        b = k % len(slots)
        loads = [sum(request.weight for request in worker) for worker in slots[b]]
        times = [alpha_a * load + beta_a for load in loads]
        if lockstep:
            ffn_free += max([*times, communication, ffn])
        else:
            attention_free = [max(free, ready[b]) + time for free, time in zip(attention_free, times, strict=True)]
            ffn_free = max(ffn_free, max(attention_free) + communication / 2) + ffn
            ready[b] = ffn_free + communication / 2
        trace.append((ffn_free, loads))
        for worker in slots[b]:
            for s, request in enumerate(worker):
                request.generated += 1
                if request.generated == request.output:
                    worker[s] = next(fresh)
    return trace

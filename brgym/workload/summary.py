"""A workload in a dozen numbers."""

from dataclasses import dataclass

import numpy as np

from brgym.workload._validation import FloatArray, IntArray


@dataclass(frozen=True)
class LengthSummary:
    """Mean, median, upper percentiles and maximum of a length, in tokens."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: int

    @classmethod
    def of(cls, tokens: IntArray) -> "LengthSummary":
        """Summarises `tokens`, shape `(requests,)`; percentiles are interpolated linearly."""
        p50, p90, p95, p99 = (float(q) for q in np.percentile(tokens, (50, 90, 95, 99)))
        return cls(mean=float(tokens.mean()), p50=p50, p90=p90, p95=p95, p99=p99, max=int(tokens.max()))


@dataclass(frozen=True)
class WorkloadSummary:
    """How many requests, how fast they come, how long they are.

    Attributes:
        requests: Their number.
        span_s: Seconds from the first arrival to the last, requests that follow others left out.
        rate_per_s: Gaps between arrivals over the span; None where all arrive at once.
        prompt_tokens: The prompts' lengths.
        output_tokens: The outputs' lengths.
    """

    requests: int
    span_s: float
    rate_per_s: float | None
    prompt_tokens: LengthSummary
    output_tokens: LengthSummary

    @classmethod
    def of(cls, arrival_s: FloatArray, prompt_tokens: IntArray, output_tokens: IntArray) -> "WorkloadSummary":
        """Summarises the columns of a workload.

        Args:
            arrival_s: Arrivals of the requests that come by themselves, all or fewer.
            prompt_tokens: Shape `(requests,)`.
            output_tokens: Shape `(requests,)`.
        """
        span_s = float(arrival_s[-1] - arrival_s[0])
        return cls(
            requests=len(prompt_tokens),
            span_s=span_s,
            rate_per_s=(len(arrival_s) - 1) / span_s if span_s > 0.0 else None,
            prompt_tokens=LengthSummary.of(prompt_tokens),
            output_tokens=LengthSummary.of(output_tokens),
        )

    def __str__(self) -> str:
        arrivals = "all at once" if self.rate_per_s is None else f"over {self.span_s:.6g} s at {self.rate_per_s:.4g}/s"
        lengths = f"mean prompt {self.prompt_tokens.mean:.1f}, mean output {self.output_tokens.mean:.1f} tokens"
        return f"{self.requests} requests {arrivals}, {lengths}"

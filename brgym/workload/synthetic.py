"""Synthetic workloads: one length law, one arrival process, one seed; and the built-in recipes made of them."""

from collections.abc import Callable

import numpy as np

from brgym._checks import check_integer, check_seed, shown
from brgym.workload._validation import MAX_TOKENS, FloatArray, IntArray
from brgym.workload.arrivals import ArrivalProcess, Backlog, Gamma, OnOff
from brgym.workload.lengths import (
    GaussianCopula,
    Geometric,
    JointLengths,
    LogNormal,
    QuantileTable,
    TruncatedNormalPair,
)
from brgym.workload.workload import Workload

_QUANTILE_LEVELS = (0.0, 0.01, 0.05, *(i / 10 for i in range(1, 10)), 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)

_MAX_REQUESTS = 2**31 - 1


def generate(lengths: JointLengths, arrivals: ArrivalProcess | None = None, *, count: int, seed: int) -> Workload:
    """Draws a workload; the same arguments give the same bytes.

    Lengths and arrivals have random streams of their own: another arrival process leaves the lengths as they are.

    Args:
        lengths: Joint law of prompt and output lengths; rounded to the nearest whole token, at least 1.
        arrivals: Arrival process; a backlog by default.
        count: Requests to draw, in 1..2**31 - 1.
        seed: Seed of the draws, at least 0.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If `count` or `seed` is out of range.
    """
    count = check_integer("count", count, minimum=1, maximum=_MAX_REQUESTS)
    seeds = np.random.SeedSequence(check_seed("seed", seed)).spawn(2)
    arrivals = Backlog() if arrivals is None else arrivals
    for name, law in (("lengths", lengths), ("arrivals", arrivals)):
        if not callable(getattr(law, "sample", None)):
            raise TypeError(f"{name} must have a method sample, got {shown(law)}")
    prompt, output = lengths.sample(count, np.random.default_rng(seeds[0]))
    arrival_s = arrivals.sample(count, np.random.default_rng(seeds[1]))
    return Workload(arrival_s, _whole_tokens(prompt), _whole_tokens(output))


def proprietary_like(*, count: int = 8000, seed: int = 0) -> Workload:
    """A stand-in for the proprietary trace of BalanceRoute (arXiv 2605.06113): 8,000 requests in backlog.

    A bivariate normal, prompt (3200, sd 2600), output (1200, sd 700), correlation -0.1, truncated to positive lengths,
    as in the synthetic set-up of its predecessor (arXiv 2601.17855). The truncation raises the means to about 3690 and
    1260; the trace itself has 3197 and 1185.
    """
    lengths = TruncatedNormalPair(
        prompt_mean=3200.0, prompt_sd=2600.0, output_mean=1200.0, output_sd=700.0, correlation=-0.1
    )
    return generate(lengths, count=count, seed=seed)


def azure_2024_conv_like(*, count: int = 10000, seed: int = 0) -> Workload:
    """A stand-in for the outputs above 1000 of the Azure 2024 conversation trace: 10,000 requests in backlog.

    The means, 4652 and 1052, are those of BalanceRoute (arXiv 2605.06113), which gives no spread: prompts are lognormal
    with sd 2500, outputs 1000 and a geometric rest of mean 52, independent of each other (our choice).
    """
    lengths = GaussianCopula(prompt=LogNormal(mean=4652.0, sd=2500.0), output=Geometric(mean=52.0, shift=1000))
    return generate(lengths, count=count, seed=seed)


def azure_2023_conv_like(*, count: int = 19366, seed: int = 0) -> Workload:
    """A stand-in for the Azure 2023 conversation trace (Patel et al., Splitwise, ISCA 2024): one hour, near-Poisson.

    Measured from the trace: quantiles of both lengths, their rank correlation, rate and CV of the gaps. The trace's
    means are 1155 and 211.
    """
    prompt = (2, 29, 181, 207, 387, 403, 703, 1020, 1071, 1130, 1315, 2734, 4083, 4098, 4142, 4831, 6179, 14050)
    output = (7, 16, 41, 54, 77, 91, 103, 129, 177, 384, 400, 424, 451, 540, 601, 643, 954, 1000)
    lengths = GaussianCopula(
        prompt=QuantileTable(levels=_QUANTILE_LEVELS, tokens=prompt),
        output=QuantileTable(levels=_QUANTILE_LEVELS, tokens=output),
        rank_correlation=0.073,
    )
    return generate(lengths, Gamma(rate_per_s=5.53, cv=1.094), count=count, seed=seed)


def azure_2023_code_like(*, count: int = 8819, seed: int = 0) -> Workload:
    """A stand-in for the Azure 2023 code trace (Patel et al., Splitwise, ISCA 2024): one hour, very bursty.

    Measured from the trace: quantiles of both lengths and their rank correlation. Its 57 gaps above 5 s are taken for
    the off periods (mean 43.2 s), what lies between for the on periods (mean 16.7 s at 9.08 requests per second), which
    gives back the gaps' CV of 13. The trace's means are 2048 and 28.
    """
    prompt = (3, 17, 75, 147, 386, 770, 1075, 1469, 1909, 2433, 3192, 5188, 7303, 7436, 7436, 7436, 7437, 7437)
    output = (6, 6, 6, 7, 8, 9, 11, 13, 16, 20, 29, 55, 90, 171, 251, 359, 825, 1899)
    lengths = GaussianCopula(
        prompt=QuantileTable(levels=_QUANTILE_LEVELS, tokens=prompt),
        output=QuantileTable(levels=_QUANTILE_LEVELS, tokens=output),
        rank_correlation=-0.021,
    )
    return generate(lengths, OnOff(rate_per_s=9.08, on_mean_s=16.7, off_mean_s=43.2), count=count, seed=seed)


def burstgpt_like(*, count: int = 8000, seed: int = 0) -> Workload:
    """A stand-in for the lengths of BurstGPT (Wang et al., KDD 2025): short answers, 8,000 requests in backlog.

    Measured from a random sample of 8,000 of its requests: quantiles of both lengths and their rank correlation. The
    sample's means are 363 and 57.
    """
    prompt = (9, 59, 80, 121, 175, 196, 206, 217, 232, 266, 377, 626, 1136, 2251, 2992, 3106, 3506, 14117)
    output = (1, 1, 2, 7, 7, 7, 7, 7, 20, 29, 48, 149, 243, 463, 642, 1055, 1897, 3206)
    lengths = GaussianCopula(
        prompt=QuantileTable(levels=_QUANTILE_LEVELS, tokens=prompt),
        output=QuantileTable(levels=_QUANTILE_LEVELS, tokens=output),
        rank_correlation=0.169,
    )
    return generate(lengths, count=count, seed=seed)


BUILT_IN: dict[str, Callable[..., Workload]] = {
    "proprietary-like": proprietary_like,
    "azure-2024-conv-like": azure_2024_conv_like,
    "azure-2023-conv-like": azure_2023_conv_like,
    "azure-2023-code-like": azure_2023_code_like,
    "burstgpt-like": burstgpt_like,
}
"""The recipes by name; each takes `count` and `seed`."""


def _whole_tokens(lengths: FloatArray) -> IntArray:
    return np.clip(np.rint(lengths), 1, MAX_TOKENS).astype(np.int64)

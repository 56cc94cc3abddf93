"""How many tokens of KV cache a busy slot holds in the long run: mean theta, standard deviation nu, and skewness.

A slot is refilled at once, so its load is a renewal process with rewards: a request of P prompt and D output tokens
holds P, P + 1, ..., P + D - 1 tokens in its D decode steps. Long outputs are therefore seen longer, and the correlation
of prompt and output matters.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from brgym._checks import check_integer, check_real, check_seed, check_type, keep_reals
from brgym.afd._types import FloatArray, IntArray, Interval
from brgym.afd.ranges import MAX_COUNT, MAX_LOAD_TOKENS, MAX_REPLICATES, MAX_SKEWNESS, MAX_TOKENS
from brgym.afd.requests import check_lengths


@dataclass(frozen=True)
class TokenLoad:
    """The stationary load of one slot, in tokens (arXiv 2601.21351 v2 and later).

    A worker that keeps `batch` slots busy carries `batch * theta` tokens on average, with variance `batch * nu**2`.

    Attributes:
        theta: Mean load of a slot.
        nu: Standard deviation of the load of a slot.
        replicates: Bootstrap replicates of (theta, nu, skewness), shape (replicates, 3); None where the load is known
            exactly.
        skewness: Third central moment of the load of a slot over nu^3 (our extension; only `"quasi-static"` asks).

    Raises:
        ValueError: If theta is not positive, nu is negative or the replicates have another shape.
    """

    theta: float
    nu: float
    replicates: FloatArray | None = field(default=None, repr=False, compare=False)
    skewness: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        keep_reals(self, "theta", minimum=0.0, maximum=MAX_LOAD_TOKENS, exclusive=True)
        keep_reals(self, "nu", minimum=0.0, maximum=MAX_LOAD_TOKENS)
        keep_reals(self, "skewness", minimum=-MAX_SKEWNESS, maximum=MAX_SKEWNESS)
        if self.replicates is not None:
            check_type("replicates", self.replicates, np.ndarray)
        if self.replicates is not None and (self.replicates.ndim != 2 or self.replicates.shape[1] != 3):
            raise ValueError(f"replicates must have shape (replicates, 3), got {self.replicates.shape}")

    @classmethod
    def geometric(cls, mean_prompt: float, mean_output: float, *, prompt_std: float = 0.0) -> Self:
        """The load under geometric outputs on 1, 2, ..., independent of the prompts (v1's case).

        `theta = E[P] + E[D] - 1` and `nu^2 = Var[P] + E[D] (E[D] - 1)`: the age is geometric from 0. The third central
        moment `E[D] (E[D] - 1) (2 E[D] - 1)` is the age's; prompts are taken as symmetric.
        """
        mean_prompt, mean_output, prompt_std = _check_means(mean_prompt, mean_output, prompt_std)
        age_variance = mean_output * (mean_output - 1.0)
        nu = float(np.hypot(prompt_std, np.sqrt(age_variance)))
        skewness = age_variance * (2 * mean_output - 1) / nu**3 if nu else 0.0
        return cls(mean_prompt + mean_output - 1.0, nu, skewness=skewness)

    @classmethod
    def constant(cls, mean_prompt: float, output: int, *, prompt_std: float = 0.0) -> Self:
        """The load where every request generates `output` tokens: the age is uniform on 0 .. output - 1.

        `theta = E[P] + (D - 1) / 2` and `nu^2 = Var[P] + (D^2 - 1) / 12`; prompts are taken as symmetric.
        """
        output = check_integer("output", output, minimum=1, maximum=MAX_TOKENS)
        mean_prompt, _, prompt_std = _check_means(mean_prompt, output, prompt_std)
        return cls(mean_prompt + (output - 1) / 2, float(np.hypot(prompt_std, np.sqrt((output**2 - 1) / 12))))

    def worker_mean(self, batch: int) -> float:
        """Mean load of a worker with `batch` busy slots, in tokens."""
        return batch * self.theta

    def worker_std(self, batch: int) -> float:
        """Standard deviation of the load of a worker with `batch` busy slots, in tokens."""
        return float(np.sqrt(batch) * self.nu)

    def worker_skewness(self, batch: int) -> float:
        """Skewness of the load of a worker with `batch` busy slots."""
        return float(self.skewness / np.sqrt(batch))

    def theta_interval(self, *, confidence: float = 0.95) -> Interval | None:
        """Percentile bootstrap interval of theta; None where the load is known exactly."""
        return None if self.replicates is None else percentile_interval(self.replicates[:, 0], confidence)

    def nu_interval(self, *, confidence: float = 0.95) -> Interval | None:
        """Percentile bootstrap interval of nu; None where the load is known exactly."""
        return None if self.replicates is None else percentile_interval(self.replicates[:, 1], confidence)


def token_load(
    prompt_tokens: npt.ArrayLike, output_tokens: npt.ArrayLike, *, replicates: int = 200, seed: int = 0
) -> TokenLoad:
    """Measures theta, nu and skewness from requests: a trace, or draws from a distribution.

    Ratios of sums over the requests, `theta = sum(D P + D (D - 1) / 2) / sum(D)`, nu and skewness likewise from the
    squares and cubes. They keep the correlation of prompt and output (arXiv 2601.21351 v2 and later; the skewness is
    ours). The bootstrap resamples whole requests; it takes them as independent, and under heavy tails it is itself
    optimistic.

    Args:
        prompt_tokens: Prompt tokens of each request, shape (requests,).
        output_tokens: Output tokens of each request, shape (requests,).
        replicates: Bootstrap replicates; 0 for none.
        seed: Seed of the bootstrap.

    Raises:
        TypeError: If `replicates` or `seed` is not a whole number.
        ValueError: If the lengths are bad (`check_lengths`), or `replicates` or `seed` is out of range.
    """
    prompt, output = check_lengths(prompt_tokens, output_tokens)
    replicates = check_integer("replicates", replicates, minimum=0, maximum=MAX_REPLICATES)
    rng = np.random.default_rng(check_seed("seed", seed))
    # Sums about a value near theta: squares of raw loads would cancel and lose nu's digits.
    centre = float(np.average(prompt + (output - 1) / 2, weights=output))
    sums = _request_sums(prompt, output, centre)
    theta, nu, skewness = _ratios(sums.sum(axis=0), centre)
    if not replicates:
        return TokenLoad(theta, nu, skewness=skewness)
    resampled = (sums[rng.integers(output.size, size=output.size)].sum(axis=0) for _ in range(replicates))
    return TokenLoad(theta, nu, np.array([_ratios(total, centre) for total in resampled]), skewness=skewness)


def finite_horizon_theta(mean_prompt: float, mean_output: float, *, requests: int, batch: int) -> float:
    """Mean load of a slot over a finite run from a cold start, under geometric outputs: v1's average, in tokens.

    All slots of a worker start fresh requests at step 0. After k steps the mean age is `(E[D] - 1) (1 - q^k)` with
    `q = 1 - 1 / E[D]`; it is averaged over the `K = requests E[D] / batch` steps in which the worker's `batch` slots
    serve `requests` requests. The limit of many requests is `TokenLoad.geometric(...).theta`.

    The horizon is our reading of arXiv 2601.21351 v1, whose text we could not check: with 10,000 requests *per worker*
    the illustrative coefficients give the ratio 9.30 that v1 reports; 10,000 per slot would give 9.55, 10,000 per
    bundle of nine workers 7.30.

    Args:
        mean_prompt: Mean prompt tokens.
        mean_output: Mean output tokens.
        requests: Requests that one attention worker serves.
        batch: Slots of the worker.

    Raises:
        ValueError: If a mean is below 1, or `requests` or `batch` is.
    """
    mean_prompt, mean_output, _ = _check_means(mean_prompt, mean_output, 0.0)
    requests = check_integer("requests", requests, minimum=1)
    batch = check_integer("batch", batch, minimum=1, maximum=MAX_COUNT)
    steps = requests * mean_output / batch
    remembered = -np.expm1(steps * np.log1p(-1.0 / mean_output)) if mean_output > 1 else 1.0
    return float(mean_prompt + (mean_output - 1.0) * (1.0 - mean_output * remembered / steps))


def percentile_interval(values: npt.ArrayLike, confidence: float) -> Interval:
    """The central interval that holds the share `confidence` of `values`.

    Raises:
        ValueError: If `confidence` is not between 0 and 1.
    """
    confidence = check_real("confidence", confidence, minimum=0.0, maximum=1.0, exclusive=True)
    low, high = np.quantile(np.asarray(values), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _request_sums(prompt: IntArray, output: IntArray, centre: float) -> FloatArray:
    """Per request: its decode steps, and the sums over them of its load less `centre`, of its square and its cube."""
    p, d = prompt - centre, output.astype(np.float64)
    ages = d * (d - 1) / 2
    squares = ages * (2 * d - 1) / 3
    cubes = d * p**3 + 3 * p**2 * ages + 3 * p * squares + ages**2
    return np.column_stack([d, d * p + ages, d * p**2 + 2 * p * ages + squares, cubes])


def _ratios(sums: FloatArray, centre: float) -> tuple[float, float, float]:
    mean, square, cube = sums[1:] / sums[0]
    nu = np.sqrt(max(0.0, square - mean**2))
    third = cube - 3 * mean * square + 2 * mean**3
    return float(centre + mean), float(nu), float(third / nu**3) if nu else 0.0


def _check_means(mean_prompt: float, mean_output: float, prompt_std: float) -> tuple[float, float, float]:
    return (
        check_real("mean_prompt", mean_prompt, minimum=1.0, maximum=MAX_TOKENS),
        check_real("mean_output", mean_output, minimum=1.0, maximum=MAX_TOKENS),
        check_real("prompt_std", prompt_std, minimum=0.0, maximum=MAX_TOKENS),
    )

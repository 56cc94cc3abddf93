"""Where a bundle's requests come from: (prompt, output) pairs, drawn together so that their correlation is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from brgym._checks import keep_integers, keep_reals
from brgym.afd._types import IntArray
from brgym.afd.ranges import MAX_TOKENS

Sampler = Callable[[np.random.Generator, int], tuple[npt.ArrayLike, npt.ArrayLike]]
"""Draws `count` independent requests: `(rng, count) -> (prompt_tokens, output_tokens)`."""

_POPULATION = 32_768
"""Fewest requests drawn from a sampler to stand for its distribution; a workload stands for itself."""

_POPULATION_PER_SLOT = 4

_MAX_SIGMA = 10.0
"""A length e^10 times the median is then an ordinary one."""


class Lengths(Protocol):
    """Anything that knows the lengths of its requests, a `Workload` first of all."""

    @property
    def prompt_tokens(self) -> npt.NDArray[np.integer]:
        """Prompt tokens of each request, shape (requests,)."""

    @property
    def output_tokens(self) -> npt.NDArray[np.integer]:
        """Output tokens of each request, shape (requests,)."""


def check_lengths(prompt_tokens: npt.ArrayLike, output_tokens: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Returns both lengths as int64 arrays of one shape (requests,), every length in 1..2**31 - 1.

    Raises:
        ValueError: If an array is not 1-D, is empty, is masked, holds something else than whole numbers in that range,
            or if the two differ in length; the first bad row is named.
    """
    prompt = _check_counts("prompt_tokens", prompt_tokens)
    output = _check_counts("output_tokens", output_tokens)
    if prompt.size != output.size:
        raise ValueError(f"prompt_tokens has {prompt.size} rows and output_tokens {output.size}: they must agree")
    return prompt, output


def _check_counts(name: str, values: npt.ArrayLike) -> IntArray:
    if np.ma.is_masked(values):
        raise ValueError(f"{name}, row {np.argmax(np.ma.getmaskarray(np.ma.asarray(values)))}: is masked")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be a 1-D array, got rows of several lengths") from None
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a 1-D array of at least one row, got shape {array.shape}")
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold whole numbers, got dtype {array.dtype}")
    bad = np.flatnonzero(~((array >= 1) & (array <= MAX_TOKENS) & (array == np.floor(array))))
    if bad.size:
        raise ValueError(f"{name}, row {bad[0]}: must be a whole number in 1..{MAX_TOKENS}, got {array[bad[0]]}")
    return array.astype(np.int64)


class RequestStream:
    """An endless supply of requests from a workload (resampled with replacement) or a sampler.

    Args:
        source: A workload or a sampler.
        rng: The source of randomness; the stream alone decides how it is used.

    Raises:
        TypeError: If `source` is neither.
        ValueError: If it yields bad lengths.
    """

    def __init__(self, source: Lengths | Sampler, rng: np.random.Generator) -> None:
        self._rng = rng
        self._source: Sampler | tuple[IntArray, IntArray]
        if callable(source):
            self._source = source
        elif hasattr(source, "prompt_tokens") and hasattr(source, "output_tokens"):
            self._source = check_lengths(source.prompt_tokens, source.output_tokens)
        else:
            raise TypeError(
                "workload must have prompt_tokens and output_tokens, or be a sampler (rng, count) -> (prompt, output), "
                f"got {type(source).__name__}"
            )

    def draw(self, count: int) -> tuple[IntArray, IntArray]:
        """Prompt and output tokens of `count` fresh requests, each of shape (count,)."""
        if not callable(self._source):
            prompt, output = self._source
            request = self._rng.integers(output.size, size=count)
            return prompt[request], output[request]
        prompt, output = check_lengths(*self._source(self._rng, count))
        if prompt.size != count:
            raise ValueError(f"the sampler was asked for {count} requests and drew {prompt.size}")
        return prompt, output

    def draw_in_service(self, count: int) -> tuple[IntArray, IntArray, IntArray]:
        """Prompt, output and generated tokens of `count` slots in their stationary state, each of shape (count,).

        A decode step picked uniformly among all steps of all requests belongs to a request of length-biased output, at
        a uniform age: renewal theory's stationary start.
        """
        prompt, output = self._population(_POPULATION_PER_SLOT * count)
        ends = np.cumsum(output)
        step = self._rng.integers(ends[-1], size=count)
        request = np.searchsorted(ends, step, side="right")
        age = step - (ends[request] - output[request])
        return prompt[request], output[request], age

    def mean_lifetime_in_service(self) -> float:
        """Mean output tokens of the requests found in service, E[D^2] / E[D]: how long loads take to decorrelate."""
        output = self._population(_POPULATION)[1].astype(np.float64)
        return float((output**2).sum() / output.sum())

    def _population(self, count: int) -> tuple[IntArray, IntArray]:
        """Requests that stand for the distribution: the workload's own, or a fresh sample of at least `count`."""
        return self.draw(max(count, _POPULATION)) if callable(self._source) else self._source


@dataclass(frozen=True)
class ConstantLengths:
    """A sampler of requests that are all alike.

    Attributes:
        prompt_tokens: Prompt tokens of every request.
        output_tokens: Output tokens of every request.
    """

    prompt_tokens: int
    output_tokens: int

    def __post_init__(self) -> None:
        keep_integers(self, "prompt_tokens", "output_tokens", minimum=1, maximum=MAX_TOKENS)

    def __call__(self, rng: np.random.Generator, count: int) -> tuple[IntArray, IntArray]:
        """Draws `count` requests; see `Sampler`."""
        return np.full(count, self.prompt_tokens), np.full(count, self.output_tokens)


@dataclass(frozen=True)
class GeometricLengths:
    """A sampler of independent geometric prompts and outputs on 1, 2, ... (the workload of arXiv 2601.21351 v1).

    Attributes:
        mean_prompt: Mean prompt tokens, at least 1.
        mean_output: Mean output tokens, at least 1.
    """

    mean_prompt: float
    mean_output: float

    def __post_init__(self) -> None:
        keep_reals(self, "mean_prompt", "mean_output", minimum=1.0, maximum=MAX_TOKENS)

    def __call__(self, rng: np.random.Generator, count: int) -> tuple[IntArray, IntArray]:
        """Draws `count` requests; see `Sampler`."""
        prompt, output = rng.geometric(1.0 / self.mean_prompt, count), rng.geometric(1.0 / self.mean_output, count)
        return np.minimum(prompt, MAX_TOKENS), np.minimum(output, MAX_TOKENS)


@dataclass(frozen=True)
class LognormalLengths:
    """A sampler of lognormal prompts and outputs, rounded to whole tokens of at least 1, which may be correlated.

    Attributes:
        mean_prompt: Mean prompt tokens before rounding, above 0.
        mean_output: Mean output tokens before rounding, above 0.
        sigma: Standard deviation of both logarithms.
        correlation: Correlation of the two logarithms, -1 to 1.
    """

    mean_prompt: float
    mean_output: float
    sigma: float = 0.8
    correlation: float = 0.0

    def __post_init__(self) -> None:
        keep_reals(self, "mean_prompt", "mean_output", minimum=0.0, maximum=MAX_TOKENS, exclusive=True)
        keep_reals(self, "sigma", minimum=0.0, maximum=_MAX_SIGMA)
        keep_reals(self, "correlation", minimum=-1.0, maximum=1.0)

    def __call__(self, rng: np.random.Generator, count: int) -> tuple[IntArray, IntArray]:
        """Draws `count` requests; see `Sampler`."""
        own = np.sqrt(1.0 - self.correlation**2)
        first, second = rng.standard_normal((2, count))
        return self._tokens(self.mean_prompt, first), self._tokens(
            self.mean_output, self.correlation * first + own * second
        )

    def _tokens(self, mean: float, normal: npt.NDArray[np.float64]) -> IntArray:
        length = mean * np.exp(self.sigma * normal - 0.5 * self.sigma**2)
        return np.clip(np.rint(length), 1, MAX_TOKENS).astype(np.int64)

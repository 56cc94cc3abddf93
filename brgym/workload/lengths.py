"""Length distributions: how long synthetic prompts and outputs are, each alone and both together.

A distribution of one length is given by its quantile function, so that a Gaussian copula can couple any two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from brgym._checks import check_real, keep_integers, keep_reals, shown
from brgym.workload._validation import MAX_TOKENS, FloatArray

_MIN_TOKENS = 1e-9
"""The smallest mean and deviation of a lognormal length: the square of their quotient stays finite."""


class LengthDistribution(Protocol):
    """The distribution of one length in tokens."""

    def quantile(self, levels: FloatArray) -> FloatArray:
        """The lengths below which shares `levels`, inside (0, 1), of the requests lie; not yet rounded to tokens."""
        ...


class JointLengths(Protocol):
    """The joint distribution of a request's prompt and output length."""

    def sample(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draws `count` prompt lengths and output lengths, both positive; not yet rounded to tokens."""
        ...


@dataclass(frozen=True, kw_only=True)
class Geometric:
    """`shift` tokens and then, after each further one, the same chance to end: the memoryless length.

    Attributes:
        mean: Mean number of tokens beyond `shift`, at least 1.
        shift: Tokens that every request has besides, at least 0.
    """

    mean: float
    shift: int = 0

    def __post_init__(self) -> None:
        keep_reals(self, "mean", minimum=1.0, maximum=MAX_TOKENS)
        keep_integers(self, "shift", minimum=0, maximum=MAX_TOKENS - 1)

    def quantile(self, levels: FloatArray) -> FloatArray:
        """Whole lengths, at least `shift + 1`."""
        if self.mean == 1.0:
            return np.full(levels.shape, self.shift + 1.0)
        beyond: FloatArray = np.ceil(np.log1p(-levels) / np.log1p(-1.0 / self.mean))
        return self.shift + np.maximum(beyond, 1.0)


@dataclass(frozen=True, kw_only=True)
class LogNormal:
    """Lognormal, given by its own mean and standard deviation (not those of the logarithm).

    Attributes:
        mean: Mean length in tokens, in 1e-9..2**31 - 1.
        sd: Standard deviation in tokens, in 1e-9..2**31 - 1.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        keep_reals(self, "mean", "sd", minimum=_MIN_TOKENS, maximum=MAX_TOKENS)

    def quantile(self, levels: FloatArray) -> FloatArray:
        """Positive lengths."""
        from scipy.special import ndtri

        variance = np.log1p((self.sd / self.mean) ** 2)
        quantile: FloatArray = self.mean * np.exp(np.sqrt(variance) * ndtri(levels) - variance / 2.0)
        return quantile


@dataclass(frozen=True, kw_only=True)
class QuantileTable:
    """A measured distribution, linear between its tabulated quantiles.

    Attributes:
        levels: Increasing shares of the requests, from 0 to 1.
        tokens: The length at each level: non-decreasing, at least 1.
    """

    levels: tuple[float, ...]
    tokens: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("levels", "tokens"):
            object.__setattr__(self, name, _figures(name, getattr(self, name)))
        if len(self.levels) != len(self.tokens) or len(self.levels) < 2:
            raise ValueError(
                f"levels and tokens must be two or more each, got {len(self.levels)} and {len(self.tokens)}"
            )
        if self.levels[0] != 0.0 or self.levels[-1] != 1.0 or np.any(np.diff(self.levels) <= 0.0):
            raise ValueError(f"levels must increase from 0 to 1, got {self.levels}")
        if not (self.tokens[0] >= 1.0 and np.all(np.diff(self.tokens) >= 0.0) and self.tokens[-1] <= MAX_TOKENS):
            raise ValueError(f"tokens must be in 1..{MAX_TOKENS} and non-decreasing, got {self.tokens}")

    def quantile(self, levels: FloatArray) -> FloatArray:
        """Lengths within the table's range."""
        return np.interp(levels, self.levels, self.tokens)


@dataclass(frozen=True, kw_only=True)
class GaussianCopula:
    """Any two length distributions, coupled by a Gaussian copula (Nelsen, An Introduction to Copulas, 2006).

    Attributes:
        prompt: Distribution of the prompts' lengths.
        output: Distribution of the outputs' lengths.
        rank_correlation: Spearman's correlation of the two, in -1..1.
    """

    prompt: LengthDistribution
    output: LengthDistribution
    rank_correlation: float = 0.0

    def __post_init__(self) -> None:
        for name in ("prompt", "output"):
            if not callable(getattr(getattr(self, name), "quantile", None)):
                raise TypeError(f"{name} must be a LengthDistribution, got {shown(getattr(self, name))}")
        keep_reals(self, "rank_correlation", minimum=-1.0, maximum=1.0)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draws `count` pairs. A normal pair with correlation r has Spearman's correlation (6 / pi) asin(r / 2)."""
        from scipy.special import ndtr

        correlation = 2.0 * np.sin(np.pi / 6.0 * self.rank_correlation)
        first, second = _correlated_normals(correlation, count, rng)
        epsilon = np.finfo(np.float64).eps
        levels = np.clip(ndtr((first, second)), epsilon, 1.0 - epsilon)
        return self.prompt.quantile(levels[0]), self.output.quantile(levels[1])


@dataclass(frozen=True, kw_only=True)
class TruncatedNormalPair:
    """A bivariate normal of which draws with a prompt or output that is not positive are rejected and drawn again.

    The parameters are those before the rejection, which raises the means.

    Attributes:
        prompt_mean: In tokens, above 0.
        prompt_sd: In tokens, above 0.
        output_mean: In tokens, above 0.
        output_sd: In tokens, above 0.
        correlation: Pearson's, in -1..1.
    """

    prompt_mean: float
    prompt_sd: float
    output_mean: float
    output_sd: float
    correlation: float = 0.0

    def __post_init__(self) -> None:
        figures = ("prompt_mean", "prompt_sd", "output_mean", "output_sd")
        keep_reals(self, *figures, minimum=0.0, maximum=MAX_TOKENS, exclusive=True)
        keep_reals(self, "correlation", minimum=-1.0, maximum=1.0)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draws `count` pairs."""
        prompt, output = np.empty(0), np.empty(0)
        while len(prompt) < count:
            first, second = _correlated_normals(self.correlation, count, rng)
            drawn_prompt = self.prompt_mean + self.prompt_sd * first
            drawn_output = self.output_mean + self.output_sd * second
            accepted = (drawn_prompt > 0.0) & (drawn_output > 0.0)
            prompt = np.concatenate((prompt, drawn_prompt[accepted]))
            output = np.concatenate((output, drawn_output[accepted]))
        return prompt[:count], output[:count]


def _figures(name: str, values: Any) -> tuple[float, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable) or np.ma.isMaskedArray(values):
        raise TypeError(f"{name} must be a sequence of real numbers, got {shown(values)}")
    return tuple(check_real(f"{name}[{place}]", value) for place, value in enumerate(values))


def _correlated_normals(correlation: float, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    first, independent = rng.standard_normal((2, count))
    return first, correlation * first + np.sqrt(1.0 - correlation**2) * independent

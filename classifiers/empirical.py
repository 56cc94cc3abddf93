"""The output-length distribution of past requests, conditioned on the tokens generated so far.

Both take the outputs of the training workload as complete: unlike the learned predictors they are also told of the last
few requests how long they went on after the workload's end, which speaks for these baselines if for anything.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator

from brgym._checks import check_integer
from brgym._compile import compiled
from brgym.cluster import Integers, Reals
from brgym.workload import Workload
from classifiers.fitted import check_fitted
from classifiers.interface import ActiveRequests
from classifiers.layout import MAX_OUTPUT_TOKENS, MAX_REQUESTS, Array, Layout, check_settings
from classifiers.lookup import Buckets, KeyIndex, first_above


class Survival(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """P(remaining > h) = P(O > a + h) / P(O > a) over the output lengths O of past requests, a = tokens generated.

    Its E[min(remaining, H + 1)] equals (1 - p_fin)(H + 1) + p_fin mu_rem with p_fin = P(a < O <= a + H) / P(O > a), the
    form in BalanceRoute (arXiv 2605.06113). Of a request that has outlived every training request nothing is known; it
    is taken to outlive the horizon too (our choice).

    Attributes:
        STORED: What the arrays of one on disk have to be.
        tail_: Training requests with more than k tokens, k = 0..longest output, shape (longest + 1,).
        workload_fingerprint_: Digest of the workload that it was fitted on.
    """

    STORED: ClassVar[Mapping[str, Array]] = {
        "tail": Array(shape=("ages",), dtype=np.int64, low=0, high=MAX_REQUESTS, order="falling", ends=0)
    }
    tail_: Integers
    workload_fingerprint_: str

    def fit(self, workload: Workload) -> Self:
        """Learns the distribution of a workload's output lengths."""
        self._use(_tail(workload.output_tokens))
        self.workload_fingerprint_ = workload.fingerprint()
        return self

    @property
    def mean_output_tokens(self) -> float:
        """Mean output length of the training requests."""
        return float(self.tail_.sum() / self.tail_[0])

    def expected_remaining(self, view: ActiveRequests, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] of each active request, in steps, shape (active requests,)."""
        check_fitted(self, "tail_")
        check_integer("horizon", horizon, minimum=0)
        return self.expected_at_each_age(horizon).take(view.active_generated_tokens, mode="clip")

    def survival(self, view: ActiveRequests, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, of each active request, shape (active requests, horizon + 1)."""
        check_fitted(self, "tail_")
        check_integer("horizon", horizon, minimum=0)
        return self.survival_after(view.active_generated_tokens, horizon)

    def expected_at_each_age(self, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] at ages 0..longest output; at the last one nobody is left to tell."""
        if horizon not in self._expected:
            sums = np.concatenate([[0], np.cumsum(self.tail_)])
            age = np.arange(len(self.tail_))
            steps = sums[np.minimum(age + horizon + 1, len(self.tail_))] - sums[age]
            self._expected[horizon] = np.where(self.tail_ > 0, steps / np.maximum(self.tail_, 1), horizon + 1.0)
        return self._expected[horizon]

    def survival_after(self, generated_tokens: Integers, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, after some tokens, shape (len(generated_tokens), horizon + 1)."""
        curves = np.empty((len(generated_tokens), horizon + 1))
        _tail_curves(generated_tokens, self.tail_, curves)
        return curves

    def dump(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """What `classifiers.save` writes: settings, arrays, scikit-learn estimators."""
        return {}, {"tail": self.tail_}, {}

    def layout(self, settings: Mapping[str, Any]) -> Layout:
        """What the parts that `dump` gives have to be."""
        check_settings(settings, {})
        return Layout(self.STORED, {}, {})

    def restore(self, settings: Mapping[str, Any], arrays: Mapping[str, Any], estimators: Mapping[str, Any]) -> None:
        """Takes back what `dump` gave."""
        self._use(arrays["tail"])

    def _use(self, tail: Integers) -> None:
        self.tail_ = tail
        self._expected: dict[int, Reals] = {}


class ExactMatch(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """`Survival` of the training requests with the same prompt hash; of all training requests on a miss.

    A miss is a hash that training has not seen, or one whose requests have all been outlived (BalanceRoute, arXiv
    2605.06113; what counts as a miss is our choice).

    Attributes:
        STORED: What the arrays of one on disk have to be.
        hashes_: Distinct training hashes, ascending, shape (hashes,).
        first_: Where each hash's outputs begin in `outputs_`, and the end of the last, shape (hashes + 1,).
        outputs_: Training outputs in tokens, ascending within each hash, shape (training requests,).
        fallback_: The `Survival` of all training requests.
        workload_fingerprint_: Digest of the workload that it was fitted on.
    """

    STORED: ClassVar[Mapping[str, Array]] = {
        "hashes": Array(shape=("hashes",), dtype=np.int64, order="strictly rising"),
        "first": Array(shape=("hashes+1",), dtype=np.int64, order="strictly rising", starts=0, ends="requests"),
        "outputs": Array(
            shape=("requests",), dtype=np.int64, low=1, high=MAX_OUTPUT_TOKENS, order="rising", within="first"
        ),
    }
    hashes_: Integers
    first_: Integers
    outputs_: Integers
    fallback_: Survival
    workload_fingerprint_: str

    def fit(self, workload: Workload) -> Self:
        """Learns the distributions.

        Raises:
            ValueError: If the workload has no prompt hashes.
        """
        if workload.prompt_hash is None:
            raise ValueError("ExactMatch needs a workload with prompt_hash")
        order = np.lexsort((workload.output_tokens, workload.prompt_hash))
        hashes, first = np.unique(workload.prompt_hash[order], return_index=True)
        self._use(hashes, np.append(first, len(order)), workload.output_tokens[order])
        self.workload_fingerprint_ = workload.fingerprint()
        return self

    @property
    def mean_output_tokens(self) -> float:
        """Mean output length of the training requests."""
        return self.fallback_.mean_output_tokens

    def expected_remaining(self, view: ActiveRequests, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] of each active request, in steps, shape (active requests,)."""
        check_fitted(self, "fallback_")
        check_integer("horizon", horizon, minimum=0)
        age = view.active_generated_tokens
        fallback = self.fallback_.expected_at_each_age(horizon)
        place = self._index.places(view.active_prompt_hash)
        expected = np.empty(len(age))
        _expected(place, age, horizon, self._buckets, self._output_sums, fallback, expected)
        return expected

    def survival(self, view: ActiveRequests, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, of each active request, shape (active requests, horizon + 1)."""
        check_fitted(self, "fallback_")
        check_integer("horizon", horizon, minimum=0)
        age = view.active_generated_tokens
        curves = self.fallback_.survival_after(age, horizon)
        _curves(self._index.places(view.active_prompt_hash), age, self._buckets, curves)
        return curves

    def dump(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """What `classifiers.save` writes: settings, arrays, scikit-learn estimators."""
        return {}, {"hashes": self.hashes_, "first": self.first_, "outputs": self.outputs_}, {}

    def layout(self, settings: Mapping[str, Any]) -> Layout:
        """What the parts that `dump` gives have to be."""
        check_settings(settings, {})
        return Layout(self.STORED, {}, {})

    def restore(self, settings: Mapping[str, Any], arrays: Mapping[str, Any], estimators: Mapping[str, Any]) -> None:
        """Takes back what `dump` gave."""
        self._use(arrays["hashes"], arrays["first"], arrays["outputs"])

    def _use(self, hashes: Integers, first: Integers, outputs: Integers) -> None:
        self.hashes_, self.first_, self.outputs_ = hashes, first, np.ascontiguousarray(outputs)
        self._buckets = Buckets.of(self.outputs_, first)
        self._index = KeyIndex(hashes)
        self._output_sums = np.concatenate([[0], np.cumsum(outputs)])
        self.fallback_ = Survival()
        self.fallback_._use(_tail(outputs))


@compiled
def _tail_curves(age: Integers, tail: Integers, curves: Reals) -> None:
    """Writes P(remaining > h) = tail[age + h] / tail[age], 1 where nobody is left to tell."""
    longest = len(tail) - 1
    for row in range(len(age)):
        alive = tail[min(age[row], longest)]
        known = min(curves.shape[1], max(longest - age[row], 0)) if alive > 0 else 0
        for h in range(known):
            curves[row, h] = tail[age[row] + h] / alive
        curves[row, known:] = 0.0 if alive > 0 else 1.0


@compiled
def _expected(
    place: Integers, age: Integers, horizon: int, outputs: Buckets, sums: Integers, fallback: Reals, expected: Reals
) -> None:
    """Writes E[min(remaining, horizon + 1)]; `fallback`, by age, where the prompt is not known or outlived."""
    for row in range(len(place)):
        alive, stop = 0, 0
        if place[row] >= 0:
            stop = outputs.first[place[row] + 1]
            alive = first_above(outputs, place[row], age[row])
        if alive == stop:
            expected[row] = fallback[min(age[row], len(fallback) - 1)]
            continue
        beyond = first_above(outputs, place[row], age[row] + horizon)
        finishing = sums[beyond] - sums[alive] - age[row] * (beyond - alive)
        expected[row] = (finishing + (horizon + 1) * (stop - beyond)) / (stop - alive)


@compiled
def _curves(place: Integers, age: Integers, outputs: Buckets, curves: Reals) -> None:
    """Replaces P(remaining > h) where the prompt is known and not outlived: stairs, one below each output."""
    for row in range(len(place)):
        if place[row] < 0:
            continue
        stop = outputs.first[place[row] + 1]
        alive = first_above(outputs, place[row], age[row])
        beyond = first_above(outputs, place[row], age[row] + curves.shape[1] - 1)
        if alive == stop:
            continue
        h = 0
        for stair in range(alive, beyond):
            ends = outputs.values[stair] - age[row]
            curves[row, h:ends] = (stop - stair) / (stop - alive)
            h = ends
        curves[row, h:] = (stop - beyond) / (stop - alive)


def _tail(output_tokens: Integers) -> Integers:
    counts = np.bincount(output_tokens)
    return len(output_tokens) - np.cumsum(counts)

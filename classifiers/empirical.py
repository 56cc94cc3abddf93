"""The output-length distribution of past requests, conditioned on the tokens generated so far."""

from typing import Self

import numpy as np
import numpy.typing as npt

from brgym._checks import check_integer
from brgym.cluster import Integers, Reals, RouterView
from brgym.workload import Workload


class Survival:
    """P(remaining > h) = P(O > a + h) / P(O > a) over the output lengths O of a training workload, a = tokens generated.

    Its E[min(remaining, H + 1)] equals (1 - p_fin)(H + 1) + p_fin mu_rem with p_fin = P(a < O <= a + H) / P(O > a), the
    form in BalanceRoute (arXiv 2605.06113). Of a request that has outlived every training request nothing is known; it
    is taken to outlive the horizon too (our choice).

    Attributes:
        tail_: Training requests with more than k tokens, k = 0..longest output, shape (longest + 1,).
    """

    tail_: Integers

    def fit(self, workload: Workload) -> Self:
        """Learns the distribution of a workload's output lengths."""
        self.tail_ = _tail(workload.output_tokens)
        self._tail_sums = np.concatenate([[0], np.cumsum(self.tail_)])
        return self

    def expected_remaining(self, view: RouterView, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] of each active request, in steps, shape (active requests,)."""
        check_integer("horizon", horizon, minimum=0)
        return self.expected_after(view.active_generated_tokens, horizon)

    def survival(self, view: RouterView, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, of each active request, shape (active requests, horizon + 1)."""
        check_integer("horizon", horizon, minimum=0)
        return self.survival_after(view.active_generated_tokens, horizon)

    def expected_after(self, generated_tokens: Integers, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] after some tokens, shape that of `generated_tokens`."""
        longest = len(self.tail_) - 1
        age = np.minimum(generated_tokens, longest)
        alive = self.tail_[age]
        steps = self._tail_sums[np.minimum(age + horizon + 1, longest + 1)] - self._tail_sums[age]
        return np.where(alive > 0, steps / np.maximum(alive, 1), horizon + 1.0)

    def survival_after(self, generated_tokens: Integers, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, after some tokens, shape (len(generated_tokens), horizon + 1)."""
        longest = len(self.tail_) - 1
        age = np.minimum(generated_tokens, longest)
        alive = self.tail_[age][:, None]
        later = self.tail_[np.minimum(age[:, None] + np.arange(horizon + 1), longest)]
        return np.where(alive > 0, later / np.maximum(alive, 1), 1.0)


class ExactMatch:
    """`Survival` of the training requests with the same prompt hash; of all training requests on a miss.

    A miss is a hash that training has not seen, or one whose requests have all been outlived (BalanceRoute, arXiv
    2605.06113; what counts as a miss is our choice).

    Attributes:
        hashes_: Distinct training hashes, ascending, shape (hashes,).
        fallback_: The `Survival` of all training requests.
    """

    hashes_: Integers
    fallback_: Survival

    def fit(self, workload: Workload) -> Self:
        """Learns the distributions.

        Raises:
            ValueError: If the workload has no prompt hashes.
        """
        if workload.prompt_hash is None:
            raise ValueError("ExactMatch needs a workload with prompt_hash")
        self.fallback_ = Survival().fit(workload)
        self.hashes_, group = np.unique(workload.prompt_hash, return_inverse=True)
        self._stride = int(workload.output_tokens.max()) + 1
        # One sorted list holds the outputs of all groups: the key of (group, output) is group x stride + output.
        order = np.argsort(group * self._stride + workload.output_tokens)
        outputs = workload.output_tokens[order]
        self._keys = group[order] * self._stride + outputs
        self._output_sums = np.concatenate([[0], np.cumsum(outputs)])
        return self

    def expected_remaining(self, view: RouterView, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)] of each active request, in steps, shape (active requests,)."""
        check_integer("horizon", horizon, minimum=0)
        age = view.active_generated_tokens
        group, known = self._groups(view.active_prompt_hash)
        first, beyond, last = (self._rank(group, bound) for bound in (age, age + horizon, self._stride - 1))
        alive = last - first
        finishing_sum = self._output_sums[beyond] - self._output_sums[first] - age * (beyond - first)
        steps = (finishing_sum + (horizon + 1) * (last - beyond)) / np.maximum(alive, 1)
        return np.where(known & (alive > 0), steps, self.fallback_.expected_after(age, horizon))

    def survival(self, view: RouterView, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, of each active request, shape (active requests, horizon + 1)."""
        check_integer("horizon", horizon, minimum=0)
        age = view.active_generated_tokens
        group, known = self._groups(view.active_prompt_hash)
        last = self._rank(group, self._stride - 1)
        alive = last - self._rank(group, age)
        later = last[:, None] - self._rank(group[:, None], age[:, None] + np.arange(horizon + 1))
        hit = (known & (alive > 0))[:, None]
        return np.where(hit, later / np.maximum(alive, 1)[:, None], self.fallback_.survival_after(age, horizon))

    def _groups(self, prompt_hash: Integers) -> tuple[Integers, npt.NDArray[np.bool_]]:
        group = np.minimum(np.searchsorted(self.hashes_, prompt_hash), len(self.hashes_) - 1)
        return group, self.hashes_[group] == prompt_hash

    def _rank(self, group: Integers, bound: Integers | int) -> Integers:
        """How many keys stand before the first of `group` with an output above `bound`."""
        return np.searchsorted(self._keys, group * self._stride + np.minimum(bound, self._stride - 1), side="right")


def _tail(output_tokens: Integers) -> Integers:
    counts = np.bincount(output_tokens)
    return len(output_tokens) - np.cumsum(counts)

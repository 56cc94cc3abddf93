"""What a learned predictor sees of an active request: one definition of each feature, to train and to route."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self

import numpy as np

from brgym._checks import check_choice
from brgym.cluster import Integers, Reals
from brgym.workload import Workload
from classifiers.interface import ActiveRequests
from classifiers.layout import Array
from classifiers.lookup import MISSING, KeyIndex
from classifiers.snapshots import STEP_S, Snapshots, observed_steps, somebody_queues

_DAY_S = 86_400.0

_OF_REQUEST: dict[str, Callable[[ActiveRequests], Reals]] = {
    "age_tokens": lambda active: active.active_generated_tokens.astype(np.float64),
    "prompt_tokens": lambda active: active.active_prompt_tokens.astype(np.float64),
    "log_age": lambda active: np.log1p(active.active_generated_tokens),
    "log_prompt": lambda active: np.log(active.active_prompt_tokens),
    "age_to_prompt": lambda active: active.active_generated_tokens / active.active_prompt_tokens,
    "log_queueing": lambda active: np.log1p(active.active_admit_s - active.active_arrival_s),
    "hour_sine": lambda active: np.sin(active.active_admit_s * (2.0 * np.pi / _DAY_S)),
    "hour_cosine": lambda active: np.cos(active.active_admit_s * (2.0 * np.pi / _DAY_S)),
}
_OF_HASH = ("hash_log_count", "hash_mean_log_output", "hash_sd_log_output")
_TAUGHT = ("log_queueing", "hour_sine", "hour_cosine", *_OF_HASH)
"""Features that not every workload can teach."""

FEATURES = (*_OF_REQUEST, *_OF_HASH)
"""All features. Age and prompt in tokens; queueing in seconds, of one more of which the logarithm is taken; the hour is
that of admission, on a circle of one day; the last three describe the outputs of past requests with the same prompt
hash."""


def has_history(names: Sequence[str]) -> bool:
    """Whether a feature needs the past by prompt hash."""
    return bool(set(names) & set(_OF_HASH))


def check_names(names: object, wanted: Sequence[str]) -> tuple[str, ...]:
    """Checks that names are those that `Features.of` leaves of the wanted ones, for some workload.

    Raises:
        ValueError: If they are not.
    """
    if not isinstance(names, list) or names != [name for name in wanted if name in names or name not in _TAUGHT]:
        raise ValueError(f"features must be {list(wanted)}, none missing but of {list(_TAUGHT)}; got {names!r:.200}")
    return tuple(names)


class PromptHistory:
    """What the outputs of past requests with the same prompt were like.

    A request without past is described by all requests: their mean and spread count as one request of every prompt
    (our choice). Outputs enter by their logarithms.

    Attributes:
        STORED: What the arrays of one on disk have to be.
        hashes: Distinct prompt hashes of finished requests, shape (prompts,).
        moments: Number of finished requests, sum and sum of squares of their log outputs, shape (prompts, 3).
        prior: 1, mean log output and mean square of it over all finished requests, shape (3,).
    """

    STORED: ClassVar[Mapping[str, Array]] = {
        "hashes": Array(shape=("prompts",), dtype=np.int64, order="strictly rising"),
        "hash_moments": Array(shape=("prompts", 3), low=0.0, high=1e12),
        "hash_prior": Array(shape=(3,), low=0.0, high=1e3),
    }

    def __init__(self, hashes: Integers, moments: Reals, prior: Reals) -> None:
        self.hashes, self.moments, self.prior = hashes, moments, prior
        self._index = KeyIndex(hashes)
        self._table = np.concatenate([self._describe(moments), self._describe(np.zeros((1, 3)))])

    @classmethod
    def of(cls, prompt_hash: Integers, output_tokens: Integers, finished: Integers) -> tuple[Self, Reals]:
        """Learns from requests in order of arrival.

        Args:
            prompt_hash: Shape (requests,).
            output_tokens: Shape (requests,).
            finished: Rows of the requests whose outputs are known.

        Returns:
            The history, and what it said of each request when that arrived, shape (requests, 3): from earlier requests
            only. A request described with its own output would give its own end away.
        """
        hashes, group = np.unique(prompt_hash, return_inverse=True)
        log_output = np.zeros(len(prompt_hash))
        log_output[finished] = np.log(output_tokens[finished])
        known = np.zeros(len(prompt_hash))
        known[finished] = 1.0
        terms = np.column_stack([known, log_output, log_output**2])
        order = np.argsort(group, kind="stable")
        before = np.concatenate([np.zeros((1, 3)), np.cumsum(terms[order], axis=0)])
        first = np.searchsorted(group[order], np.arange(len(hashes)))
        last = np.append(first[1:], len(group))
        history = cls(hashes, before[last] - before[first], before[-1] / max(before[-1, 0], 1.0))
        earlier = np.empty_like(terms)
        earlier[order] = before[:-1] - before[first][group[order]]
        return history, history._describe(earlier)

    def describe(self, prompt_hash: Integers) -> Reals:
        """The features `hash_*` of prompts, shape (len(prompt_hash), 3)."""
        return self._table[self._index.places(prompt_hash)]  # a missing one stands last

    def _describe(self, moments: Reals) -> Reals:
        count = moments[:, 0]
        mean, square = ((moments[:, 1:] + self.prior[1:]) / (count[:, None] + 1.0)).T
        return np.column_stack([np.log1p(count), mean, np.sqrt(np.maximum(square - mean**2, 0.0))])


assert MISSING == -1  # `describe` finds the description of an unknown prompt in the last row


class Features:
    """Turns active requests into the rows that a model reads.

    Attributes:
        names: Columns, of `FEATURES`.
        history: The past by prompt hash; None where no column needs it.

    Raises:
        ValueError: If nothing fills a column: its name is not of `FEATURES`, or it needs a history and there is none.
    """

    def __init__(self, names: tuple[str, ...], history: PromptHistory | None = None) -> None:
        for name in names:
            check_choice("feature", name, FEATURES)
            if name in _OF_HASH and history is None:
                raise ValueError(f"feature {name!r} tells of past requests of the same prompt, and none are given")
        self.names = names
        self.history = history
        self._at_arrival: Reals = np.zeros((0, 3))

    @classmethod
    def of(
        cls,
        workload: Workload,
        wanted: tuple[str, ...],
        *,
        step_s: float | None = STEP_S,
        admit_s: Reals | None = None,
    ) -> Self:
        """Keeps of the wanted features those that the workload can teach, and learns the past of its prompts.

        The hour is left out where the workload spans less than a day: nothing would be known of the hours to come.
        Queueing is left out without the admissions of a run, or where no request queued in it. The history is left out
        where there are no prompt hashes.
        """
        unknown = set()
        if workload.arrival_s[-1] - workload.arrival_s[0] < _DAY_S:
            unknown |= {"hour_sine", "hour_cosine"}
        if not somebody_queues(workload, admit_s):
            unknown.add("log_queueing")
        if workload.prompt_hash is None:
            unknown |= set(_OF_HASH)
        names = tuple(name for name in wanted if name not in unknown)
        if workload.prompt_hash is None or not has_history(names):
            return cls(names)
        finished = np.flatnonzero(observed_steps(workload, step_s, admit_s=admit_s) == workload.output_tokens)
        history, at_arrival = PromptHistory.of(workload.prompt_hash, workload.output_tokens, finished)
        features = cls(names, history)
        features._at_arrival = at_arrival
        return features

    def matrix(self, active: ActiveRequests) -> Reals:
        """The features of active requests, shape (active requests, features)."""
        return self._matrix(active, None if self.history is None else self.history.describe(active.active_prompt_hash))

    def training_matrix(self, snapshots: Snapshots) -> Reals:
        """The features of snapshots of the very workload that was learned from, as they were known at that time.

        Differs from `matrix` in the prompt's history alone, which holds earlier requests only.
        """
        return self._matrix(snapshots, None if self.history is None else self._at_arrival[snapshots.request])

    def _matrix(self, active: ActiveRequests, of_hash: Reals | None) -> Reals:
        matrix = np.empty((len(active.active_prompt_tokens), len(self.names)), order="F")  # trees read columns
        for column, name in enumerate(self.names):
            if name in _OF_REQUEST:
                matrix[:, column] = _OF_REQUEST[name](active)
            else:
                assert of_hash is not None  # the constructor has seen to it
                matrix[:, column] = of_hash[:, _OF_HASH.index(name)]
        return matrix

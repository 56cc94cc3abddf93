"""The `Workload`: a fixed list of requests, in order of arrival, that never changes after it is made."""

import builtins
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brgym._checks import check_integer, check_real
from brgym.workload._validation import (
    TOKENS_RANGE,
    FloatArray,
    IntArray,
    WorkloadError,
    decreases,
    first_true,
    malformed_tokens,
)
from brgym.workload.summary import WorkloadSummary

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Workload:
    """Requests in order of arrival: when each comes, how long its prompt is, how many tokens it will generate.

    The arrays are copies and cannot be written to; every operation returns a new workload. Two workloads are equal
    when their contents are.

    Attributes:
        arrival_s: Shape `(requests,)`, seconds, finite, not negative, non-decreasing.
        prompt_tokens: Shape `(requests,)`, at least 1.
        output_tokens: Shape `(requests,)`, at least 1. Routers never see them.
        prompt_hash: Shape `(requests,)`: equal prompts have equal hashes; None where prompts are unknown.
    """

    arrival_s: FloatArray
    prompt_tokens: IntArray
    output_tokens: IntArray
    prompt_hash: IntArray | None

    def __init__(
        self,
        arrival_s: ArrayLike,
        prompt_tokens: ArrayLike,
        output_tokens: ArrayLike,
        prompt_hash: ArrayLike | None = None,
    ) -> None:
        """Copies and checks the four columns.

        Raises:
            WorkloadError: If a column is not one-dimensional and numeric, if the columns are empty or differ in
                length, or if an entry is out of range; the message names the parameter and the first bad row, from 0.
        """
        arrival = _arrivals(arrival_s)
        columns = {
            "arrival_s": arrival,
            "prompt_tokens": _tokens("prompt_tokens", prompt_tokens),
            "output_tokens": _tokens("output_tokens", output_tokens),
            "prompt_hash": None if prompt_hash is None else _hashes(prompt_hash),
        }
        for name, column in columns.items():
            if column is not None and len(column) != len(arrival):
                raise WorkloadError(f"{name} has {len(column)} entries, arrival_s has {len(arrival)}")
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.arrival_s)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Workload):
            return NotImplemented
        pairs = zip(self._columns(), other._columns(), strict=True)
        return all(a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs)

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __repr__(self) -> str:
        return f"Workload({self.summary()})"

    def __reduce__(self) -> tuple[type["Workload"], tuple[NDArray[Any] | None, ...]]:
        return Workload, self._columns()  # through the constructor, so that an unpickled workload is read-only too

    def take(self, rows: ArrayLike) -> "Workload":
        """The requests in `rows`, for example `w.take(w.output_tokens > 1000)`.

        Args:
            rows: Booleans of shape `(requests,)`, or row numbers from 0 in an order that keeps arrivals sorted.

        Raises:
            WorkloadError: If `rows` is of another shape or type, out of range or empty, or unsorts the arrivals.
        """
        chosen = np.asarray(rows)
        if chosen.dtype == np.bool_ and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
            what = f"{chosen.dtype} of shape {chosen.shape}"
            raise WorkloadError(f"rows must be {len(self)} booleans or a list of row numbers, got {what}")
        if len(chosen) == 0:
            raise WorkloadError("rows selects no request")
        bad = first_true((chosen < 0) | (chosen >= len(self)))
        if bad is not None:
            raise WorkloadError(f"rows[{bad}] = {chosen[bad]}: must be in 0..{len(self) - 1}")
        return self._rows(chosen)

    def slice(self, start: int, stop: int) -> "Workload":
        """Requests `start` to `stop - 1`, with their arrival times as they are.

        Raises:
            ValueError: Unless `0 <= start < stop <= len(self)`.
        """
        stop = check_integer("stop", stop, minimum=1, maximum=len(self))
        start = check_integer("start", start, minimum=0, maximum=stop - 1)
        return self._rows(np.s_[start:stop])

    def split_by_time(self, fraction: float) -> tuple["Workload", "Workload"]:
        """The earliest `fraction` of the requests, and the rest; each has at least one.

        Raises:
            ValueError: Unless `0 <= fraction <= 1` and there are two requests or more.
        """
        count = self._first_part(fraction)
        return self.slice(0, count), self.slice(count, len(self))

    def split_at_random(self, fraction: float, *, seed: int) -> tuple["Workload", "Workload"]:
        """A random `fraction` of the requests, and the rest, both in order of arrival; each has at least one.

        Raises:
            ValueError: Unless `0 <= fraction <= 1` and there are two requests or more.
        """
        count = self._first_part(fraction)
        rng = np.random.default_rng(check_integer("seed", seed, minimum=0))
        first = np.zeros(len(self), dtype=np.bool_)
        first[rng.choice(len(self), size=count, replace=False)] = True
        return self.take(first), self.take(~first)

    def rescale_rate(self, factor: float) -> "Workload":
        """The same requests arriving `factor` times as fast: arrival times divided by `factor`.

        Raises:
            ValueError: Unless `factor` is above 0.
        """
        return self._arriving(self.arrival_s / check_real("factor", factor, minimum=0.0, exclusive=True))

    def backlog(self) -> "Workload":
        """The same requests, all waiting at time 0."""
        return self._arriving(np.zeros(len(self)))

    def rebase(self, start_s: float = 0.0) -> "Workload":
        """The same requests, shifted in time so that the first arrives at `start_s`.

        Raises:
            ValueError: If `start_s` is negative.
        """
        start_s = check_real("start_s", start_s, minimum=0.0)
        return self._arriving(self.arrival_s - self.arrival_s[0] + start_s)

    def summary(self) -> WorkloadSummary:
        """Count, span, rate and length statistics."""
        return WorkloadSummary.of(self.arrival_s, self.prompt_tokens, self.output_tokens)

    def fingerprint(self) -> str:
        """A digest of the content, 32 hexadecimal digits: the same on every machine, other for other content."""
        digest = hashlib.blake2b(digest_size=16)
        for column in self._columns():
            if column is not None:
                digest.update(f"{column.dtype.kind}{len(column)}:".encode())
                digest.update(column.astype(column.dtype.newbyteorder("<"), copy=False).data)
        return digest.hexdigest()

    def _columns(self) -> tuple[FloatArray, IntArray, IntArray, IntArray | None]:
        return self.arrival_s, self.prompt_tokens, self.output_tokens, self.prompt_hash

    def _rows(self, rows: "IntArray | builtins.slice") -> "Workload":
        prompt_hash = None if self.prompt_hash is None else self.prompt_hash[rows]
        return Workload(self.arrival_s[rows], self.prompt_tokens[rows], self.output_tokens[rows], prompt_hash)

    def _arriving(self, arrival_s: FloatArray) -> "Workload":
        return Workload(arrival_s, self.prompt_tokens, self.output_tokens, self.prompt_hash)

    def _first_part(self, fraction: float) -> int:
        fraction = check_real("fraction", fraction, minimum=0.0, maximum=1.0)
        if len(self) < 2:
            raise WorkloadError("a workload of one request cannot be split")
        return min(max(round(fraction * len(self)), 1), len(self) - 1)


def concatenate(workloads: Sequence[Workload]) -> Workload:
    """All requests of several workloads on one clock, sorted by arrival; ties keep the order of the workloads.

    To play `b` after `a`, move it in time: `concatenate([a, b.rebase(a.arrival_s[-1])])`.

    Raises:
        WorkloadError: If there are none, or if some have prompt hashes and others have not.
    """
    if not workloads:
        raise WorkloadError("workloads is empty: nothing to concatenate")
    hashes = [w.prompt_hash for w in workloads if w.prompt_hash is not None]
    if hashes and len(hashes) < len(workloads):
        raise WorkloadError(f"workloads: {len(hashes)} of {len(workloads)} have prompt hashes; all must, or none")
    arrival = np.concatenate([w.arrival_s for w in workloads])
    order = np.argsort(arrival, kind="stable")
    return Workload(
        arrival[order],
        np.concatenate([w.prompt_tokens for w in workloads])[order],
        np.concatenate([w.output_tokens for w in workloads])[order],
        np.concatenate(hashes)[order] if hashes else None,
    )


def _arrivals(values: ArrayLike) -> FloatArray:
    array = _numeric_column("arrival_s", values, kinds="fiu").astype(np.float64, copy=False)
    bad = first_true(~(np.isfinite(array) & (array >= 0.0)))
    if bad is not None:
        raise WorkloadError(f"arrival_s[{bad}] = {array[bad]}: must be finite and at least 0")
    bad = first_true(decreases(array))
    if bad is not None:
        raise WorkloadError(f"arrival_s[{bad}] = {array[bad]} lies before arrival_s[{bad - 1}] = {array[bad - 1]}")
    return _frozen(array + 0.0 if np.signbit(array).any() else array, np.float64)  # -0.0 + 0.0 is 0.0: one zero only


def _tokens(name: str, values: ArrayLike) -> IntArray:
    array = _numeric_column(name, values, kinds="fiu")
    bad = first_true(malformed_tokens(array) | (array < 1))
    if bad is not None:
        raise WorkloadError(f"{name}[{bad}] = {array[bad]}: must be {TOKENS_RANGE}")
    return _frozen(array, np.int64)


def _hashes(values: ArrayLike) -> IntArray:
    array = _numeric_column("prompt_hash", values, kinds="iu")
    bad = first_true(array > np.iinfo(np.int64).max)
    if bad is not None:
        raise WorkloadError(f"prompt_hash[{bad}] = {array[bad]}: must fit a signed 64-bit integer")
    return _frozen(array, np.int64)


def _numeric_column(name: str, values: ArrayLike, *, kinds: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or len(array) == 0:
        raise WorkloadError(f"{name} must be a one-dimensional array of at least one entry, got shape {array.shape}")
    if array.dtype.kind not in kinds:
        wanted = "numbers" if "f" in kinds else "integers"
        raise WorkloadError(f"{name} must hold {wanted}, got {array.dtype}")
    return array


def _frozen(array: NDArray[Any], dtype: type[T]) -> NDArray[T]:
    """A read-only copy; an array that is read-only and owns its data already is shared."""
    if array.dtype == dtype and array.base is None and not array.flags.writeable:
        return array
    copy = np.array(array, dtype=dtype)
    copy.flags.writeable = False
    return copy

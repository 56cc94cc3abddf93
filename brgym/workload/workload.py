"""The `Workload`: a fixed list of requests, in order of arrival, that never changes after it is made."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike

from brgym._checks import check_choice, check_integer, check_real, check_seed, keep_integers
from brgym.workload import columns as col
from brgym.workload._validation import FloatArray, IntArray, WorkloadError, first_true
from brgym.workload.arrivals import ArrivalProcess
from brgym.workload.summary import WorkloadSummary
from brgym.workload.turns import Orphans, earliest_s, in_order, renumbered


class Saturated(Protocol):
    """What says at which rate requests saturate it: a cluster."""

    def capacity(self, workload: "Workload", /) -> float:
        """Requests per second."""
        ...


_OPTIONAL = ("max_tokens", "after", "patience_s")
_LEFT_OUT = -2


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Workload:
    """Requests in order of arrival: when each comes, how long its prompt is, how many tokens it will generate.

    The arrays are copies and cannot be written to; every operation returns a new workload. Two workloads are equal
    when their contents are.

    Attributes:
        arrival_s: Shape `(requests,)`, seconds, finite, not negative, at most 2**33, non-decreasing. Of a request that
            follows another it is the delay after that one has finished, and stands in no order.
        prompt_tokens: Shape `(requests,)`, at least 1.
        output_tokens: Shape `(requests,)`, at least 1. Routers never see them.
        prompt_hash: Shape `(requests,)`: equal prompts have equal hashes; None where prompts are unknown.
        max_tokens: Shape `(requests,)`, the client's limit on the output, at least `output_tokens`; or None.
        after: Shape `(requests,)`: the row of the earlier request that this one follows, or -1 where it arrives by
            itself; None where all do.
        patience_s: Shape `(requests,)`, seconds after which an unfinished request leaves, above 0, infinity allowed;
            None where all wait for ever.
        concurrency: How many requests are in the system at once in a closed loop, in which arrival times are ignored
            and the next comes in when one leaves; None where they come at their own times.
    """

    arrival_s: FloatArray
    prompt_tokens: IntArray
    output_tokens: IntArray
    prompt_hash: IntArray | None
    max_tokens: IntArray | None
    after: IntArray | None
    patience_s: FloatArray | None
    concurrency: int | None

    def __init__(
        self,
        arrival_s: ArrayLike,
        prompt_tokens: ArrayLike,
        output_tokens: ArrayLike,
        prompt_hash: ArrayLike | None = None,
        *,
        max_tokens: ArrayLike | None = None,
        after: ArrayLike | None = None,
        patience_s: ArrayLike | None = None,
        concurrency: int | None = None,
    ) -> None:
        """Copies and checks the columns.

        Raises:
            WorkloadError: If a column is not one-dimensional and numeric, if the columns are empty or differ in
                length, or if an entry is out of range; the message names the parameter and the first bad row, from 0.
        """
        follows = None if after is None else col.predecessors(after)
        arrival = col.arrivals(arrival_s, follows)
        output = col.tokens("output_tokens", output_tokens)
        columns = {
            "arrival_s": arrival,
            "prompt_tokens": col.tokens("prompt_tokens", prompt_tokens),
            "output_tokens": output,
            "prompt_hash": None if prompt_hash is None else col.hashes(prompt_hash),
            "max_tokens": None if max_tokens is None else col.limits(max_tokens, output),
            "after": follows,
            "patience_s": None if patience_s is None else col.patiences(patience_s),
        }
        for name, column in columns.items():
            if column is not None:
                col.same_length(name, column, arrival)
            object.__setattr__(self, name, column)
        object.__setattr__(self, "concurrency", concurrency)
        keep_integers(self, "concurrency", minimum=1, optional=True)
        if concurrency is not None and follows is not None and (follows >= 0).any():
            raise WorkloadError(
                f"a closed loop (concurrency {concurrency}) brings the next request in when one leaves: there can be "
                f"none that follows another, as request {first_true(follows >= 0)} does"
            )

    def __len__(self) -> int:
        return len(self.arrival_s)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Workload):
            return NotImplemented
        pairs = zip(self._columns().values(), other._columns().values(), strict=True)
        same = self.concurrency == other.concurrency
        return same and all(a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs)

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __repr__(self) -> str:
        return f"Workload({self.summary()})"

    def __reduce__(self) -> tuple[Callable[..., "Workload"], tuple[()]]:
        return partial(Workload, **self._fields()), ()  # the constructor, so that what is unpickled is read-only too

    def take(self, rows: ArrayLike, *, orphans: Orphans = "error") -> "Workload":
        """The requests in `rows`, for example `w.take(w.output_tokens > 1000)`.

        Args:
            rows: Booleans of shape `(requests,)`, or row numbers from 0 in an order that keeps arrivals sorted.
            orphans: What becomes of a request that follows one that is left out. "error": the error names the row.
                "arrive": it arrives by itself, when it would have if the answers before it had taken no time; all
                conversations are then sorted by their beginnings.

        Raises:
            WorkloadError: If `rows` is of another shape or type, out of range or empty, or unsorts the arrivals; if a
                request follows one that is left out; if one is chosen twice where requests follow others.
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
        return self._rows(chosen.astype(np.int64), orphans)

    def slice(self, start: int, stop: int, *, orphans: Orphans = "error") -> "Workload":
        """Requests `start` to `stop - 1`, with their arrival times as they are; `orphans` as in `take`.

        Raises:
            ValueError: Unless `0 <= start < stop <= len(self)`, or as `take`.
        """
        stop = check_integer("stop", stop, minimum=1, maximum=len(self))
        start = check_integer("start", start, minimum=0, maximum=stop - 1)
        return self._rows(np.arange(start, stop), orphans)

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
        rng = np.random.default_rng(check_seed("seed", seed))
        first = np.zeros(len(self), dtype=np.bool_)
        first[rng.choice(len(self), size=count, replace=False)] = True
        return self.take(first), self.take(~first)

    def rescale_rate(self, factor: float) -> "Workload":
        """The same requests arriving `factor` times as fast: arrival times divided by `factor`.

        The delays of requests that follow others stay: more users come, and each thinks as long as before.

        Raises:
            ValueError: Unless `factor` is above 0.
        """
        factor = check_real("factor", factor, minimum=0.0, exclusive=True)
        with np.errstate(over="ignore"):  # the constructor says what is out of range
            return self._arriving(self.arrival_s / factor)

    def capacity(self, cluster: "Saturated") -> float:
        """The rate in requests per second at which these requests saturate a cluster.

        Args:
            cluster: The cluster (`brgym.ClusterConfig`), whose `capacity` works it out: an upper bound of what any
                router serves, which good ones come near.

        Raises:
            ValueError: If none of the requests fits one of its workers.
        """
        return cluster.capacity(self)

    def at_load(self, load: float, cluster: "Saturated") -> "Workload":
        """The same requests arriving at a load: at `load` times the rate that saturates a cluster, on average.

        Args:
            load: The mean rate of arrivals over `capacity`, above 0.
            cluster: The cluster.

        Raises:
            ValueError: If `load` is out of range, or all requests arrive at once and so at no rate at all.
        """
        load = check_real("load", load, minimum=0.0, exclusive=True)
        if self.concurrency is not None:
            raise ValueError(f"a closed loop (concurrency {self.concurrency}) has no rate of arrivals that a load sets")
        rate_per_s = self.summary().rate_per_s
        if rate_per_s is None:
            raise ValueError("all requests arrive at once, at no rate that a load could set: give them arrivals first")
        conversations = len(self) if self.after is None else int((self.after < 0).sum())
        return self.rescale_rate(load * self.capacity(cluster) / (rate_per_s * len(self) / conversations))

    def with_arrivals(self, arrivals: ArrivalProcess, *, seed: int = 0) -> "Workload":
        """The same requests, in the same order, arriving as a process has it; those that follow others still do.

        Args:
            arrivals: The process, see `brgym.workload.arrivals`.
            seed: Seed of its draws.

        Raises:
            ValueError: If `seed` is negative.
        """
        rng = np.random.default_rng(check_integer("seed", seed, minimum=0))
        return self._arriving(arrivals.sample(len(self), rng))

    def with_columns(
        self,
        *,
        max_tokens: ArrayLike | None = None,
        after: ArrayLike | None = None,
        patience_s: ArrayLike | None = None,
    ) -> "Workload":
        """The same requests with other optional columns; those not given stay.

        Raises:
            WorkloadError: As the constructor.
        """
        given = {"max_tokens": max_tokens, "after": after, "patience_s": patience_s}
        return Workload(**self._fields() | {name: column for name, column in given.items() if column is not None})

    def closed_loop(self, *, concurrency: int) -> "Workload":
        """The same requests in a closed loop: the next comes in, in their order, when one has finished or left.

        Args:
            concurrency: How many are in the system at once, at least 1.

        Raises:
            WorkloadError: If some follow others.
        """
        return Workload(**self._columns(), concurrency=concurrency)

    def backlog(self) -> "Workload":
        """The same requests, all waiting at time 0; those that follow others still do."""
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
        by_themselves = self.arrival_s if self.after is None else self.arrival_s[self.after < 0]
        return WorkloadSummary.of(by_themselves, self.prompt_tokens, self.output_tokens)

    def fingerprint(self) -> str:
        """A digest of the content, 32 hexadecimal digits: the same on every machine, other for other content."""
        digest = hashlib.blake2b(digest_size=16)
        for name, column in self._columns().items():
            if column is not None:
                if name in _OPTIONAL:
                    digest.update(f"{name}:".encode())
                digest.update(f"{column.dtype.kind}{len(column)}:".encode())
                digest.update(column.astype(column.dtype.newbyteorder("<"), copy=False).data)
        if self.concurrency is not None:
            digest.update(f"concurrency:{self.concurrency}".encode())
        return digest.hexdigest()

    def _columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "concurrency"}

    def _fields(self) -> dict[str, Any]:
        return self._columns() | {"concurrency": self.concurrency}

    def _rows(self, rows: IntArray, orphans: Orphans) -> "Workload":
        check_choice("orphans", orphans, get_args(Orphans))
        columns = _chosen(self._columns(), rows)
        if self.after is None:
            return Workload(**columns, concurrency=self.concurrency)
        after = renumbered(self.after, rows)
        bad = first_true(after == _LEFT_OUT)
        if bad is not None and orphans == "error":
            raise WorkloadError(
                f"request {rows[bad]} follows request {self.after[rows[bad]]}, which is left out; orphans='arrive' "
                "lets it arrive by itself"
            )
        if bad is not None:
            columns["arrival_s"] = np.where(
                after == _LEFT_OUT, earliest_s(self.arrival_s, self.after)[rows], columns["arrival_s"]
            )
            order, after = in_order(columns["arrival_s"], np.maximum(after, -1))
            columns = _chosen(columns, order)
        return Workload(**columns | {"after": after}, concurrency=self.concurrency)

    def _arriving(self, arrival_s: FloatArray) -> "Workload":
        """The same requests at other times; delays after other requests stay."""
        if self.after is not None:
            arrival_s = np.where(self.after < 0, arrival_s, self.arrival_s)
        return Workload(**self._fields() | {"arrival_s": arrival_s})

    def _first_part(self, fraction: float) -> int:
        fraction = check_real("fraction", fraction, minimum=0.0, maximum=1.0)
        if len(self) < 2:
            raise WorkloadError("a workload of one request cannot be split")
        return min(max(round(fraction * len(self)), 1), len(self) - 1)


def concatenate(workloads: Sequence[Workload]) -> Workload:
    """All requests of several workloads on one clock, sorted by arrival; ties keep the order of the workloads.

    Requests that follow others are sorted by when their conversation began. Where some workloads have no `after` or
    `patience_s`, theirs are -1 and infinity. To play `b` after `a`, move it in time:
    `concatenate([a, b.rebase(a.arrival_s[-1])])`.

    Raises:
        WorkloadError: If there are none, or if some have prompt hashes, `max_tokens` or a closed loop and others have
            not, or another.
    """
    if not workloads:
        raise WorkloadError("workloads is empty: nothing to concatenate")
    joined: dict[str, Any] = {
        "arrival_s": np.concatenate([w.arrival_s for w in workloads]),
        "prompt_tokens": np.concatenate([w.prompt_tokens for w in workloads]),
        "output_tokens": np.concatenate([w.output_tokens for w in workloads]),
        "prompt_hash": _all_or_none("prompt hashes", [w.prompt_hash for w in workloads]),
        "max_tokens": _all_or_none("max_tokens", [w.max_tokens for w in workloads]),
        "patience_s": _patience_s(workloads),
    }
    after = _after(workloads)
    if after is None:
        order = np.argsort(joined["arrival_s"], kind="stable")
    else:
        order, after = in_order(joined["arrival_s"], after)
    return Workload(**_chosen(joined, order), after=after, concurrency=_concurrency(workloads))


def _chosen(columns: dict[str, Any], rows: IntArray) -> dict[str, Any]:
    return {name: None if column is None else column[rows] for name, column in columns.items()}


def _all_or_none(what: str, columns: Sequence[IntArray | None]) -> IntArray | None:
    present = [column for column in columns if column is not None]
    if present and len(present) < len(columns):
        raise WorkloadError(f"workloads: {len(present)} of {len(columns)} have {what}; all must, or none")
    return np.concatenate(present) if present else None


def _concurrency(workloads: Sequence[Workload]) -> int | None:
    first, *others = (w.concurrency for w in workloads)
    if any(other != first for other in others):
        raise WorkloadError(f"workloads: concurrency must be the same in all, got {[w.concurrency for w in workloads]}")
    return first


def _patience_s(workloads: Sequence[Workload]) -> FloatArray | None:
    if all(w.patience_s is None for w in workloads):
        return None
    return np.concatenate([np.full(len(w), np.inf) if w.patience_s is None else w.patience_s for w in workloads])


def _after(workloads: Sequence[Workload]) -> IntArray | None:
    if all(w.after is None for w in workloads):
        return None
    columns, start = [], 0
    for w in workloads:
        columns.append(np.full(len(w), -1) if w.after is None else np.where(w.after < 0, -1, w.after + start))
        start += len(w)
    return np.concatenate(columns)

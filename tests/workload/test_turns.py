"""Requests that follow others, limits, patience: what a `Workload` promises of them, and what its operations keep."""

import pickle
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym.cluster import ClusterConfig
from brgym.workload import Workload, WorkloadError, concatenate

CHAT = Workload([0, 1, 5, 2, 3], [10, 20, 30, 40, 50], [1, 2, 3, 4, 5], after=[-1, -1, 0, 2, -1])
"""Two turns behind the first request: 5 s after its end, then 2 s after that; three requests arrive by themselves."""


@st.composite
def with_turns(draw: st.DrawFn, *, minimum: int = 1) -> Workload:
    count = draw(st.integers(minimum, 10))
    after = [draw(st.integers(-1, i - 1)) for i in range(count)]
    arrivals, now = [], 0.0
    for before in after:
        gap = draw(st.integers(0, 9)) / 4.0
        now = now if before >= 0 else now + gap
        arrivals.append(gap if before >= 0 else now)
    output = [draw(st.integers(1, 9)) for _ in range(count)]
    return Workload(
        arrivals,
        np.arange(1, count + 1),  # each request's own, so that it is known wherever it goes
        output,
        max_tokens=[draw(st.integers(tokens, 20)) for tokens in output],
        after=after,
        patience_s=[draw(st.sampled_from([0.5, 7.0, np.inf])) for _ in range(count)],
    )


def told(workload: Workload) -> dict[int, tuple[Any, ...]]:
    """By prompt: what belongs to a request wherever it stands, and the prompt that it follows."""
    assert workload.after is not None
    prompts = workload.prompt_tokens.tolist()
    before = [prompts[k] if k >= 0 else None for k in np.asarray(workload.after).tolist()]
    columns = workload.output_tokens, workload.max_tokens, workload.patience_s
    return dict(zip(prompts, zip(*(np.asarray(c).tolist() for c in columns), before, strict=True), strict=True))


class TestColumns:
    def test_they_are_typed_and_cannot_be_written(self) -> None:
        workload = Workload([0, 1], [1, 1], [1, 2], max_tokens=[3.0, 2], after=[-1, 0], patience_s=[1, np.inf])
        columns = workload.max_tokens, workload.after, workload.patience_s
        assert [np.asarray(c).dtype.name for c in columns] == ["int64", "int64", "float64"]
        for column in columns:
            with pytest.raises(ValueError, match="read-only"):
                cast(Any, column)[0] = 1

    def test_they_are_keyword_only(self) -> None:
        with pytest.raises(TypeError):
            Workload([0], [1], [1], None, [1])  # type: ignore[call-arg]

    def test_delays_stand_in_no_order_but_arrivals_do(self) -> None:
        assert Workload([3, 0.5, 4], [1, 1, 1], [1, 1, 1], after=[-1, 0, -1]).arrival_s.tolist() == [3, 0.5, 4]
        with pytest.raises(WorkloadError, match=r"arrival_s\[2\] = 2.0 lies before arrival_s\[0\] = 3.0"):
            Workload([3, 9, 2], [1, 1, 1], [1, 1, 1], after=[-1, 0, -1])

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"after": [0, -1]}, r"after\[0\] = 0: must be -1"),
            ({"after": [-1, 1]}, r"after\[1\] = 1: must be an earlier row, in 0\.\.0, or -1"),
            ({"after": [-1, -2]}, r"after\[1\] = -2"),
            ({"after": [-1, 0.0]}, r"after must hold integers"),
            ({"after": [-1]}, r"after has 1 entries, arrival_s has 2"),
            (
                {"max_tokens": [5, 5]},
                r"max_tokens\[1\] = 5: must be at least output_tokens\[1\] = 6 and at most 2147483647",
            ),
            ({"max_tokens": [5, 2**31]}, r"max_tokens\[1\] = 2147483648: must be a whole number in 1\.\.2147483647"),
            ({"max_tokens": [5, 6, 7]}, r"max_tokens has 3 entries"),
            ({"max_tokens": [5, np.inf]}, r"max_tokens\[1\] = inf"),
            ({"patience_s": [1, 0]}, r"patience_s\[1\] = 0: must be above 0"),
            ({"patience_s": [np.nan, 1]}, r"patience_s\[0\] = nan"),
            ({"patience_s": [1]}, r"patience_s has 1 entries"),
        ],
    )
    def test_they_are_checked(self, columns: dict[str, Any], message: str) -> None:
        with pytest.raises(WorkloadError, match=message):
            Workload([0, 1], [1, 1], [5, 6], **columns)


class TestNumbers:
    @pytest.mark.parametrize(
        ("column", "values", "message"),
        [
            ("prompt_tokens", np.array([1, np.inf], dtype=np.float16), r"prompt_tokens\[1\] = inf: must be a whole"),
            ("prompt_tokens", np.array([1, 2**31], dtype=np.float32), r"prompt_tokens\[1\] = 2147483648.0"),
            ("output_tokens", np.array([1, 2**63], dtype=np.uint64), r"output_tokens\[1\] = 9223372036854775808"),
            ("output_tokens", np.array([1, -(2**63)]), r"output_tokens\[1\] = -9223372036854775808"),
            ("output_tokens", [1, 2**64], r"output_tokens\[1\] = 1\.8446744073709552e\+19"),
            ("output_tokens", [1, -(10**400)], r"output_tokens\[1\] = -inf"),
            ("output_tokens", [1, "x"], r"output_tokens must hold numbers"),
            ("output_tokens", [1, None], r"output_tokens must hold numbers, got output_tokens\[1\] = None"),
            ("output_tokens", [1, [2]], r"output_tokens must be a one-dimensional"),
            ("prompt_hash", [1, 2**64], r"prompt_hash\[1\] = 18446744073709551616: must fit a signed 64-bit integer"),
            ("prompt_hash", [-1, 2**63], r"prompt_hash\[1\] = 9223372036854775808: must fit a signed 64-bit integer"),
            ("prompt_hash", [-1, 10**5000], r"prompt_hash\[1\] = <int>: must fit"),
            ("arrival_s", np.array([0, np.inf], dtype=np.float16), r"arrival_s\[1\] = inf"),
            ("arrival_s", [0, 1e15], r"arrival_s\[1\] = 1000000000000000.0: .* in 0\.\.2\*\*33 s \(272 years\)"),
            ("arrival_s", [0, 2**70], r"arrival_s\[1\] = 1\.18"),
            ("arrival_s", [0, 1j], r"arrival_s must hold numbers, got complex128"),
        ],
    )
    def test_what_no_column_can_hold_is_named(self, column: str, values: object, message: str) -> None:
        columns = {"arrival_s": [0, 1], "prompt_tokens": [1, 1], "output_tokens": [1, 1], "prompt_hash": [1, 1]}
        with pytest.raises(WorkloadError, match=message):
            Workload(**columns | {column: values})  # type: ignore[arg-type]

    @pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float16, np.float32, np.longdouble, np.uint64, object])
    def test_any_type_of_number_will_do(self, dtype: type) -> None:
        column: Any = np.array([1, 100], dtype=dtype)
        assert Workload(column, column, column) == Workload([1.0, 100.0], [1, 100], [1, 100])

    def test_the_limits_themselves_are_in_range(self) -> None:
        workload = Workload([2.0**33], [2**31 - 1], [2**31 - 1], [-(2**63)], max_tokens=[2**31 - 1])
        assert workload.arrival_s[0] + 1e-6 > workload.arrival_s[0]

    def test_a_rate_that_no_clock_can_hold_is_refused(self) -> None:
        with pytest.raises(WorkloadError, match=r"arrival_s\[1\] = .*272 years"):
            Workload([0, 1], [1, 1], [1, 1]).rescale_rate(1e-300)


class TestValue:
    @given(with_turns(), with_turns())
    def test_fingerprints_are_equal_exactly_where_contents_are(self, one: Workload, other: Workload) -> None:
        assert (one == other) == (one.fingerprint() == other.fingerprint())

    @given(with_turns())
    def test_copies_are_equal(self, workload: Workload) -> None:
        twin = pickle.loads(pickle.dumps(workload))
        assert twin == workload
        assert twin.fingerprint() == workload.fingerprint()

    def test_each_column_has_a_place_of_its_own_in_the_fingerprint(self) -> None:
        plain = ([0, 1], [1, 1], [1, 1])
        ones = [1, 1]
        found = [
            Workload(*plain),
            Workload(*plain, ones),
            Workload(*plain, max_tokens=ones),
            Workload(*plain, patience_s=ones),
        ]
        assert len({workload.fingerprint() for workload in found}) == 4

    def test_the_summary_tells_the_rate_of_those_that_arrive_by_themselves(self) -> None:
        summary = CHAT.summary()
        assert (summary.requests, summary.span_s, summary.rate_per_s) == (5, 3.0, 2 / 3)


class TestOperations:
    @given(with_turns(), st.data())
    def test_taking_keeps_all_that_belongs_to_a_request(self, workload: Workload, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.booleans(), min_size=len(workload), max_size=len(workload)).filter(any))
        whole, rows = told(workload), np.flatnonzero(chosen)
        after: Any = workload.after
        orphans = [i for i in rows.tolist() if after[i] >= 0 and not chosen[after[i]]]
        if orphans:
            with pytest.raises(WorkloadError, match=f"request {orphans[0]} follows request {after[orphans[0]]}"):
                workload.take(chosen)
        else:
            taken = workload.take(chosen)
            assert taken.arrival_s.tolist() == workload.arrival_s[rows].tolist()
            assert told(taken) == {row + 1: whole[row + 1] for row in rows.tolist()}
        arriving = told(workload.take(chosen, orphans="arrive"))
        lonely = {row + 1: (*whole[row + 1][:3], None) for row in orphans}
        assert arriving == {row + 1: whole[row + 1] for row in rows.tolist()} | lonely

    def test_an_orphan_arrives_when_answers_that_take_no_time_let_it(self) -> None:
        taken = CHAT.take([1, 3, 4], orphans="arrive")
        assert taken.prompt_tokens.tolist() == [20, 50, 40]
        assert taken.arrival_s.tolist() == [1, 3, 7]
        assert np.asarray(taken.after).tolist() == [-1, -1, -1]

    def test_slices_are_as_strict(self) -> None:
        assert np.asarray(CHAT.slice(0, 4).after).tolist() == [-1, -1, 0, 2]
        with pytest.raises(WorkloadError, match=r"request 2 follows request 0, which is left out; orphans='arrive'"):
            CHAT.slice(2, 5)
        assert CHAT.slice(2, 5, orphans="arrive").arrival_s.tolist() == [3, 5, 2]
        with pytest.raises(ValueError, match="unknown orphans 'keep'"):
            CHAT.slice(0, 2, orphans="keep")  # type: ignore[arg-type]

    def test_no_request_that_others_follow_is_taken_twice(self) -> None:
        with pytest.raises(WorkloadError, match=r"rows\[0\] = 0 is chosen twice"):
            CHAT.take([0, 0, 2])

    @given(with_turns(), st.sampled_from([0.5, 4.0]))
    def test_other_arrivals_leave_delays_as_they_are(self, workload: Workload, factor: float) -> None:
        alone = np.asarray(workload.after) < 0
        first = workload.arrival_s[0]
        for changed, expected in (
            (workload.rescale_rate(factor), workload.arrival_s / factor),
            (workload.rebase(2.0), workload.arrival_s - first + 2.0),
            (workload.backlog(), np.zeros(len(workload))),
        ):
            assert changed.arrival_s.tolist() == np.where(alone, expected, workload.arrival_s).tolist()
            assert told(changed) == told(workload)

    @given(st.lists(with_turns(), min_size=1, max_size=3))
    def test_concatenation_keeps_whom_each_follows(self, parts: list[Workload]) -> None:
        moved, start = [], 0
        for part in parts:  # prompts that differ between the parts too
            columns: dict[str, Any] = {
                "max_tokens": part.max_tokens,
                "after": part.after,
                "patience_s": part.patience_s,
            }
            moved.append(Workload(part.arrival_s, part.prompt_tokens + start, part.output_tokens, **columns))
            start += len(part)
        together = concatenate(moved)
        assert told(together) == {prompt: what for part in moved for prompt, what in told(part).items()}

    def test_concatenation_fills_in_what_none_was_said_of(self) -> None:
        plain = Workload([0.5], [1], [1])
        together = concatenate([CHAT, plain])
        assert np.asarray(together.after).tolist() == [-1, 0, 1, -1, -1, -1]
        assert together.arrival_s.tolist() == [0, 5, 2, 0.5, 1, 3]
        patient = Workload([0.5], [1], [1], patience_s=[3])
        assert np.asarray(concatenate([plain, patient]).patience_s).tolist() == [np.inf, 3]
        with pytest.raises(WorkloadError, match="1 of 2 have max_tokens"):
            concatenate([plain, Workload([0.5], [1], [1], max_tokens=[3])])


class TestClosedLoop:
    def test_it_goes_through_every_change(self) -> None:
        plain = Workload([0, 1, 2], [1, 2, 3], [4, 5, 6], max_tokens=[4, 5, 6])
        loop = plain.closed_loop(concurrency=2)
        assert (loop.concurrency, plain.concurrency) == (2, None)
        for changed in (loop.take([0, 2]), loop.slice(1, 3), loop.backlog(), loop.rescale_rate(2.0), loop.rebase(3.0)):
            assert changed.concurrency == 2
        assert concatenate([loop, loop]).concurrency == 2
        assert pickle.loads(pickle.dumps(loop)) == loop != plain
        assert loop.fingerprint() != plain.fingerprint() != loop.closed_loop(concurrency=3).fingerprint()

    def test_what_it_cannot_be_together_with(self) -> None:
        with pytest.raises(WorkloadError, match="none that follows another, as request 2 does"):
            CHAT.closed_loop(concurrency=4)
        with pytest.raises(WorkloadError, match="concurrency must be the same in all"):
            concatenate([Workload([0], [1], [1]), Workload([0], [1], [1], concurrency=1)])
        with pytest.raises(ValueError, match="concurrency must be at least 1"):
            Workload([0], [1], [1], concurrency=0)
        with pytest.raises(ValueError, match="has no rate of arrivals"):
            Workload([0, 1], [1, 1], [1, 1], concurrency=1).at_load(0.5, ClusterConfig())

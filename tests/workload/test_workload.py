"""What a `Workload` promises, and what its operations keep."""

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym.workload import Workload, WorkloadError, concatenate


@st.composite
def workloads(draw: st.DrawFn, *, minimum: int = 1, hashed: bool | None = None) -> Workload:
    count = draw(st.integers(minimum, 12))
    gaps = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    lengths = st.lists(st.integers(1, 5000), min_size=count, max_size=count)
    has_hash = draw(st.booleans()) if hashed is None else hashed
    hashes = draw(st.lists(st.integers(0, 2**63 - 1), min_size=count, max_size=count)) if has_hash else None
    return Workload(np.cumsum(gaps) / 4.0, draw(lengths), draw(lengths), hashes)


def requests(workload: Workload) -> list[tuple[float, int, int]]:
    columns = workload.arrival_s, workload.prompt_tokens, workload.output_tokens
    return list(zip(*(column.tolist() for column in columns), strict=True))


class TestConstruction:
    def test_columns_are_typed_copies_that_cannot_be_written(self) -> None:
        arrival = np.array([0.0, 1.0])
        workload = Workload(arrival, [3, 4.0], np.array([5, 6], dtype=np.uint8), [7, 8])
        arrival[0] = 0.5
        assert workload.arrival_s.tolist() == [0.0, 1.0]
        assert [c.dtype.name for c in (workload.arrival_s, workload.prompt_tokens, workload.output_tokens)] == [
            "float64",
            "int64",
            "int64",
        ]
        assert workload.prompt_hash is not None
        for column in (workload.arrival_s, workload.prompt_tokens, workload.output_tokens, workload.prompt_hash):
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 1

    def test_attributes_cannot_be_replaced(self) -> None:
        with pytest.raises(AttributeError):
            Workload([0], [1], [1]).arrival_s = np.zeros(1)  # type: ignore[misc]

    def test_a_read_only_view_of_a_writable_array_is_copied(self) -> None:
        owner = np.array([1, 2])
        view = owner.view()
        view.flags.writeable = False
        workload = Workload([0.0, 0.0], view, view)
        owner[0] = 9
        assert workload.prompt_tokens.tolist() == [1, 2]

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            (([], [], []), r"arrival_s must be a one-dimensional array of at least one entry"),
            (([[0.0]], [1], [1]), r"arrival_s must be a one-dimensional"),
            ((["a"], [1], [1]), r"arrival_s must hold numbers"),
            (([0, 1], [1], [1, 1]), r"prompt_tokens has 1 entries, arrival_s has 2"),
            (([0, 1], [1, 1], [1, 1], [1]), r"prompt_hash has 1 entries, arrival_s has 2"),
            (([0, np.nan], [1, 1], [1, 1]), r"arrival_s\[1\] = nan"),
            (([0, np.inf], [1, 1], [1, 1]), r"arrival_s\[1\] = inf"),
            (([-1, 0], [1, 1], [1, 1]), r"arrival_s\[0\] = -1.0"),
            (([0, 2, 1], [1, 1, 1], [1, 1, 1]), r"arrival_s\[2\] = 1.0 lies before arrival_s\[1\] = 2.0"),
            (([0, 1], [1, 0], [1, 1]), r"prompt_tokens\[1\] = 0: must be a whole number in 1\.\."),
            (([0, 1], [1, 1], [-3, 1]), r"output_tokens\[0\] = -3"),
            (([0, 1], [1, 1.5], [1, 1]), r"prompt_tokens\[1\] = 1.5"),
            (([0, 1], [1, np.nan], [1, 1]), r"prompt_tokens\[1\] = nan"),
            (([0, 1], [1, 1], [1, 2**40]), r"output_tokens\[1\] = 1099511627776"),
            (([0, 1], np.ma.array([1, 7], mask=[False, True]), [1, 1]), r"prompt_tokens\[1\] is masked"),
            (([0], [1], [True]), r"output_tokens must hold numbers, got bool"),
            (([0], [1], [1], [0.5]), r"prompt_hash must hold integers"),
            (([0], [1], [1], np.array([2**63], dtype=np.uint64)), r"prompt_hash\[0\]"),
        ],
    )
    def test_errors_name_the_parameter_and_the_first_bad_row(self, columns: tuple[Any, ...], message: str) -> None:
        with pytest.raises(WorkloadError, match=message):
            Workload(*columns)

    def test_it_imports_without_heavy_libraries(self) -> None:
        code = "import sys, brgym.workload; print(sorted({'pyarrow', 'pooch', 'scipy', 'torch'} & set(sys.modules)))"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "[]"


class TestValue:
    @given(workloads())
    def test_copies_are_equal_and_read_only(self, workload: Workload) -> None:
        for twin in (pickle.loads(pickle.dumps(workload)), copy.deepcopy(workload)):
            assert twin == workload
            assert twin.fingerprint() == workload.fingerprint()
            assert hash(twin) == hash(workload)
            assert not twin.arrival_s.flags.writeable

    @given(workloads(), workloads())
    def test_fingerprints_are_equal_exactly_where_contents_are(self, one: Workload, other: Workload) -> None:
        assert (one == other) == (one.fingerprint() == other.fingerprint())

    def test_the_fingerprint_is_the_same_in_every_process(self) -> None:
        assert Workload([0.0, 1.5], [3, 4], [5, 6], [7, 8]).fingerprint() == "d5a193d7ec857dcf34df7a9e232a9ee1"

    def test_negative_zero_is_zero(self) -> None:
        assert Workload([-0.0], [1], [1]).fingerprint() == Workload([0.0], [1], [1]).fingerprint()

    def test_it_is_unequal_to_other_things(self) -> None:
        assert Workload([0], [1], [1]) != Workload([0], [1], [1], [0])
        assert Workload([0], [1], [1]) != 1

    def test_the_summary_counts_gaps_over_the_span(self) -> None:
        summary = Workload([0.0, 1.0, 4.0], [1, 2, 6], [10, 10, 40]).summary()
        assert (summary.requests, summary.span_s, summary.rate_per_s) == (3, 4.0, 0.5)
        assert (summary.prompt_tokens.mean, summary.prompt_tokens.p50, summary.prompt_tokens.max) == (3.0, 2.0, 6)
        assert summary.output_tokens.mean == 20.0

    def test_a_backlog_has_no_rate(self) -> None:
        workload = Workload([0.0, 0.0], [1, 2], [3, 4])
        assert workload.summary().rate_per_s is None
        assert repr(workload) == ("Workload(2 requests all at once, mean prompt 1.5, mean output 3.5 tokens)")


class TestOperations:
    @given(workloads(minimum=2), st.floats(0, 1))
    def test_a_split_by_time_is_a_partition_into_earlier_and_later(self, workload: Workload, fraction: float) -> None:
        first, second = workload.split_by_time(fraction)
        assert requests(first) + requests(second) == requests(workload)
        assert concatenate([first, second]) == workload

    @given(workloads(minimum=2), st.floats(0, 1), st.integers(0, 5))
    def test_a_random_split_is_a_partition(self, workload: Workload, fraction: float, seed: int) -> None:
        first, second = workload.split_at_random(fraction, seed=seed)
        assert len(first) == min(max(round(fraction * len(workload)), 1), len(workload) - 1)
        assert sorted(requests(first) + requests(second)) == sorted(requests(workload))
        assert workload.split_at_random(fraction, seed=seed) == (first, second)

    @given(workloads(), st.sampled_from([0.25, 0.5, 2.0, 8.0]))
    def test_rescaling_multiplies_the_rate(self, workload: Workload, factor: float) -> None:
        faster = workload.rescale_rate(factor)
        assert (faster.arrival_s * factor).tolist() == workload.arrival_s.tolist()
        assert faster.rescale_rate(1 / factor) == workload

    @given(workloads())
    def test_a_backlog_keeps_all_but_the_arrivals(self, workload: Workload) -> None:
        backlog = workload.backlog()
        assert not backlog.arrival_s.any()
        assert [r[1:] for r in requests(backlog)] == [r[1:] for r in requests(workload)]

    @given(workloads(), st.sampled_from([0.0, 3.0]))
    def test_rebasing_keeps_the_gaps(self, workload: Workload, start_s: float) -> None:
        moved = workload.rebase(start_s)
        assert moved.arrival_s[0] == start_s
        assert np.diff(moved.arrival_s).tolist() == np.diff(workload.arrival_s).tolist()

    @given(st.lists(workloads(hashed=True), min_size=1, max_size=4))
    def test_concatenation_keeps_every_request_and_sorts_them(self, parts: list[Workload]) -> None:
        together = concatenate(parts)
        assert sorted(requests(together)) == sorted(r for part in parts for r in requests(part))
        assert (np.diff(together.arrival_s) >= 0).all()

    @given(workloads(), st.data())
    def test_a_slice_is_consecutive(self, workload: Workload, data: st.DataObject) -> None:
        stop = data.draw(st.integers(1, len(workload)))
        start = data.draw(st.integers(0, stop - 1))
        assert requests(workload.slice(start, stop)) == requests(workload)[start:stop]

    def test_requests_are_taken_by_mask_or_by_number(self) -> None:
        workload = Workload([0.0, 1.0, 2.0], [1, 2, 3], [500, 1001, 2000], [4, 5, 6])
        long = Workload([1.0, 2.0], [2, 3], [1001, 2000], [5, 6])
        assert workload.take(workload.output_tokens > 1000) == long
        assert workload.take([1, 2]) == long

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([True], "rows must be 2 booleans or a list of row numbers"),
            ([0.5], "rows must be 2 booleans"),
            ([False, False], "rows selects no request"),
            ([0, 2], r"rows\[1\] = 2: must be in 0..1"),
            ([-1], r"rows\[0\] = -1"),
            ([1, 0], r"arrival_s\[1\] = 0.0 lies before"),
        ],
    )
    def test_bad_rows_are_refused(self, rows: list[Any], message: str) -> None:
        with pytest.raises(WorkloadError, match=message):
            Workload([0.0, 1.0], [1, 2], [3, 4]).take(rows)

    def test_bad_parameters_are_refused(self) -> None:
        workload = Workload([0.0, 1.0], [1, 2], [3, 4])
        with pytest.raises(ValueError, match=r"stop must be in 1\.\.2, got 3"):
            workload.slice(0, 3)
        with pytest.raises(ValueError, match=r"start must be in 0\.\.0, got 1"):
            workload.slice(1, 1)
        with pytest.raises(ValueError, match=r"fraction must be finite and in 0\.\.1"):
            workload.split_by_time(1.5)
        with pytest.raises(ValueError, match="one request cannot be split"):
            workload.slice(0, 1).split_by_time(0.5)
        with pytest.raises(ValueError, match="factor must be finite and above 0"):
            workload.rescale_rate(0.0)

    def test_concatenation_needs_workloads_that_match(self) -> None:
        with pytest.raises(WorkloadError, match="workloads is empty"):
            concatenate([])
        with pytest.raises(WorkloadError, match="1 of 2 have prompt hashes"):
            concatenate([Workload([0], [1], [1]), Workload([0], [1], [1], [1])])

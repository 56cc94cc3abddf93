"""Small files as other tools write them, and what reading them must give: exactly that, or an error with a way out."""

import gzip
import json
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brgym.workload import ReadingNotice, Workload, WorkloadError, load_workload, read_trace

pytestmark = pytest.mark.filterwarnings("ignore::brgym.workload.ReadingNotice")

CASES = Path(__file__).parent / "cases"
HEADER = "arrival_s,prompt_tokens,output_tokens\n"


@pytest.fixture
def write(tmp_path: Path):
    def write_file(content: str | bytes, name: str = "trace.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def noticed(path: Path, **options: Any) -> tuple[Workload, str]:
    """What a file holds, and the one line that says how it was read."""
    with pytest.warns(ReadingNotice) as caught:
        workload = load_workload(path, **options)
    assert len(caught) == 1
    notice = str(caught[0].message)
    assert notice.startswith(f"{path}: read as ")
    assert "\n" not in notice
    return workload, notice


class TestCases:
    @pytest.mark.parametrize(
        ("name", "options", "arrivals", "said"),
        [
            ("timed_seconds.jsonl", {"unit": "s"}, [0, 1.5, 3.25], "3 requests over 3.25 s, stamps 'timestamp' in s"),
            ("integers_every_3s.jsonl", {}, [0, 0, 3, 3, 3, 6], "in ms, as whole numbers there are (unit='s' if"),
            ("epoch_us.csv", {"unit": "us"}, [0, 0.5], "stamps 'arrival_s' in us"),
            ("cr_only.csv", {}, [0, 0.5], "read as CSV, format 'plain': 2 requests over 0.5 s"),
            ("empty_last_line.csv", {}, [0, 0.5], "2 requests"),
            ("comment_first.csv", {}, [0, 0.5], "2 requests"),
            ("azure_z.csv", {}, [0, 1.5], "format 'azure': 2 requests over 1.5 s, stamps 'TIMESTAMP' dates"),
            ("array.json", {}, [0, 0.5], "read as JSON, format 'plain'"),
            ("no_hashes.jsonl", {}, [0, 0.7, 1.4], "in ms, as whole numbers there are (unit='s' if"),
            ("agent_trace.json", {}, [0, 3], "later turns at their own stamps: 1 (turns='keep' links them)"),
            ("turns.jsonl", {}, [0, 9.5], "columns not read: type, turn"),
        ],
    )
    def test_what_is_right(self, name: str, options: dict[str, Any], arrivals: list[float], said: str) -> None:
        workload, notice = noticed(CASES / name, **options)
        assert workload.arrival_s.tolist() == arrivals
        assert workload.after is None
        assert said in notice

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (
                "timed_seconds.jsonl",
                r"timed_seconds.jsonl, row 2, column 'timestamp': 1.5 is no whole number.* unit='s'",
            ),
            ("epoch_us.csv", r"epoch_us.csv, row 2, column 'arrival_s': 1760000000000000 in s is beyond .*unit='us'"),
            ("two_prompt_columns.csv", r"two_prompt_columns.csv: column 'prompt_tokens' stands twice"),
        ],
    )
    def test_what_is_refused(self, name: str, message: str) -> None:
        with pytest.raises(WorkloadError, match=message):
            load_workload(CASES / name)

    def test_a_session_s_later_turns_follow_the_one_before(self) -> None:
        for turns in ("drop", "keep"):
            workload, notice = noticed(CASES / "sessions.jsonl", turns=turns)
            assert workload == Workload([0, 2, 0.5], [100, 150, 90], [10, 12, 7], after=[-1, 0, -1])
            assert "linked to the turn before: 1" in notice

    def test_an_agent_s_turns_follow_after_its_think_time(self) -> None:
        workload, _ = noticed(CASES / "agent_trace.json", turns="keep")
        assert (workload.arrival_s.tolist(), np.asarray(workload.after).tolist()) == ([0, 0.6], [-1, 0])
        assert workload.prompt_tokens.tolist() == [128, 192]
        assert workload.output_tokens.tolist() == [16, 9]

    def test_chats_without_think_times_follow_after_the_gap_of_their_stamps(self) -> None:
        workload, _ = noticed(CASES / "turns.jsonl", turns="keep")
        assert (workload.arrival_s.tolist(), np.asarray(workload.after).tolist()) == ([0, 9.5], [-1, 0])

    def test_a_clock_s_ticks_are_spread_only_where_asked_for(self) -> None:
        workload, notice = noticed(CASES / "integers_every_3s.jsonl", spread=3)
        assert (workload.arrival_s // 3).tolist() == [0, 0, 1, 1, 1, 2]
        assert "spread over ticks of 3 s" in notice


def stamped(column: str, *stamps: object) -> str:
    return f"{column},prompt_tokens,output_tokens\n" + "".join(f"{stamp},1,1\n" for stamp in stamps)


class TestUnits:
    @pytest.mark.parametrize("stem", ["arrival", "timestamp"])
    @pytest.mark.parametrize(("unit", "gap"), [("s", "7"), ("ms", "7000"), ("us", "7000000"), ("ns", "7000000000")])
    def test_a_column_s_name_may_tell(self, write, stem: str, unit: str, gap: str) -> None:
        first = 0 if (stem, unit) == ("arrival", "s") else 5
        workload, notice = noticed(write(stamped(f"{stem}_{unit}", first, first + int(gap))))
        assert workload.arrival_s.tolist() == [0, 7]
        assert f"stamps '{stem}_{unit}' in {unit}" in notice

    def test_the_user_s_word_counts_more_than_a_name(self, write) -> None:
        assert load_workload(write(stamped("timestamp_ms", 1, 3)), unit="s").arrival_s.tolist() == [0, 2]

    def test_a_column_that_tells_nothing_needs_the_user_s_word(self, write) -> None:
        path = write(stamped("timestamp", 2, 3))
        with pytest.raises(WorkloadError, match=r"row 2, column 'timestamp': 2 is no date, and the unit .*unit='s'"):
            load_workload(path)
        assert load_workload(path, unit="ms").arrival_s.tolist() == [0, 0.001]

    def test_seconds_of_a_plain_file_are_left_as_they_are(self, write) -> None:
        for unit in (None, "s"):
            assert load_workload(write(stamped("arrival_s", 2, 3)), unit=unit).arrival_s.tolist() == [2, 3]

    def test_nanoseconds_since_1970_keep_every_digit(self, write) -> None:
        stamps = (1_760_000_000_000_000_001, 1_760_000_000_000_000_004)
        rows = [{"timestamp_ns": s, "prompt_tokens": 1, "output_tokens": 1} for s in stamps]
        for content in (stamped("timestamp_ns", *stamps), json.dumps(rows)):
            assert load_workload(write(content)).arrival_s.tolist() == [0, 3e-9]

    @pytest.mark.parametrize(
        ("column", "options", "stamp"),
        [
            ("arrival_s", {}, 2**33 + 1),
            ("timestamp_ms", {}, 1_760_000_000_000_000_000),
            ("timestamp", {"unit": "s"}, 1_760_000_000_000),
        ],
    )
    def test_stamps_beyond_any_clock_are_refused(self, write, column: str, options: dict[str, Any], stamp: int) -> None:
        with pytest.raises(WorkloadError, match=f"row 2, column '{column}': {stamp} in .* beyond .* unit="):
            load_workload(write(stamped(column, stamp)), **options)

    def test_options_are_checked(self, write) -> None:
        path = write(stamped("arrival_s", 0))
        with pytest.raises(ValueError, match="unknown unit 'min'"):
            load_workload(path, unit="min")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="unknown turns 'both'"):
            load_workload(path, turns="both")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="spread must be finite and at least 0, got -1"):
            load_workload(path, spread=-1)


class TestDates:
    @pytest.mark.parametrize(
        "text",
        [
            "2024-05-10T02:00:00.000000001+02:00",
            "2024-05-10 02:00:00.000000001+0200",
            "2024-05-09T19:00:00.000000001-05",
            "2024-05-10T00:00:00.000000001Z",
        ],
    )
    def test_they_may_have_an_offset(self, write, text: str) -> None:
        content = f"TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10T00:00:00Z,1,1\n{text},1,1\n"
        assert load_workload(write(content)).arrival_s.tolist() == [0, 1e-9]

    @given(
        moment=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
        gap_ns=st.integers(0, 10**18),
        digits=st.integers(1, 9),
    )
    def test_gaps_are_exact_to_the_nanosecond(
        self, tmp_path_factory, moment: datetime, gap_ns: int, digits: int
    ) -> None:
        gap_ns -= gap_ns % 10 ** (9 - digits)
        start = moment.replace(microsecond=0)
        later = start + timedelta(seconds=gap_ns // 10**9)
        fraction = f"{gap_ns % 10**9:09}"[:digits]
        path = tmp_path_factory.mktemp("dates") / "trace.csv"
        path.write_text(stamped("timestamp", f"{start:%Y-%m-%dT%H:%M:%S}Z", f"{later:%Y-%m-%dT%H:%M:%S}.{fraction}Z"))
        assert load_workload(path).arrival_s[1] == gap_ns / 1e9

    def test_any_format_may_have_them(self, write, tmp_path: Path) -> None:
        stamps = ("2024-05-10T00:00:00", "2024-05-10T00:00:01.5")
        rows = [{"timestamp": s, "input_length": 1, "output_length": 1} for s in stamps]
        for content in (stamped("arrival_s", *stamps), "\n".join(map(json.dumps, rows))):
            assert load_workload(write(content)).arrival_s.tolist() == [0, 1.5]
        moments = [datetime(2024, 5, 10, tzinfo=UTC), datetime(2024, 5, 10, 0, 0, 1, 500_000, tzinfo=UTC)]
        table = pa.table({"timestamp": moments, "prompt_tokens": [1, 1], "output_tokens": [1, 1]})
        pq.write_table(table, tmp_path / "trace.parquet")
        assert load_workload(tmp_path / "trace.parquet").arrival_s.tolist() == [0, 1.5]

    def test_a_century_is_no_trace(self, write) -> None:
        content = stamped("timestamp", "1680-01-01T00:00:00Z", "2260-01-01T00:00:00Z")
        with pytest.raises(WorkloadError, match="span more than"):
            load_workload(write(content))


class TestText:
    ROWS = ("0,10,1", "0.5,20,2", "1,30,3")

    @given(
        end=st.sampled_from(["\n", "\r\n", "\r"]),
        fillers=st.lists(
            st.lists(st.sampled_from(["", " ", "\t", "# note", " #", '# "quoted', "#,,"])), min_size=5, max_size=5
        ),
        last_end=st.booleans(),
        packed=st.booleans(),
        as_json=st.booleans(),
    )
    def test_line_ends_blank_lines_and_comments_do_not_matter(
        self, tmp_path_factory, end: str, fillers: list[list[str]], last_end: bool, packed: bool, as_json: bool
    ) -> None:
        lines = [HEADER.strip(), *self.ROWS]
        if as_json:
            names = lines[0].split(",")
            lines = [json.dumps(dict(zip(names, map(float, row.split(",")), strict=True))) for row in self.ROWS]
        woven = [line for filler, saying in zip(fillers, [*lines, None], strict=False) for line in (*filler, saying)]
        content = end.join(line for line in woven if line is not None) + (end if last_end else "")
        path = tmp_path_factory.mktemp("text") / "trace"
        path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
        assert load_workload(path) == Workload([0, 0.5, 1], [10, 20, 30], [1, 2, 3])

    def test_a_quoted_cell_may_hold_anything(self, write) -> None:
        cells = ('"a\n# b\n\n""c"","', '"', "'\"'", '""', "plain")
        texts = ['"' + cell.replace('"', '""') + '"' for cell in cells]
        rows = "".join(f"{text},{i},{i + 1},1\n" for i, text in enumerate(texts))
        assert load_workload(write("note," + HEADER + rows)).prompt_tokens.tolist() == [1, 2, 3, 4, 5]

    def test_records_that_cross_blocks_are_joined(self, write) -> None:
        rows = "".join(f'"{"x" * 100_000}\n# {i}\n",{i},{i + 1},1\r\n' for i in range(100))
        workload = load_workload(write("note," + HEADER.replace("\n", "\r\n") + rows))
        assert workload.prompt_tokens.tolist() == list(range(1, 101))

    def test_a_document_may_stand_on_many_lines(self, write) -> None:
        document = {"name": "x", "requests": [{"arrival_s": i, "prompt_tokens": 1, "output_tokens": 1} for i in (0, 2)]}
        for content in (json.dumps(document), json.dumps(document, indent=1), "# x\n" + json.dumps(document, indent=1)):
            assert load_workload(write(content)).arrival_s.tolist() == [0, 2]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"a":\n1}', "has no list 'requests'"),
            ('{"requests": []}', "no requests in the list"),
            ("[]", "no requests in the list"),
            ("[1]", "row 1: not a JSON object but int"),
            ('[{"arrival_s": 0}', "row 1: not a JSON object: Expecting"),
            ('{"requests": [{}]}\n{"requests": []}', "row 2: a second line behind a document"),
            ("[" * 100_000, "nested too deeply"),
        ],
    )
    def test_other_json_is_refused(self, write, content: str, message: str) -> None:
        with pytest.raises(WorkloadError, match=message):
            load_workload(write(content))


class TestMoreColumns:
    WISHES = Workload(
        [0, 1, 2.5], [9, 8, 7], [1, 2, 3], max_tokens=[4, 2, 9], after=[-1, -1, 0], patience_s=[1, np.inf, 3]
    )

    def rows(self) -> list[dict[str, Any]]:
        names = ("arrival_s", "prompt_tokens", "output_tokens", "max_tokens", "after", "patience_s")
        columns = [getattr(self.WISHES, name).tolist() for name in names]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def test_plain_files_may_have_them(self, write, tmp_path: Path) -> None:
        rows = self.rows()
        csv = "\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)])
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "trace.parquet")
        for path in (write(csv), write(json.dumps(rows), "trace.json"), tmp_path / "trace.parquet"):
            assert load_workload(path) == self.WISHES

    @pytest.mark.parametrize(
        ("column", "value", "message"),
        [
            ("max_tokens", 2, "2 is not a whole number from the output's length"),
            ("max_tokens", 2**31, "2147483648 is not a whole number from"),
            ("after", 2, "2 is not the number of an earlier request"),
            ("after", 0.5, "0.5 is not the number"),
            ("after", -2, "-2 is not the number"),
            ("patience_s", 0, "0 is not above 0"),
            ("patience_s", float("nan"), "nan is not above 0"),
            ("arrival_s", -1, "-1 is negative"),
        ],
    )
    def test_they_are_checked(self, write, column: str, value: float, message: str) -> None:
        rows = self.rows()
        rows[2][column] = value
        with pytest.raises(WorkloadError, match=f"row 3, column '{column}': {message}"):
            load_workload(write(json.dumps(rows)))

    def test_a_request_that_follows_a_dropped_one_is_an_error(self, write) -> None:
        rows = self.rows()
        rows[0]["output_tokens"] = 0
        with pytest.raises(WorkloadError, match="row 3, column 'after': 0 is a request that was dropped"):
            read_trace(write(json.dumps(rows)), invalid="drop")
        rows[1]["output_tokens"], rows[0]["output_tokens"] = 0, 1
        with pytest.warns(UserWarning, match="dropped 1 rows"):
            assert np.asarray(load_workload(write(json.dumps(rows)), invalid="drop").after).tolist() == [-1, 0]

    def test_turns_stay_with_theirs_when_a_file_is_sorted(self, write) -> None:
        rows = [
            {"session_id": "b", "timestamp": 500, "input_length": 1, "output_length": 1},
            {"session_id": "b", "delay": 0, "input_length": 2, "output_length": 1},
            {"session_id": "a", "timestamp": 100, "input_length": 3, "output_length": 1},
            {"session_id": "b", "delay": 7, "input_length": 4, "output_length": 1},
            {"session_id": "a", "timestamp": 900, "input_length": 5, "output_length": 1},
        ]
        path = write("\n".join(map(json.dumps, rows)))
        with pytest.raises(WorkloadError, match="row 3, column 'timestamp': 100 lies before"):
            load_workload(path)
        workload = load_workload(path, sort=True)
        assert workload.prompt_tokens.tolist() == [3, 1, 2, 4, 5]
        assert workload.arrival_s.tolist() == [0, 0.4, 0, 0.007, 0.8]
        assert np.asarray(workload.after).tolist() == [-1, -1, 1, 2, -1]
        kept = load_workload(path, sort=True, turns="keep")
        assert kept.prompt_tokens.tolist() == [3, 5, 1, 2, 4]
        assert kept.arrival_s.tolist() == [0, 0.8, 0.4, 0, 0.007]
        assert np.asarray(kept.after).tolist() == [-1, 0, -1, 2, 3]

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ({"session_id": "b", "delay": 1}, "row 2, column 'delay': stands where no request of that conversation"),
            ({"session_id": "a", "delay": 1, "timestamp": 2}, "row 2, column 'delay': stands beside 'timestamp'"),
            ({"session_id": "a", "delay": -1}, "row 2, column 'delay': -1 is not a delay"),
            ({"session_id": "a", "delay": "1"}, "row 2, column 'delay': '1' is not a number"),
            ({"session_id": "a"}, "row 2, column 'timestamp': is missing"),
            ({"session_id": [], "delay": 1}, "row 2, column 'session_id': .* is not an integer or text"),
        ],
    )
    def test_sessions_are_checked(self, write, row: dict[str, Any], message: str) -> None:
        lengths = {"input_length": 1, "output_length": 1}
        rows = [{"session_id": "a", "timestamp": 0} | lengths, row | lengths]
        with pytest.raises(WorkloadError, match=message):
            load_workload(write("\n".join(map(json.dumps, rows))))

    def test_a_chat_whose_beginning_is_not_in_the_file_arrives_at_its_stamp(self, write) -> None:
        chat = {"input_length": 1, "output_length": 1}
        rows = [
            {"chat_id": i, "parent_chat_id": p, "timestamp": t} | chat for i, p, t in ((5, 3, 1), (6, 5, 2), (7, -1, 4))
        ]
        workload = load_workload(write("\n".join(map(json.dumps, rows))), turns="keep")
        assert (workload.arrival_s.tolist(), np.asarray(workload.after).tolist()) == ([0, 1, 3], [-1, 0, -1])
        rows[0]["parent_chat_id"] = 7
        with pytest.raises(WorkloadError, match="row 1, column 'timestamp': stands before row 3, which it follows"):
            load_workload(write("\n".join(map(json.dumps, rows))), turns="keep")


def test_a_short_word_for_each_warning(write) -> None:
    """Nothing but the notice is said of a file that is read whole."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_workload(write(HEADER + "0,1,1\n"))
        read_trace(write(HEADER + "0,1,1\n"))
    assert [w.category for w in caught] == [ReadingNotice] * 2
    assert {Path(w.filename) for w in caught} == {Path(__file__)}

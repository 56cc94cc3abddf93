"""Reading trace files: every format, every way a file can be wrong."""

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brgym.workload import CATALOGUE, Workload, WorkloadError, load_workload, read_trace
from brgym.workload.readers.jsonl_reader import hash_of_blocks

pytestmark = pytest.mark.filterwarnings("ignore::brgym.workload.ReadingNotice")

PLAIN = Workload([0.5, 1.0, 2.25], [10, 20, 30], [1, 2, 3], [7, 8, 2**62])
PLAIN_CSV = "arrival_s,prompt_tokens,output_tokens,prompt_hash\n0.5,10,1,7\n1,20,2,8\n2.25,30,3,4611686018427387904\n"
PLAIN_ROWS = [
    dict(zip(PLAIN_CSV.splitlines()[0].split(","), row, strict=True))
    for row in ((0.5, 10, 1, 7), (1, 20, 2, 8), (2.25, 30, 3, 2**62))
]
AZURE_HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"


@pytest.fixture
def write(tmp_path: Path):
    def write_file(content: str | bytes, name: str = "trace.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def jsonl(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


class TestFormats:
    def test_plain_csv(self, write) -> None:
        assert load_workload(write(PLAIN_CSV)) == PLAIN

    def test_plain_jsonl(self, write) -> None:
        assert load_workload(write(jsonl(PLAIN_ROWS), "trace.jsonl")) == PLAIN

    def test_plain_parquet(self, tmp_path: Path) -> None:
        pq.write_table(pa.Table.from_pylist(PLAIN_ROWS), tmp_path / "trace.parquet", row_group_size=2)
        assert load_workload(tmp_path / "trace.parquet") == PLAIN

    def test_gzip_is_told_by_content_not_by_name(self, write, tmp_path: Path) -> None:
        pq.write_table(pa.Table.from_pylist(PLAIN_ROWS), tmp_path / "trace.parquet")
        for content in (PLAIN_CSV.encode(), jsonl(PLAIN_ROWS).encode(), (tmp_path / "trace.parquet").read_bytes()):
            assert load_workload(write(gzip.compress(content), "trace.dat")) == PLAIN

    def test_prompt_hash_is_optional_and_other_columns_are_ignored(self, write) -> None:
        content = "user,output_tokens,arrival_s,prompt_tokens\na,1,0,10\nb,2,1.5,20\n"
        assert load_workload(write(content)) == Workload([0, 1.5], [10, 20], [1, 2])

    def test_line_ends_byte_order_mark_and_blanks_do_not_matter(self, write) -> None:
        content = "\ufeffarrival_s, prompt_tokens ,output_tokens\r\n0, 10,1\r\n1 ,20,2"
        assert load_workload(write(content)) == Workload([0, 1], [10, 20], [1, 2])

    def test_lengths_alone_are_a_backlog(self, write) -> None:
        assert load_workload(write("prompt_tokens,output_tokens\n10,1\n20,2\n")) == Workload([0, 0], [10, 20], [1, 2])

    def test_vidur_lengths(self, write) -> None:
        content = "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n10,2,12,5.0\n"
        assert load_workload(write(content)) == Workload([0], [10], [2])

    def test_azure_2023_stamps_have_seven_digits(self, write) -> None:
        content = f"{AZURE_HEADER}\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109"
        assert load_workload(write(content)) == Workload([0, 4.314579], [374, 396], [44, 109])

    def test_azure_2024_stamps_are_mixed(self, write) -> None:
        content = f"{AZURE_HEADER}\n2024-05-10 23:59:59.5+00:00,9,5\n2024-05-11 00:00:00+00:00,8,6\n"
        content += "2024-05-11 00:00:00.009930+00:00,7,7\n"
        assert load_workload(write(content)) == Workload([0, 0.5, 0.50993], [9, 8, 7], [5, 6, 7])

    def test_burstgpt_counts_from_its_first_stamp(self, write) -> None:
        content = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        content += "5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,230,1317,API log\n"
        assert load_workload(write(content)) == Workload([0, 40], [472, 1087], [18, 230])

    def test_bailian_stamps_are_seconds(self, write) -> None:
        record = {"chat_id": 1, "parent_chat_id": -1, "type": "text", "turn": 1, "input_length": 20, "output_length": 3}
        rows = [record | {"timestamp": 61.25, "hash_ids": [1, 2]}, record | {"timestamp": 63.0, "hash_ids": [3]}]
        hashes = [hash_of_blocks([1, 2]), hash_of_blocks([3])]
        assert load_workload(write(jsonl(rows))) == Workload([0, 1.75], [20, 20], [3, 3], hashes)

    def test_the_hash_of_blocks_is_the_same_in_every_process(self) -> None:
        assert hash_of_blocks([0, 1, 13]) == 347552277918329057
        assert hash_of_blocks([1, 12]) != hash_of_blocks([11, 2])

    def test_a_format_can_be_named(self, write) -> None:
        content = "arrival,prompt_tokens,output_tokens\n5,10,1\n"
        with pytest.raises(WorkloadError, match="column 'arrival_s' is missing"):
            load_workload(write(content))
        assert load_workload(write(content), format="lengths") == Workload([0], [10], [1])

    def test_batches_join_seamlessly(self, write) -> None:
        count = 200_000
        rows = "".join(f"{i},{i % 97 + 1},{i % 89 + 1}\n" for i in range(count))
        workload = load_workload(write("arrival_s,prompt_tokens,output_tokens\n" + rows))
        index = np.arange(count)
        assert workload == Workload(index, index % 97 + 1, index % 89 + 1)


class TestMooncake:
    ROWS = tuple(
        {"timestamp": stamp, "input_length": 600 + i, "output_length": 5, "hash_ids": [0, i]}
        for i, stamp in enumerate((3000, 3000, 3001, 8999))
    )

    def test_a_tick_is_spread_over_its_three_seconds_in_file_order(self, write) -> None:
        path = write(jsonl(list(self.ROWS)))
        workload = load_workload(path, seed=1, spread=3)
        assert (np.diff(workload.arrival_s) > 0).all()
        assert (workload.arrival_s // 3).tolist() == [0, 0, 0, 2]
        assert workload.prompt_tokens.tolist() == [600, 601, 602, 603]
        assert workload == load_workload(path, seed=1, spread=3)
        assert workload != load_workload(path, seed=2, spread=3)

    @pytest.mark.parametrize("spread", [None, 0])
    def test_stamps_are_left_on_the_grid_unless_the_user_asks(self, write, spread: float | None) -> None:
        workload = load_workload(write(jsonl(list(self.ROWS))), spread=spread)
        assert workload.arrival_s.tolist() == [0, 0, 0.001, 5.999]

    def test_stamps_off_the_grid_that_the_user_names_are_an_error(self, write) -> None:
        rows = [*self.ROWS, self.ROWS[0] | {"timestamp": 9100}]
        with pytest.raises(
            WorkloadError, match=r"row 5, column 'timestamp': 6.1 s does not lie on a grid of spread = 3"
        ):
            load_workload(write(jsonl(rows)), spread=3)

    def test_a_file_of_the_catalogue_is_known_by_its_content(
        self, write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
    ) -> None:
        path = write(jsonl(list(self.ROWS)), "renamed.jsonl")
        known = replace(CATALOGUE["mooncake-arxiv"], sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        monkeypatch.setitem(CATALOGUE, "mooncake-arxiv", known)
        spread = load_workload(path, seed=1)
        assert not recwarn
        assert spread == load_workload(path, seed=1, spread=3)
        assert load_workload(path, spread=0).arrival_s.tolist() == [0, 0, 0.001, 5.999]
        off_the_grid = write(jsonl([*self.ROWS, self.ROWS[0] | {"timestamp": 9100}]))
        digest = hashlib.sha256(off_the_grid.read_bytes()).hexdigest()
        monkeypatch.setitem(CATALOGUE, "mooncake-arxiv", replace(known, sha256=digest))
        assert load_workload(off_the_grid).arrival_s.tolist() == [0, 0, 0.001, 5.999, 6.1]


class TestRealTraces:
    @pytest.mark.parametrize(
        ("name", "requests", "prompt_mean", "output_mean"),
        [
            ("AzureLLMInferenceTrace_conv.csv.gz", 19366, 1155, 211),
            ("AzureLLMInferenceTrace_code.csv.gz", 8819, 2048, 28),
            ("mooncake_conversation_trace.jsonl.gz", 12031, 12035, 343),
            ("lengths_burstgpt_sample8000.csv.gz", 8000, 363, 57),
        ],
    )
    def test_whole_files_have_the_published_counts_and_means(
        self, trace_dir: Path, name: str, requests: int, prompt_mean: int, output_mean: int
    ) -> None:
        summary = load_workload(trace_dir / name).summary()
        means = round(summary.prompt_tokens.mean), round(summary.output_tokens.mean)
        assert (summary.requests, *means) == (requests, prompt_mean, output_mean)

    @pytest.mark.parametrize(("kind", "last_s"), [("code", 604799.919571), ("conv", 604799.994297)])
    def test_rows_of_azure_2024_span_a_week(self, trace_dir: Path, kind: str, last_s: float) -> None:
        workload = load_workload(trace_dir / f"azure2024_{kind}_notebook_rows.csv")
        assert len(workload) == 10
        assert workload.arrival_s[-1] == last_s

    def test_mooncake_arrivals_fill_their_ticks(self, trace_dir: Path) -> None:
        workload = load_workload(trace_dir / "mooncake_conversation_trace.jsonl.gz")
        within_tick = workload.arrival_s % 3.0
        assert abs(within_tick.mean() - 1.5) < 0.05
        assert len(np.unique(workload.arrival_s)) == len(workload)
        assert workload.prompt_hash is not None
        assert workload.prompt_hash.min() >= 0

    def test_a_catalogued_name_is_found_in_the_trace_folder(self, trace_dir: Path) -> None:
        by_path = load_workload(trace_dir / "AzureLLMInferenceTrace_code.csv.gz")
        assert load_workload("azure-2023-code") == by_path
        assert load_workload("azure-2023-code", count=100) == by_path.slice(0, 100)


class TestInvalidRows:
    BURSTGPT = "Timestamp,Request tokens,Response tokens\n1,10,0\n2,20,5\n3,0,9\n4,30,6\n"

    def test_rows_without_tokens_are_an_error_by_default(self, write) -> None:
        with pytest.raises(WorkloadError, match=r"row 4, column 'Request tokens': 0 is not .*invalid='drop'"):
            read_trace(write(self.BURSTGPT))

    def test_rows_without_tokens_are_dropped_and_counted_on_request(self, write) -> None:
        workload, dropped = read_trace(write(self.BURSTGPT), invalid="drop")
        assert workload == Workload([0, 2], [20, 30], [5, 6])
        assert dropped == 2

    def test_load_workload_warns_of_dropped_rows(self, write) -> None:
        with pytest.warns(UserWarning, match="dropped 2 rows"):
            load_workload(write(self.BURSTGPT), invalid="drop")

    def test_dropping_does_not_excuse_cells_that_are_no_lengths(self, write) -> None:
        with pytest.raises(WorkloadError, match=r"row 2, column 'Response tokens': nan"):
            read_trace(write("Timestamp,Request tokens,Response tokens\n1,10,nan\n"), invalid="drop")

    def test_a_file_of_dropped_rows_is_an_error(self, write) -> None:
        with pytest.raises(WorkloadError, match=r"no requests.*\(1 dropped\)"):
            read_trace(write("Timestamp,Request tokens,Response tokens\n1,10,0\n"), invalid="drop")

    def test_unsorted_files_are_sorted_on_request(self, write) -> None:
        path = write("arrival_s,prompt_tokens,output_tokens\n2,1,1\n1,2,2\n2,3,3\n1,4,4\n")
        with pytest.raises(WorkloadError, match=r"row 3, column 'arrival_s': 1 lies before.*sort=True"):
            load_workload(path)
        assert load_workload(path, sort=True) == Workload([1, 1, 2, 2], [2, 4, 1, 3], [2, 4, 1, 3])

    def test_sorting_counts_from_the_earliest_arrival(self, write) -> None:
        path = write("Timestamp,Request tokens,Response tokens\n9,1,1\n4,2,2\n")
        assert load_workload(path, sort=True) == Workload([0, 5], [2, 1], [2, 1])


HEADER = "arrival_s,prompt_tokens,output_tokens\n"


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "the file is empty"),
            ("\n \n", "the file is empty"),
            (HEADER, "no requests below the header"),
            (HEADER.strip(), "no requests below the header"),
            ("arrival_s,prompt_tokens\n0,1\n", "column 'output_tokens' is missing"),
            ("a,b\n0,1\n", r"columns a, b are of no known format \(azure: TIMESTAMP"),
            (HEADER + "0,1,1\n1,x,1\n", "row 3, column 'prompt_tokens': 'x' is not a number"),
            (HEADER + "0,1,1\n1,,1\n", "row 3, column 'prompt_tokens': '' is not a number"),
            (HEADER + "0,1,1\n\n1,x,1\n", "row 4, column 'prompt_tokens': 'x' is not a number"),
            ("# note\n\n" + HEADER + "0,1,1\n#\n \n1,x,1\n", "row 7, column 'prompt_tokens': 'x' is not a number"),
            ("# note\r\r" + HEADER.strip() + "\r0,1,1\r1,x,1\r", "row 5, column 'prompt_tokens': 'x' is not a number"),
            ("note," + HEADER + '"a\n\n#b",0,1,1\nc,1,x,1\n', "row 5, column 'prompt_tokens': 'x' is not a number"),
            ("note," + HEADER + '"a""\n"",",0,1,1\nc,1,1\n', "row 4: 3 columns, the header has 4"),
            (HEADER + "nan,1,1\n", "row 2, column 'arrival_s': nan is not finite"),
            (HEADER + "0,1,1\ninf,1,1\n", "row 3, column 'arrival_s': inf is not finite"),
            (HEADER + "-0.5,1,1\n", "row 2, column 'arrival_s': -0.5 is negative"),
            (HEADER + "0,1,1\n1,-4,1\n", "row 3, column 'prompt_tokens': -4 is not a whole number"),
            (HEADER + "0,1,1\n1,1,0\n", "row 3, column 'output_tokens': 0 is not a whole number"),
            (HEADER + "0,1,2.5\n", "row 2, column 'output_tokens': 2.5 is not a whole number"),
            (HEADER + "0,1,1e300\n", r"row 2, column 'output_tokens': 1e\+300 is not a whole number"),
            (HEADER + "1,1,1\n0,1,1\n", "row 3, column 'arrival_s': 0 lies before the row above"),
            (HEADER + "0,1,1\n1,1\n", "row 3: 2 columns, the header has 3"),
            (HEADER.encode() + b"0,1,1\n1,\xff,1\n", r"row 3, column 'prompt_tokens': b'\\xff' is not UTF-8 text"),
            (b"arrival_s,\xff\n0,1\n", "row 1: not UTF-8"),
            (
                "arrival_s,prompt_tokens,output_tokens,prompt_hash\n0,1,1,0.5\n",
                "row 2, column 'prompt_hash': '0.5' is not a 64-bit integer",
            ),
            (f"{AZURE_HEADER}\n2024-05-10 00:00:00+00:00,1,1\nnoon,1,1\n", "row 3, column 'TIMESTAMP': 'noon' is not"),
            (f"{AZURE_HEADER}\n2024-05-10 00:00:01,1,1\n2024-05-10 00:00:00,1,1\n", "row 3.*00:00:00.0* lies before"),
            (f"{AZURE_HEADER}\n2024-05-10 00:00:01,1,1\n2024-05-10 00:00:02Z,1,1\n", "row 3.*00:02Z' has a zone, the"),
            (f"{AZURE_HEADER}\n2024-05-10 00:00:01Z,1,1\n2024-05-10 00:00:02,1,1\n", "row 3.*00:02' has no zone, the"),
            (f"{AZURE_HEADER}\n2024-05-10T00:00:00.1234567891,1,1\n", "row 2, column 'TIMESTAMP': .* is not a date"),
            (f"{AZURE_HEADER}\n1715299200,1,1\n", "row 2, column 'TIMESTAMP': '1715299200' is not a date .* unit='s'"),
        ],
    )
    def test_csv(self, write, content: str | bytes, message: str) -> None:
        path = write(content)
        with pytest.raises(WorkloadError, match=message) as caught:
            load_workload(path)
        assert str(path) in str(caught.value)

    GOOD = '{"timestamp": 0, "input_length": 5, "output_length": 6, "hash_ids": [1]}\n'

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{\n", "row 2: not a JSON object"),
            ("[1]\n", "row 2: not a JSON object but list"),
            ("\n# note\n{\n", "row 4: not a JSON object"),
            ("null\n", "row 2: not a JSON object but NoneType"),
            (GOOD.replace("}", ', "timestamp": 1}'), "row 2: column 'timestamp' stands twice"),
            (GOOD.replace("[1]", "[" * 100_000), "row 2: JSON nested too deeply"),
            (GOOD.replace("[1]", "1" * 5_000), "row 2: not a JSON object: Exceeds the limit"),
            ('{"timestamp": 0}\n', "row 2, column 'hash_ids': is missing"),
            (GOOD.replace("5", '"5"'), "row 2, column 'input_length': '5' is not a number"),
            (GOOD.replace("5", "true"), "row 2, column 'input_length': True is not a number"),
            (GOOD.replace("5", "NaN"), "row 2, column 'input_length': nan is not a whole number"),
            (GOOD.replace("5", "1" + "0" * 400), "row 2, column 'input_length': inf is not a whole number"),
            (GOOD.replace("6", "-6"), "row 2, column 'output_length': -6 is not a whole number"),
            (GOOD.replace('p": 0', 'p": Infinity'), "row 2, column 'timestamp': inf is not finite"),
            (GOOD.replace('p": 0', 'p": -1'), "row 2, column 'timestamp': -1 lies before"),
            (GOOD.replace("[1]", '["a"]'), r"row 2, column 'hash_ids': \['a'\] is not a list of integers"),
            (b"\xff\n", "row 2: not UTF-8"),
        ],
    )
    def test_jsonl(self, write, line: str | bytes, message: str) -> None:
        line = line if isinstance(line, bytes) else line.encode()
        with pytest.raises(WorkloadError, match=message):
            load_workload(write(self.GOOD.encode() + line))

    def test_parquet(self, write, tmp_path: Path) -> None:
        path = tmp_path / "trace.parquet"
        pq.write_table(pa.table({"arrival_s": [0.0, 1.0], "prompt_tokens": [1, None], "output_tokens": [1, 1]}), path)
        with pytest.raises(WorkloadError, match="row 2, column 'prompt_tokens': is empty"):
            load_workload(path)
        with pytest.raises(WorkloadError, match="damaged Parquet"):
            load_workload(write(path.read_bytes()[:-9], "cut.parquet"))
        scrambled = path.read_bytes()[:4] + bytes(60) + path.read_bytes()[64:]
        with pytest.raises(WorkloadError, match="damaged Parquet"):
            load_workload(write(scrambled, "scrambled.parquet"))

    def test_the_row_is_found_deep_in_a_large_file(self, write) -> None:
        content = "prompt_tokens,output_tokens\n" + "12,34\n" * 900_000 + "x,1\n" + "12,34\n" * 10
        with pytest.raises(WorkloadError, match="row 900002, column 'prompt_tokens': 'x'"):
            load_workload(write(content))

    @pytest.mark.parametrize("name", ["trace.csv.gz", "trace.jsonl.gz"])
    def test_a_truncated_gzip_gives_no_partial_workload(self, write, name: str) -> None:
        rng = np.random.default_rng(0)
        pairs = rng.integers(1, 9999, (20_000, 2)).tolist()
        rows = [{"prompt_tokens": p, "output_tokens": o} for p, o in pairs]
        content = jsonl(rows) if "jsonl" in name else "prompt_tokens,output_tokens\n" + "1,2\n3,40\n" * 50_000
        packed = gzip.compress(content.encode())
        for kept in (len(packed) // 2, len(packed) - 4):
            with pytest.raises(WorkloadError, match="damaged or truncated gzip"):
                load_workload(write(packed[:kept], name))

    def test_options_are_checked(self, write) -> None:
        path = write(PLAIN_CSV)
        with pytest.raises(ValueError, match="unknown format 'plane'; did you mean 'plain'"):
            load_workload(path, format="plane")
        with pytest.raises(WorkloadError, match="format 'mooncake' comes as jsonl, this is csv"):
            load_workload(path, format="mooncake")
        with pytest.raises(ValueError, match="unknown invalid 'skip'"):
            load_workload(path, invalid="skip")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"count must be in 1\.\.3, got 4"):
            load_workload(path, count=4)

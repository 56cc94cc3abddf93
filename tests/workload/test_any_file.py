"""Whatever a file holds, reading it gives a workload or one short error that names the file."""

import gzip
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brgym.workload import ReadingNotice, Workload, WorkloadError, load_workload

CASES = Path(__file__).parent / "cases"
LONGEST_MESSAGE = 1000  # a few lines of a terminal
HEADER = "arrival_s,prompt_tokens,output_tokens\n"


def _parquet() -> bytes:
    rows = {"arrival_s": [0.0, 0.5], "prompt_tokens": [1, 2], "output_tokens": [3, 4], "note": ["a", None]}
    file = io.BytesIO()
    pq.write_table(pa.table(rows), file)
    return file.getvalue()


_TEXTS = [path.read_bytes() for path in sorted(CASES.iterdir())]
_TEXTS.append(
    b'note,arrival_s,prompt_tokens,output_tokens,max_tokens,after,patience_s\n"a\n""b",0,1,2,3,-1,inf\nc,1,2,3,4,0,5\n'
)
_TEXTS.append(b"Timestamp,Request tokens,Response tokens\n1,10,0\n2,20,5\n")
_VALID = [*_TEXTS, *map(gzip.compress, _TEXTS), _parquet()]
_SCRAPS = [
    b"\r",
    b"\n",
    b",",
    b'"',
    b"#",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"-",
    b"e9",
    b"9" * 30,
    b"nan",
    b"null",
    b"\x00",
]
_SCRAPS += [
    b"\xff",
    b"\xef\xbb\xbf",
    b"T",
    b"Z",
    b"+25:00",
    b"requests",
    b"timestamp",
    b"delay",
    b"hash_ids",
    b"true",
    b"\\ud800",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = draw(st.sampled_from(_VALID))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(content)))
        stop = start + draw(st.sampled_from([0, 0, 1, 1, 4, 30]))
        piece = draw(st.one_of(st.sampled_from(_SCRAPS), st.binary(max_size=4), st.just(content[:stop])))
        content = content[:start] + piece + content[stop:]
    return content


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "trace"


def outcome(path: Path, **options: object) -> Workload | None:
    """The workload, or None after an error of the allowed kind."""
    found: Workload | Exception
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = load_workload(path, **options)  # type: ignore[arg-type]
        except (ValueError, OSError) as error:
            found = error
    if isinstance(found, Exception):
        assert isinstance(found, (WorkloadError, OSError))
        assert str(path) in str(found)
        assert len(str(found)) < LONGEST_MESSAGE + len(str(path))
        assert "\n" not in str(found)
        return None
    for warning in caught:
        assert len(str(warning.message)) < LONGEST_MESSAGE + len(str(path))
        assert issubclass(warning.category, (ReadingNotice, UserWarning))
    return found


OPTIONS = st.fixed_dictionaries(
    {
        "sort": st.booleans(),
        "invalid": st.sampled_from(["error", "drop"]),
        "unit": st.sampled_from([None, "s", "ns"]),
        "spread": st.sampled_from([None, 3.0]),
        "turns": st.sampled_from(["drop", "keep"]),
    }
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    outcome(path)


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(content=damaged(), options=OPTIONS)
def test_any_damage_to_a_valid_file(path: Path, content: bytes, options: dict[str, Any]) -> None:
    path.write_bytes(content)
    outcome(path, **options)


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


_GOOD = {"timestamp": 0, "input_length": 1, "output_length": 1}


@pytest.mark.parametrize(
    ("content", "loads"),
    [
        (",".join(f"column{i}" for i in range(5_000)) + "\n", False),
        (json.dumps({f"column{i}": i for i in range(5_000)}), False),
        ("x" * 9_000_000 + "\n1\n", False),
        ("x," * 4_000_000 + "\n1\n", False),
        ("prompt_tokens,output_tokens\n1,1\n" + "9" * 9_000_000 + ",1\n", False),
        ("prompt_tokens,output_tokens\n1,1\n" + "1," * 9_000 + "\n", False),
        (HEADER + '"' * 9_000_001, False),
        (json.dumps(_GOOD | {"input_length": "x" * 9_000_000}), False),
        (json.dumps(_GOOD | {"x" * 9_000_000: 1, "timestamp": "?"}), False),
        (json.dumps(_GOOD)[:-1] + f', "hash_ids": {_deep(900)}}}', False),
        (json.dumps(_GOOD)[:-1] + f', "hash_ids": {_deep(100_000)}}}', False),
        (_deep(100_000), False),
        ('{"requests":' * 100_000, False),
        ("note," + HEADER + f'"{"y" * 9_000_000}",0,1,1\n', True),
        (json.dumps(_GOOD | {"note": "y" * 9_000_000}), True),
        (json.dumps(_GOOD | {f"column{i}": i for i in range(5_000)}), True),
    ],
    ids=range(16),
)
def test_large_contents_make_no_large_messages(path: Path, content: str, loads: bool) -> None:
    path.write_text(content)
    assert (outcome(path) is not None) == loads


def test_parquet_of_other_types(path: Path) -> None:
    columns = [
        pa.array([True, False]),
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array(["1", "x"]),
        pa.array([None, None]),
        pa.array([1, 2], pa.duration("s")),
        pa.array([2**64 - 1, 1], pa.uint64()),
        pa.array(np.array([1, np.inf], dtype=np.float16)),
        pa.array([1, 2], pa.timestamp("ns", "Europe/Paris")),
    ]
    for column in columns:
        for name in ("arrival_s", "prompt_tokens", "output_tokens", "prompt_hash"):
            good = {n: pa.array([1, 2]) for n in ("arrival_s", "prompt_tokens", "output_tokens", "prompt_hash")}
            pq.write_table(pa.table(good | {name: column}), path)
            dated = pa.types.is_timestamp(column.type) and name == "arrival_s"
            assert (outcome(path) is not None) == dated


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no trace file"):
        load_workload(tmp_path)

"""Catalogued traces: found locally, downloaded once, never taken for another file. No test here uses the network."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import pooch
import pytest

from brgym.workload import CATALOGUE, FORMATS, TraceSource, Workload, WorkloadError, load_workload, workload_names
from brgym.workload.download import fetch

CONTENT = b"TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,7,5\n2024-05-10 00:00:01,8,6\n"
WORKLOAD = Workload([0, 1], [7, 8], [5, 6])
SOURCE = TraceSource(
    name="tiny",
    urls=("https://owner.invalid/data/tiny.csv", "https://mirror.invalid/tiny.csv"),
    format="azure",
    licence="CC0",
    attribution="us",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.fixture(autouse=True)
def _no_trace_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRGYM_TRACE_DIR", raising=False)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A web of addresses and contents, in place of the network; everything else is unreachable."""
    pages: dict[str, bytes] = {}

    class FakeDownloader:
        def __init__(self, **options: object) -> None: ...

        def __call__(self, url: str, output_file: str, pooch: object) -> None:
            if url not in pages:
                raise ConnectionError("name resolution failed")
            Path(output_file).write_bytes(pages[url])

    monkeypatch.setattr(pooch, "HTTPDownloader", FakeDownloader)
    return pages


class TestCatalogue:
    def test_names_are_hyphenated_and_formats_known(self) -> None:
        for name, source in CATALOGUE.items():
            assert name == source.name == name.lower().replace("_", "-")
            assert source.format in FORMATS
            assert source.licence
            assert source.attribution
            assert source.sha256 is not None or source.rows is not None

    def test_it_has_every_family(self) -> None:
        expected = {"azure-2023-conv", "azure-2024-code", "mooncake-toolagent", "burstgpt-1", "qwen-a", "qwen-coder"}
        assert expected <= set(workload_names())

    def test_files_do_not_collide(self) -> None:
        assert len({source.file_name for source in CATALOGUE.values()}) == len(CATALOGUE)

    def test_an_unknown_name_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(ValueError, match="unknown workload 'azure-2023-con'; did you mean 'azure-2023-conv'"):
            load_workload("azure-2023-con")

    @pytest.mark.parametrize("path", ["missing.csv", "folder/missing"])
    def test_a_missing_file_is_named(self, path: str) -> None:
        with pytest.raises(FileNotFoundError, match="no trace file"):
            load_workload(path)


class TestTraceFolder:
    @pytest.mark.parametrize("name", ["tiny.csv", "tiny.csv.gz"])
    def test_a_file_there_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv("BRGYM_TRACE_DIR", str(tmp_path))
        (tmp_path / name).write_bytes(gzip.compress(CONTENT) if name.endswith("gz") else CONTENT)
        assert fetch(SOURCE) == tmp_path / name

    def test_the_address_s_own_file_name_is_known_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BRGYM_TRACE_DIR", str(tmp_path))
        (tmp_path / "tiny.csv").write_bytes(CONTENT)
        assert fetch(replace(SOURCE, file_name="renamed.csv")) == tmp_path / "tiny.csv"

    def test_another_content_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BRGYM_TRACE_DIR", str(tmp_path))
        (tmp_path / "tiny.csv").write_bytes(CONTENT + b"\n")
        with pytest.raises(WorkloadError, match="is not 'tiny': its SHA-256 is"):
            fetch(SOURCE)

    def test_load_workload_goes_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BRGYM_TRACE_DIR", str(tmp_path))
        monkeypatch.setitem(CATALOGUE, "tiny", SOURCE)
        (tmp_path / "tiny.csv").write_bytes(CONTENT)
        assert load_workload("tiny") == WORKLOAD
        assert load_workload("tiny", count=1) == WORKLOAD.slice(0, 1)


class TestDownload:
    def test_it_happens_once(self, tmp_path: Path, web: dict[str, bytes]) -> None:
        web[SOURCE.urls[0]] = CONTENT
        path = fetch(SOURCE, cache=tmp_path)
        assert path.read_bytes() == CONTENT
        web.clear()
        assert fetch(SOURCE, cache=tmp_path) == path

    def test_the_next_address_is_tried(self, tmp_path: Path, web: dict[str, bytes]) -> None:
        web[SOURCE.urls[1]] = CONTENT
        assert fetch(SOURCE, cache=tmp_path).read_bytes() == CONTENT

    def test_another_content_is_refused(self, tmp_path: Path, web: dict[str, bytes]) -> None:
        web[SOURCE.urls[0]] = b"something else"
        with pytest.raises(WorkloadError, match="is not the 'tiny' that was published"):
            fetch(SOURCE, cache=tmp_path)

    def test_without_a_network_the_message_says_what_to_do(self, tmp_path: Path, web: dict[str, bytes]) -> None:
        with pytest.raises(ConnectionError, match=r"cannot download 'tiny'.*put tiny\.csv or.*BRGYM_TRACE_DIR"):
            fetch(SOURCE, cache=tmp_path)

    def test_without_a_published_digest_the_first_download_is_pinned(
        self, tmp_path: Path, web: dict[str, bytes]
    ) -> None:
        source = replace(SOURCE, sha256=None, rows=2)
        web[source.urls[0]] = CONTENT
        path = fetch(source, cache=tmp_path)
        changed = CONTENT.replace(b"8", b"9")
        path.write_bytes(changed)
        web[source.urls[0]] = changed
        with pytest.raises(WorkloadError, match="is not the 'tiny' that was published"):
            fetch(source, cache=tmp_path)

    def test_without_a_published_digest_the_rows_are_counted(self, tmp_path: Path, web: dict[str, bytes]) -> None:
        source = replace(SOURCE, sha256=None, rows=3)
        web[source.urls[0]] = CONTENT
        with pytest.raises(WorkloadError, match="has 2 rows, not 3; it was removed"):
            fetch(source, cache=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_the_default_cache_is_the_user_s(
        self, tmp_path: Path, web: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
        monkeypatch.setitem(CATALOGUE, "tiny", SOURCE)
        web[SOURCE.urls[0]] = CONTENT
        assert load_workload("tiny") == WORKLOAD
        assert (tmp_path / "brgym" / "traces" / "tiny.csv").exists()

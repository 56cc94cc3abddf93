"""`brgym report`: a page, or one clear line and nothing written."""

import pytest

from brgym.cli import main
from tests.study.report.fabricated import ONE, results


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "found"
    found.mkdir()
    results(ONE, seeds=2).write(found)
    return found


def report(*arguments) -> int:
    return main(["report", *map(str, arguments)])


def test_a_page_is_written_and_named(folder, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert report(folder, "--out", page) == 0
    assert capsys.readouterr().out == f"Written: {page}\n"
    first = page.read_bytes()
    assert first.startswith(b"<!doctype html>")
    assert report(folder, "--out", page) == 0
    assert page.read_bytes() == first


@pytest.mark.parametrize(
    ("results_folder", "out", "said"),
    [
        ("found", "page.png", "--out must name a .html file"),
        ("found", "found/cells.parquet", "--out must name a .html file"),
        ("found", "missing/page.html", "no such folder"),
        ("missing", "page.html", "missing holds no results of brgym sweep"),
        ("empty", "page.html", "there is neither cells.parquet nor study.toml"),
        ("other", "page.html", "other/cells.parquet is no Parquet file"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(folder, tmp_path, capsys, monkeypatch, results_folder, out, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cells.parquet").write_bytes(b"no parquet")
    before = {path: path.read_bytes() if path.is_file() else None for path in tmp_path.rglob("*")}
    assert report(results_folder, "--out", out) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert {path: path.read_bytes() if path.is_file() else None for path in tmp_path.rglob("*")} == before

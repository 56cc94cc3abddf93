"""Result files: checked before the work, whole or not there after it."""

import errno
import json
import math
import os
from pathlib import Path

import pytest

import brgym.study
from brgym.plumbing.files import check_writable, without_nan, write_atomically, write_document, write_rows, write_text


def test_a_new_and_an_old_file_can_be_written(tmp_path):
    old = tmp_path / "old"
    old.write_text("before")
    check_writable({"--json": old, "--csv": tmp_path / "new"})
    write_atomically(old, lambda file: file.write(b"after"))
    assert old.read_text() == "after"
    assert os.listdir(tmp_path) == ["old"]


def test_a_failure_leaves_what_was_there(tmp_path):
    old = tmp_path / "old"
    old.write_text("before")

    def fail(file):
        file.write(b"half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_atomically(old, fail)
    assert old.read_text() == "before"
    assert os.listdir(tmp_path) == ["old"]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, lambda file: file.write(b"through"))
    assert link.is_symlink()
    assert target.read_text() == "through"


def test_what_cannot_be_written_is_refused_by_the_name_of_its_option(tmp_path):
    with pytest.raises(FileNotFoundError, match="--json: no such folder"):
        check_writable({"--json": tmp_path / "missing" / "out.json"})
    with pytest.raises(ValueError, match="--csv must name a regular file"):
        check_writable({"--csv": tmp_path})
    with pytest.raises(ValueError, match="--json and --csv name the same file"):
        check_writable({"--json": tmp_path / "out", "--csv": tmp_path / "." / "out"})


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="--json"):
        check_writable({"--json": tmp_path / "out"})


def test_a_full_disk_is_named_with_the_file_and_leaves_what_was_there(tmp_path):
    old = tmp_path / "old"
    old.write_text("before")

    def fill(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left on device") as stop:
        write_atomically(old, fill)
    assert stop.value.filename == str(old)
    assert stop.value.errno == errno.ENOSPC
    assert str(old) in str(stop.value)
    assert old.read_text() == "before"
    assert os.listdir(tmp_path) == ["old"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_the_systems_own_full_disk_is_named_too(tmp_path):
    path = tmp_path / "out"

    def fill(file):
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"more than fits")

    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        write_atomically(path, fill)


def test_an_error_without_a_number_is_named_too(tmp_path):
    def fail(file):
        raise OSError("the device is gone")

    with pytest.raises(OSError, match=f"{tmp_path / 'out'}: the device is gone"):
        write_atomically(tmp_path / "out", fail)


def test_a_missing_folder_is_an_error_of_the_file_and_not_of_its_part(tmp_path):
    path = tmp_path / "missing" / "out"
    with pytest.raises(FileNotFoundError) as stop:
        write_text("text", path)
    assert stop.value.filename == str(path)


def test_a_file_cannot_take_the_place_of_a_folder(tmp_path):
    with pytest.raises(IsADirectoryError) as stop:
        write_text("text", tmp_path)
    assert stop.value.filename == str(tmp_path)


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="another"):
        write_atomically(tmp_path / "out", lambda file: file.write((tmp_path / "another").read_bytes()))


def test_a_document_is_json_with_a_last_newline(tmp_path):
    path = tmp_path / "out.json"
    document = {"name": "Zürich", "figures": [1, 2.5, None]}
    for ascii_only in (False, True):
        write_document(document, path, ascii_only=ascii_only)
        assert json.loads(path.read_bytes()) == document
        assert path.read_bytes().endswith(b"}\n")
        assert path.read_bytes().isascii() == ascii_only


def test_what_json_does_not_know_is_refused_or_made_null(tmp_path):
    document = {"figures": (1.0, math.nan, [-math.inf])}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_document(document, tmp_path / "out.json")
    assert os.listdir(tmp_path) == []
    assert without_nan(document) == {"figures": [1.0, None, [None]]}


def test_rows_have_a_header_and_a_line_each(tmp_path):
    write_rows([{"name": "a, b", "value": 0.1}, {"name": "c", "value": None}], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b'name,value\n"a, b",0.1\nc,\n'


def test_they_are_public_names_of_the_study():
    assert brgym.study.write_atomically is write_atomically
    assert brgym.study.check_writable is check_writable

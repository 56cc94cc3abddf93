"""Result files: checked before the work, whole or not there after it."""

import os

import pytest

from brgym.study import check_writable, write_atomically


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

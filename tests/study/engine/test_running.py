"""The engine alone, with cells that count their runs."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from brgym.study.engine import Failure, Journal, Progress, key_of, run_cells, run_into


@dataclass(frozen=True)
class Counted:
    """Notes each of its runs in a file; fails where told to."""

    number: int
    folder: Path
    group: int = 0
    interpreted: bool = False

    @property
    def specification(self):
        return {"number": self.number}

    @property
    def shares(self):
        return self.group

    def run(self):
        with (self.folder / "runs").open("a") as runs:
            runs.write(f"{self.number} {os.getpid()} {threading.get_ident()}\n")
        if (self.folder / f"break {self.number}").exists():
            raise ZeroDivisionError(f"cell {self.number}\nbreaks")
        return {"square": self.number**2, "none": float("nan"), "process": os.getpid()}

    @property
    def runs(self) -> int:
        lines = (self.folder / "runs").read_text().splitlines() if (self.folder / "runs").exists() else []
        return sum(line.split()[0] == str(self.number) for line in lines)


def squares(found) -> list[int]:
    return [outcome["square"] for outcome in found]


def processes(found) -> set[int]:
    return {outcome["process"] for outcome in found}


def cells(folder: Path, count: int = 12, **options) -> list[Counted]:
    return [Counted(number, folder, group=number % 3, **options) for number in range(count)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_cells_in_memory_come_in_order(tmp_path, jobs):
    heard: list[int] = []
    outcomes = run_cells(cells(tmp_path), jobs=jobs, on_outcome=lambda outcome: heard.append(outcome["square"]))
    assert squares(outcomes) == heard == [number**2 for number in range(12)]


def test_in_memory_a_failure_is_raised(tmp_path):
    (tmp_path / "break 3").touch()
    with pytest.raises(ZeroDivisionError):
        run_cells(cells(tmp_path), jobs=2)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_journal_holds_is_not_run_again(tmp_path, jobs):
    wanted, journal = cells(tmp_path), Journal(tmp_path / "out")
    first = run_into(journal, wanted[:7], jobs=jobs)
    again = run_into(journal, wanted, jobs=jobs)
    assert again[:7] == first
    assert squares(again) == [number**2 for number in range(12)]
    assert all(isinstance(outcome, dict) and outcome["none"] is None for outcome in again)
    assert [cell.runs for cell in wanted] == [1] * 12


def test_failures_are_kept_and_tried_again(tmp_path):
    wanted, journal = cells(tmp_path), Journal(tmp_path / "out")
    (tmp_path / "break 5").touch()
    progress: list[Progress] = []
    found = run_into(journal, wanted, jobs=2, on_progress=progress.append)
    failure = found[5]
    assert isinstance(failure, Failure)
    assert failure.error == "ZeroDivisionError: cell 5 breaks"
    assert "in run" in failure.traceback
    assert sum(isinstance(outcome, Failure) for outcome in found) == 1
    assert (progress[-1].cells, progress[-1].done, progress[-1].failed) == (12, 11, 1)
    (tmp_path / "break 5").unlink()
    mended = run_into(journal, wanted, jobs=2, on_progress=progress.append)
    assert squares(mended)[5] == 25
    assert [cell.runs for cell in wanted] == [1] * 5 + [2] + [1] * 6
    assert (progress[-1].done, progress[-1].failed) == (12, 0)


def test_a_torn_line_costs_that_cell_only(tmp_path):
    wanted, journal = cells(tmp_path), Journal(tmp_path / "out")
    run_into(journal, wanted, jobs=1)
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[: len(content) - 20])
    found = run_into(journal, wanted, jobs=1)
    assert squares(found) == [number**2 for number in range(12)]
    assert sum(cell.runs for cell in wanted) == 13


@pytest.mark.parametrize(
    "noise", [b"\n", b"\0\0\0", b"{}\n", b'{"key": 1}\n', b'{"key": "a", "figures": 3}\n', b"\xff\n"]
)
def test_lines_that_mean_nothing_are_passed_over(tmp_path, noise):
    wanted, journal = cells(tmp_path, 3), Journal(tmp_path / "out")
    journal.folder.mkdir()
    journal.path.write_bytes(noise)
    assert squares(run_into(journal, wanted, jobs=1)) == [0, 1, 4]


def test_a_folder_has_one_writer(tmp_path):
    journal = Journal(tmp_path / "out")
    with journal.held(), pytest.raises(ValueError, match="another process is at work in"):
        run_into(journal, cells(tmp_path), jobs=1)
    run_into(journal, cells(tmp_path), jobs=1)


def test_interpreted_cells_run_in_processes_where_there_are_several(tmp_path):
    found = run_into(Journal(tmp_path / "out"), cells(tmp_path, 4, interpreted=True), jobs=2)
    assert os.getpid() not in processes(found)
    (alone,) = run_cells(cells(tmp_path, 1, interpreted=True), jobs=2)
    assert alone["process"] == os.getpid()


def test_of_both_kinds_the_compiled_ones_stay_in_threads(tmp_path):
    wanted = [Counted(number, tmp_path, interpreted=number % 2 == 0) for number in range(6)]
    found = run_into(Journal(tmp_path / "out"), wanted, jobs=2)
    assert squares(found) == [number**2 for number in range(6)]
    assert processes(found[1::2]) == {os.getpid()}
    assert os.getpid() not in processes(found[0::2])


def test_cells_that_share_go_one_after_another(tmp_path):
    count = 300
    wanted = [Counted(number, tmp_path, group=number % 2) for number in range(count)]
    run_into(Journal(tmp_path / "out"), wanted, jobs=1)
    order = [int(line.split()[0]) for line in (tmp_path / "runs").read_text().splitlines()]
    groups = [number % 2 for number in order]
    assert groups == sorted(groups)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_local_cluster_of_the_users_kind(tmp_path, backend):
    pytest.importorskip({"dask": "distributed", "ray": "ray.util.joblib"}[backend])
    wanted = cells(tmp_path, 6)
    found = run_into(Journal(tmp_path / "out"), wanted, jobs=2, backend=backend)
    assert squares(found) == [number**2 for number in range(6)]
    assert os.getpid() not in processes(found)
    assert [cell.runs for cell in wanted] == [1] * 6


def test_an_address_without_a_cluster(tmp_path):
    with pytest.raises(ValueError, match="address goes with the backends dask and ray, not with threads"):
        run_into(Journal(tmp_path / "out"), cells(tmp_path), backend="threads", address="tcp://127.0.0.1:1")


@pytest.mark.parametrize("jobs", [0, -2, True, 1.5])
def test_jobs_out_of_range(tmp_path, jobs):
    with pytest.raises((ValueError, TypeError), match="jobs"):
        run_into(Journal(tmp_path / "out"), cells(tmp_path), jobs=jobs)


def test_keys_tell_cells_apart(tmp_path):
    assert len({key_of(cell) for cell in cells(tmp_path)}) == 12


def test_threads_stop_at_the_next_cell_when_the_study_is_interrupted(tmp_path):
    @dataclass(frozen=True)
    class Slow(Counted):
        def run(self):
            time.sleep(0.05)
            if self.number == 2:
                raise KeyboardInterrupt
            return super().run()

    wanted = [Slow(number, tmp_path) for number in range(100)]
    with pytest.raises(KeyboardInterrupt):
        run_into(Journal(tmp_path / "out"), wanted, jobs=2, backend="threads")
    time.sleep(0.3)
    assert sum(cell.runs for cell in wanted) < 30

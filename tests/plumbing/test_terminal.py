"""Where commands print."""

import io
import subprocess
import sys

from rich.console import Console

from brgym.plumbing.terminal import page, progress_bar, progress_console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_page_is_as_wide_as_the_terminal_or_as_is_asked(monkeypatch):
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert (page().width, page(width=190).width) == (130, 190)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert (page().width, page(width=190).width) == (77, 77)


def test_progress_is_shown_on_a_terminal_only(monkeypatch):
    for stream, quiet in ((io.StringIO(), True), (Terminal(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert progress_console().quiet == quiet
        assert progress_console().stderr


def test_the_bar_counts_and_names_what_is_done_and_vanishes():
    shown = Terminal()
    console = Console(file=shown, force_terminal=True, width=100, color_system=None)
    with progress_bar(console) as (on_start, on_done):
        on_start(2)
        on_done("jsq, seed 0")
        on_done("x" * 50)
        console.print("a line")  # draws the bar below it
    assert "2/2" in shown.getvalue()
    assert "x" * 31 + "…" in shown.getvalue()
    quiet = io.StringIO()
    with progress_bar(Console(file=quiet)) as (on_start, on_done):
        on_start(1)
        on_done("jsq, seed 0")
    assert quiet.getvalue().strip() == ""


def test_plumbing_is_light_and_knows_nothing_of_the_rest():
    code = (
        "import sys, brgym; before = set(sys.modules)\n"
        "import brgym.plumbing.files, brgym.plumbing.pictures, brgym.plumbing.terminal\n"
        "new = set(sys.modules) - before\n"
        "print(sorted(n for n in new if n.startswith(('rich', 'matplotlib', 'baselines', 'classifiers', 'brgym'))))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = ["brgym.plumbing", *(f"brgym.plumbing.{part}" for part in ("files", "pictures", "terminal"))]
    assert found.stdout.strip() == str(names)

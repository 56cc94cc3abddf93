"""How commands end: `brgym` and `train.py` alike."""

import errno
import warnings

import pytest

import train
from brgym import cli
from brgym.cli.exit_status import exit_status


def ends_with(problem: BaseException):
    def command():
        raise problem

    return command


@pytest.mark.parametrize(
    ("problem", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "tool: error: interrupted"),
        (ValueError("seeds must be at least 1,\n  got 0"), 2, "tool: error: --seeds must be at least 1, got 0"),
        (ValueError("use oversize='drop'"), 2, "tool: error: use --oversize drop"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.csv"),
            2,
            f"tool: error: [Errno {errno.ENOSPC}] No space left on device: 'out.csv'",
        ),
    ],
)
def test_what_goes_wrong_is_one_line(problem, status, line, capsys):
    assert exit_status("tool", ends_with(problem)) == status
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{line}\n")


def test_a_warning_is_one_line_and_no_failure(capsys):
    shown = warnings.showwarning
    assert exit_status("tool", lambda: warnings.warn("two\nlines", stacklevel=1)) == 0
    assert capsys.readouterr().err == "tool: warning: two lines\n"
    assert warnings.showwarning is shown


def test_an_error_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        exit_status("tool", ends_with(ZeroDivisionError()))


def interrupted() -> None:
    raise KeyboardInterrupt


def test_both_programs_answer_an_interrupt_alike(monkeypatch, capsys):
    monkeypatch.setitem(train.COMMANDS, "router", interrupted)
    assert train.main(["router"]) == 130
    assert capsys.readouterr().err == "train.py: error: interrupted\n"
    monkeypatch.setattr(cli._app, "cli", lambda **_options: interrupted())
    assert cli.main(["policies"]) == 130
    assert capsys.readouterr().err == "brgym: error: interrupted\n"

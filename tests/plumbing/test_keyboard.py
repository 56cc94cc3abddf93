"""Single keys from a terminal."""

import os

import pytest

from brgym.plumbing.keyboard import keyboard, named

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")


@pytest.fixture
def terminal():
    outside, inside = pty.openpty()
    with os.fdopen(inside, "r", closefd=True) as stream:
        yield outside, stream
    os.close(outside)


def test_keys_come_at_once_by_name_and_none_where_none_was_pressed(terminal):
    outside, stream = terminal
    with keyboard(stream) as keys:
        assert keys(0.0) == []
        os.write(outside, b"s \x1b[C+q")
        assert keys(1.0) == ["s", " ", "right", "+", "q"]


def test_the_terminal_is_as_before_even_after_an_error(terminal):
    _, stream = terminal
    before = termios.tcgetattr(stream.fileno())

    def while_reading():
        with keyboard(stream):
            assert termios.tcgetattr(stream.fileno()) != before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        while_reading()
    assert termios.tcgetattr(stream.fileno()) == before


def test_what_is_no_terminal_is_refused(tmp_path):
    (tmp_path / "file").write_text("q")
    with (tmp_path / "file").open() as stream, pytest.raises((OSError, termios.error)), keyboard(stream):
        pass


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("", []),
        ("q", ["q"]),
        ("\x1b", ["escape"]),
        ("\x1b[A\x1bOB", ["up", "down"]),
        ("\x1b[15~q", ["q"]),
        ("\x1b[1;5Cq", ["q"]),
        ("\x1b[", []),
    ],
)
def test_sequences_are_read_as_keys_and_unknown_ones_are_passed_over(sent, keys):
    assert named(sent) == keys

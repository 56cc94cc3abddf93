"""Single keys from a terminal, at once and without an echo."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Keys = Callable[[float], list[str]]
"""Waits at most so many seconds for keys, and gives those that were pressed: characters, or names as "right"."""

_ESCAPES = {"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left"}
_ESCAPES |= {sequence.replace("[", "O"): name for sequence, name in _ESCAPES.items()}  # in application mode


def has_terminal() -> bool:
    """Whether there is somebody to press keys and to look: standard input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def keyboard(terminal: TextIO | None = None) -> Iterator[Keys]:
    """Reads single keys while the block runs; afterwards the terminal is as it was before, whatever happens.

    An interrupt (Ctrl-C) stays one.

    Args:
        terminal: The terminal; None for standard input.

    Yields:
        See `Keys`.

    Raises:
        OSError: If it is no terminal, or the system has none of this kind.
    """
    try:
        import termios
        import tty
    except ImportError:
        raise OSError("this system has no terminal that gives single keys (termios)") from None
    source = (terminal or sys.stdin).fileno()
    before = termios.tcgetattr(source)
    try:
        tty.setcbreak(source)
        yield lambda timeout_s: _pressed(source, timeout_s)
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)


def _pressed(source: int, timeout_s: float) -> list[str]:
    ready, _, _ = select.select([source], [], [], max(timeout_s, 0.0))
    return named(os.read(source, 256).decode(errors="ignore")) if ready else []


def named(text: str) -> list[str]:
    """The keys in what a terminal has sent; arrows by their names, a lone escape as "escape"."""
    keys: list[str] = []
    while text:
        name = _ESCAPES.get(text[:3])
        if name is not None:
            keys.append(name)
            text = text[3:]
        elif text[0] == "\x1b" and len(text) > 1:  # another key's sequence, to its last letter
            length = next(
                (end for end, letter in enumerate(text[1:], 2) if letter.isalpha() or letter == "~"), len(text)
            )
            text = text[length:]
        else:
            keys.append("escape" if text[0] == "\x1b" else text[0])
            text = text[1:]
    return keys

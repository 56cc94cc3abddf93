"""A run live in the terminal."""

import time

from rich.console import Console, RenderableType
from rich.live import Live

from brgym.plumbing.keyboard import Keys
from brgym.study.watch.screen import screen
from brgym.study.watch.show import Show

_FRAME_S = 1 / 15
_BUSY_S = 0.05
"""How long steps may be run before a frame is drawn: where the speed asks for more, the clock falls behind."""

SPEEDS = (0.01, 10_000.0)
"""The slowest and the fastest speed, in simulated seconds a second."""


class _Player:
    """What the keys change."""

    def __init__(self, show: Show, speed: float) -> None:
        self.show = show
        self.speed = speed
        self.paused = False
        self.quits = False
        self._due_s = show.now_s

    def press(self, key: str) -> None:
        if key in ("q", "Q", "escape"):
            self.quits = True
        elif key == " ":
            self.paused = not self.paused
        elif key in ("s", "right"):
            self.paused = True
            self.show.step()
        elif key in ("+", "="):
            self.speed = min(2 * self.speed, SPEEDS[1])
        elif key in ("-", "_"):
            self.speed = max(self.speed / 2, SPEEDS[0])

    def play(self, passed_s: float) -> None:
        """Lets the run go on as far as the time that has passed asks for."""
        if self.paused:
            self._due_s = self.show.now_s
            return
        self._due_s += passed_s * self.speed
        began_s = time.monotonic()
        for _ in self.show.steps_until(self._due_s):
            if time.monotonic() - began_s > _BUSY_S:
                self._due_s = self.show.now_s
                break

    @property
    def keys(self) -> str:
        """The last line: what the keys do, and how fast it goes."""
        if self.show.over:
            return "the end   q quit"
        state = "paused" if self.paused else f"{self.speed:g} simulated s a second"
        return f"{state}   space {'go on' if self.paused else 'pause'}   s step   + faster   - slower   q quit"


def watch(show: Show, keys: Keys, console: Console, *, title: str, speed: float) -> None:
    """Shows a run until it is over and a key is pressed, or until somebody quits.

    Args:
        show: The run.
        keys: Gives the keys that were pressed.
        console: The terminal.
        title: What stands above.
        speed: Simulated seconds a second, to begin with.
    """
    player = _Player(show, speed)

    def frame() -> RenderableType:
        width, height = console.size
        return screen(show.shown(), title=title, keys=player.keys, width=width, height=height)

    with Live(frame(), console=console, screen=True, auto_refresh=False) as live:
        last_s = time.monotonic()
        while not player.quits:
            for key in keys(_FRAME_S):
                player.press(key)
            now_s = time.monotonic()
            player.play(now_s - last_s)
            last_s = now_s
            live.update(frame(), refresh=True)

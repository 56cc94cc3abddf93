"""Watching a run: live in a terminal, or as a film."""

from brgym.study.watch.film import film_frames
from brgym.study.watch.live import watch
from brgym.study.watch.show import Show

__all__ = ["Show", "film_frames", "watch"]

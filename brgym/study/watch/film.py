"""A run as the pictures of a film."""

from collections.abc import Iterator

from brgym.plumbing.cluster_picture import Image, paint
from brgym.study.watch.show import Show


def film_frames(show: Show, *, every_s: float) -> Iterator[Image]:
    """The pictures of a run at equal distances of simulated time, and the one at its end.

    Args:
        show: The run.
        every_s: Simulated seconds between two pictures.

    Yields:
        Images as `brgym.plumbing.cluster_picture.paint` paints them.
    """
    number = 0
    while not show.over:
        yield paint(show.shown())
        number += 1
        for _ in show.steps_until(number * every_s):
            pass
    yield paint(show.shown())

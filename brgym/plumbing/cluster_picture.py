"""The one drawing of a cluster's present state: for environments, for films, and for whoever watches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from brgym.plumbing.picture_style import BLACK, ENVELOPE, GREY, LOAD, PALE, WAITING

if TYPE_CHECKING:
    from brgym.cluster import RouterView

Image = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

_HEIGHT, _POOL, _AXIS, _EDGE = 320, 144, 56, 10
_TOP, _BOTTOM = 48, 40  # room for the lines above the bars and below them
_WIDTHS = ((16, 40), (40, 20), (100, 9))  # up to so many workers, a bar has so many pixels
_NARROWEST = 4
_GRAIN = 16  # films are coded in blocks of so many pixels


@dataclass(frozen=True)
class ClusterShown:
    """What there is to be seen of a cluster at one moment.

    Attributes:
        now_s: The clock, in seconds.
        step: Decode steps run so far.
        load_tokens: Load of each worker, in tokens, shape (workers,).
        active: Active requests of each worker, shape (workers,).
        queued: Requests in each worker's own queue, shape (workers,).
        slots: Slots of a worker.
        kv_capacity: KV tokens that a worker holds; None for no limit.
        waiting: Requests that wait, wherever they do.
        candidate_context_tokens: Contexts of those that the router sees, oldest first, in tokens.
        figures: What else is to be said: names and texts.
    """

    now_s: float
    step: int
    load_tokens: Integers
    active: Integers
    queued: Integers
    slots: int
    kv_capacity: int | None
    waiting: int
    candidate_context_tokens: Integers
    figures: Sequence[tuple[str, str]] = ()

    @classmethod
    def of(cls, view: "RouterView", figures: Sequence[tuple[str, str]] = ()) -> "ClusterShown":
        """What a router sees now; arrays are shared."""
        return cls(
            now_s=view.now_s,
            step=view.step,
            load_tokens=view.load_tokens,
            active=view.active,
            queued=view.queued,
            slots=view.slots,
            kv_capacity=view.kv_capacity,
            waiting=view.waiting,
            candidate_context_tokens=view.candidate_context_tokens,
            figures=figures,
        )

    @property
    def envelope(self) -> int:
        """M, the highest load, in tokens."""
        return int(self.load_tokens.max())

    @property
    def imbalance(self) -> int:
        """G M - sum of the loads, in tokens."""
        return len(self.load_tokens) * self.envelope - int(self.load_tokens.sum())

    @property
    def ceiling(self) -> int:
        """Where the loads' axis ends, in tokens: the KV capacity, or a round number at or above the envelope.

        Round, so that the axis of a film stands still most of the time.
        """
        if self.kv_capacity is not None:
            return self.kv_capacity
        power = 10 ** max(len(str(self.envelope)) - 1, 2)
        return next(int(power * part) for part in (1, 1.5, 2, 3, 4, 6, 8, 10) if power * part >= self.envelope)


def paint(shown: ClusterShown) -> Image:
    """Paints the workers' bars under the envelope, and the pool beside them.

    A bar's height is the worker's load; the pale part behind it reaches as high as the share of slots in use. The line
    across is the envelope. Below stand the worker's number and, where the bars are wide enough, its active and queued
    requests. At the right the candidates, oldest on top; the width is the context over the largest shown.

    Returns:
        Shape (height, width, 3); the same for every state of a cluster.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw

    workers = len(shown.load_tokens)
    bar = next((wide for most, wide in _WIDTHS if workers <= most), _NARROWEST)
    bar = max(bar, min(2 * bar, (3 * _POOL - _AXIS - 2 * _EDGE) // workers))  # a few workers share the room of many
    pool = max(_AXIS + workers * bar + 2 * _EDGE, 3 * _POOL)
    wide = -(-(pool + _POOL) // _GRAIN) * _GRAIN
    canvas = Pictures.new("RGB", (wide, _HEIGHT), "white")
    draw = ImageDraw.Draw(canvas)
    _paint_words(draw, shown)
    _paint_axis(draw, shown, pool - _EDGE)
    for worker in range(workers):
        _paint_worker(draw, shown, worker, bar)
    _paint_envelope(draw, shown, pool - _EDGE)
    _paint_pool(draw, shown, pool, wide)
    return np.asarray(canvas)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _height(shown: ClusterShown, tokens: float) -> int:
    """Where a load stands, in pixels from the top."""
    return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * tokens / shown.ceiling)


def _paint_words(draw: Any, shown: ClusterShown) -> None:
    first = f"{shown.now_s:,.2f} s   step {shown.step:,}   imbalance {shown.imbalance:,} tokens"
    draw.text((_EDGE, 6), first, fill=BLACK, font=_font(14))
    draw.text((_EDGE, 25), "   ".join(f"{name} {text}" for name, text in shown.figures), fill=GREY, font=_font(11))


def _paint_axis(draw: Any, shown: ClusterShown, right: int) -> None:
    for part in (0.0, 0.5, 1.0):
        y = _height(shown, part * shown.ceiling)
        draw.line([(_AXIS - 4, y), (right, y)], fill=PALE if part else GREY)
        label = f"{part * shown.ceiling / 1000:,.6g} k" if part else "0"
        draw.text((_AXIS - 7, y), label, fill=GREY, font=_font(12), anchor="rm")


def _paint_worker(draw: Any, shown: ClusterShown, worker: int, bar: int) -> None:
    left, foot = _AXIS + worker * bar, _HEIGHT - _BOTTOM
    gap = max(1, bar // 8)
    inner = gap + bar // 8
    used = _height(shown, shown.ceiling * shown.active[worker] / shown.slots)
    load = _height(shown, shown.load_tokens[worker])
    if used < foot:
        draw.rectangle([left + gap, used, left + bar - gap - 1, foot - 1], fill=PALE)
    if load < foot:
        draw.rectangle([left + inner, load, left + bar - inner - 1, foot - 1], fill=LOAD)
    every = max(1, -(-24 // bar))
    if worker % every == 0:
        draw.text((left + bar / 2, foot + 2), str(worker), fill=GREY, font=_font(11), anchor="ma")
    if bar >= 40:
        draw.text((left + bar / 2, foot + 15), str(shown.active[worker]), fill=BLACK, font=_font(11), anchor="ma")
        if shown.queued[worker]:
            draw.text(
                (left + bar / 2, foot + 27), f"+{shown.queued[worker]}", fill=WAITING, font=_font(11), anchor="ma"
            )


def _paint_envelope(draw: Any, shown: ClusterShown, right: int) -> None:
    y = _height(shown, shown.envelope)
    draw.line([(_AXIS, y), (right, y)], fill=ENVELOPE, width=2)


def _paint_pool(draw: Any, shown: ClusterShown, left: int, right: int) -> None:
    pitch = 6
    contexts = shown.candidate_context_tokens[: (_HEIGHT - _TOP - _EDGE) // pitch]
    largest = max(int(contexts.max()), 1) if len(contexts) else 1
    draw.text((left, 6), f"waiting {shown.waiting:,}", fill=BLACK, font=_font(14))
    for place, context in enumerate(contexts.tolist()):
        top = _TOP + place * pitch
        wide = max(round((right - left - _EDGE) * context / largest), 1)
        draw.rectangle([left, top, left + wide - 1, top + pitch - 3], fill=WAITING)

"""Pictures of a cluster: the workers' loads against the envelope, and what waits."""

import numpy as np
import numpy.typing as npt

from brgym.cluster import RouterView, imbalance

Image = npt.NDArray[np.uint8]

_TEXT_COLUMNS = 50

_HEIGHT, _BAR, _GAP, _POOL = 240, 24, 8, 120
_PAPER, _LOAD, _ENVELOPE, _FULL, _WAITING = (
    (255, 255, 255),
    (66, 133, 190),
    (200, 50, 40),
    (225, 230, 235),
    (240, 170, 60),
)


def as_text(view: RouterView) -> str:
    """One line of figures, a bar for each worker, one line on the pool."""
    envelope = int(view.load_tokens.max())
    short = imbalance(view.workers, envelope, int(view.load_tokens.sum()))
    lines = [f"t = {view.now_s:.2f} s   envelope {envelope} tokens   imbalance {short} tokens"]
    for worker, (load, active, queued) in enumerate(zip(view.load_tokens, view.active, view.queued, strict=True)):
        bar = "#" * round(_TEXT_COLUMNS * load / max(envelope, 1))
        lines.append(f"{worker:4d} |{bar:<{_TEXT_COLUMNS}}| {load:9d} tokens {active:4d} active {queued:4d} queued")
    contexts = view.candidate_context_tokens
    shown = ", ".join(map(str, contexts[:8])) + (", ..." if len(contexts) > 8 else "")
    lines.append(f"pool: {len(contexts)} candidates" + (f" of {shown} tokens" if len(contexts) else ""))
    return "\n".join(lines)


def as_image(view: RouterView) -> Image:
    """Bars from the left: each worker's load, under the envelope (a line); at the right the candidates, oldest on top.

    The height of a bar is the load over the envelope; the pale part behind it, the share of slots in use. The width
    of a candidate is its context over the largest shown.

    Returns:
        Shape (height, width, 3).
    """
    bars = view.workers * (_BAR + _GAP) + _GAP
    image = np.full((_HEIGHT, bars + _POOL, 3), _PAPER, np.uint8)
    _draw_workers(image, view)
    _draw_pool(image[:, bars:], view.candidate_context_tokens)
    return image


def _draw_workers(image: Image, view: RouterView) -> None:
    room = _HEIGHT - 2 * _GAP
    envelope = max(int(view.load_tokens.max()), 1)
    for worker in range(view.workers):
        left = _GAP + worker * (_BAR + _GAP)
        used = round(room * view.active[worker] / view.slots)
        high = round(room * view.load_tokens[worker] / envelope)
        image[_HEIGHT - _GAP - used : _HEIGHT - _GAP, left : left + _BAR] = _FULL
        image[_HEIGHT - _GAP - high : _HEIGHT - _GAP, left + _BAR // 4 : left + _BAR - _BAR // 4] = _LOAD
    image[_GAP : _GAP + 2, _GAP : _GAP + view.workers * (_BAR + _GAP) - _GAP] = _ENVELOPE


def _draw_pool(image: Image, contexts: npt.NDArray[np.int64]) -> None:
    pitch = 6
    largest = max(int(contexts.max()), 1) if len(contexts) else 1
    for place, context in enumerate(contexts[: (_HEIGHT - 2 * _GAP) // pitch]):
        top = _GAP + place * pitch
        wide = max(round((_POOL - 2 * _GAP) * context / largest), 1)
        image[top : top + pitch - 2, _GAP : _GAP + wide] = _WAITING

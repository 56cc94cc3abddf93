"""The drawing of a cluster's state."""

import dataclasses

import numpy as np
import pytest
from PIL import ImageColor

from brgym import ClusterConfig, Workload
from brgym.cluster import RouterView
from brgym.cluster.engine import FROM_POOL, advance, initial_state
from brgym.plumbing.cluster_picture import ClusterShown, paint
from brgym.plumbing.picture_style import ENVELOPE, LOAD, WAITING

SHOWN = ClusterShown(
    now_s=12.5,
    step=300,
    load_tokens=np.array([400, 1000, 0]),
    active=np.array([2, 4, 0]),
    queued=np.array([0, 3, 0]),
    slots=4,
    kv_capacity=None,
    waiting=5,
    candidate_context_tokens=np.array([50, 100]),
    figures=[("TPOT", "61 ms")],
)


def _pixels(image, colour):
    return np.all(image == ImageColor.getrgb(colour), axis=2)


def test_bars_are_as_high_as_the_loads_and_the_envelope_lies_on_the_highest():
    image = paint(SHOWN)
    columns = _pixels(image, LOAD).sum(axis=0)
    heights = sorted({int(height) for height in columns if height > 0})
    assert len(heights) == 2
    assert heights[0] / heights[1] == pytest.approx(0.4, abs=0.02)
    line = np.flatnonzero(_pixels(image, ENVELOPE).any(axis=1))
    top_of_highest = np.flatnonzero(_pixels(image, LOAD).any(axis=1))[0]
    assert abs(line.mean() - top_of_highest) <= 2


def test_candidates_are_as_wide_as_their_contexts_oldest_on_top():
    rows = _pixels(paint(SHOWN), WAITING)[:, 432:].sum(axis=1)
    widths = [int(wide) for wide in rows if wide > 5]
    assert widths[0] / widths[-1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("workers", [1, 2, 8, 17, 41, 101, 300])
def test_every_state_of_a_cluster_has_a_picture_of_the_same_size_that_films_can_hold(workers):
    rng = np.random.default_rng(workers)
    shapes = set()
    for most in (1, 1000, 10**9):
        loads = rng.integers(0, most, workers)
        state = dataclasses.replace(
            SHOWN, load_tokens=loads, active=rng.integers(0, 5, workers), queued=rng.integers(0, 99, workers)
        )
        image = paint(state)
        assert image.dtype == np.uint8
        shapes.add(image.shape)
    assert len(shapes) == 1
    high, wide, colours = shapes.pop()
    assert (high % 16, wide % 16, colours) == (0, 0, 3)


@pytest.mark.parametrize("envelope", [0, 1, 99, 100, 101, 149, 151, 1000, 1001, 327_000, 10**6, 10**9 - 1])
def test_the_axis_ends_at_a_round_number_close_above_the_envelope_or_at_the_capacity(envelope):
    shown = dataclasses.replace(SHOWN, load_tokens=np.array([envelope, 0]))
    assert envelope <= shown.ceiling <= max(100, 1.6 * envelope)
    assert str(shown.ceiling).rstrip("0") in {"1", "15", "2", "3", "4", "6", "8"}
    assert dataclasses.replace(shown, kv_capacity=10**9).ceiling == 10**9


def test_what_is_shown_is_what_a_router_sees():
    state = initial_state(
        ClusterConfig(workers=2, slots=3), Workload([0.0] * 3, [5, 6, 7], [1, 1, 1]), binding=FROM_POOL
    )
    advance(state, None)
    view = RouterView(state)
    shown = ClusterShown.of(view)
    assert (shown.waiting, shown.slots, shown.envelope, shown.imbalance) == (3, 3, 0, 0)
    assert shown.candidate_context_tokens.tolist() == [5, 6, 7]
    assert dataclasses.replace(shown, load_tokens=np.array([5, 3])).imbalance == 2

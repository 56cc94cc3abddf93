"""Watching a run: what is shown, what the keys do, and the film of it."""

import io
import itertools
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import baselines
from brgym import ClusterConfig, Workload, simulate
from brgym.study.stepped_run import SteppedRun
from brgym.study.watch import Show, film_frames, watch
from brgym.study.watch.live import SPEEDS
from brgym.study.watch.screen import screen

RNG = np.random.default_rng(5)
CLUSTER = ClusterConfig(workers=4, slots=3)
WORKLOAD = Workload(np.sort(RNG.uniform(0, 2, 40)), RNG.integers(10, 400, 40), RNG.integers(1, 30, 40))


def _show(**options: Any) -> Show:
    return Show(SteppedRun(CLUSTER, WORKLOAD, baselines.make("jsq")), **options)


def _text(renderable: Any, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width, height=30, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_at_the_end_the_figures_are_those_of_the_whole_run():
    result = simulate(CLUSTER, WORKLOAD, baselines.make("jsq"), window=(0.0, 1.0))
    show = _show()
    assert dict(show.figures())["TPOT"] == "-"
    for _ in show.steps_until(np.inf):
        pass
    assert show.over
    figures, metrics = dict(show.figures()), result.metrics
    assert figures["mean imbalance"] == f"{metrics.imbalance_mean:,.0f}"
    assert figures["TPOT"] == f"{1000 * metrics.tpot_s.mean:.1f} ms"
    assert figures["TTFT"] == f"{metrics.ttft_s.mean:,.2f} s"
    assert figures["throughput"] == f"{WORKLOAD.output_tokens.sum() / metrics.makespan_s:,.0f} tok/s"
    assert figures["finished"] == "40 of 40"


def test_a_show_ends_at_its_time():
    show = _show(until_s=1.0)
    for _ in show.steps_until(np.inf):
        pass
    assert show.over
    assert 1.0 <= show.now_s < 1.1
    before_s = show.now_s
    show.step()
    assert show.now_s == before_s


def test_the_screen_has_a_line_a_worker_with_its_load_slots_and_queue():
    show = _show()
    for _ in show.steps_until(0.9):
        pass
    shown = show.shown()
    lines = _text(screen(shown, title="jsq", keys="q quit", width=110, height=30)).splitlines()
    assert f"envelope {shown.envelope:,}" in lines[2]
    for worker, line in enumerate(lines[3:7]):
        assert line.split()[0] == str(worker)
        assert f"{shown.load_tokens[worker]:,}" in line
        assert f"{shown.active[worker]}/3" in line
        assert (f"+{shown.queued[worker]} queued" in line) == (shown.queued[worker] > 0)
    marks = {line.index("│") for line in lines[3:7] if "│" in line}
    assert len(marks) == 1  # the envelope is in the same column everywhere
    assert len(max(lines, key=len)) <= 110
    assert lines[-1].strip() == "q quit"


def test_of_more_workers_than_lines_the_most_and_the_least_loaded_are_shown():
    many = Show(SteppedRun(ClusterConfig(workers=50, slots=2), WORKLOAD, baselines.make("random")))
    for _ in many.steps_until(1.0):
        pass
    shown = many.shown()
    text = _text(screen(shown, title="random", keys="", width=100, height=16))
    assert len(text.splitlines()) <= 16
    assert "41 workers between these are not shown" in text
    assert f"{shown.load_tokens.max():,} " in text


def _watched(*pressed: list[str], speed: float = 1000.0) -> tuple[Show, str]:
    show = _show()
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, height=20, legacy_windows=False, color_system=None)
    presses = itertools.chain(pressed, itertools.repeat(["q"]))
    watch(show, lambda timeout_s: next(presses), console, title="jsq on a workload", speed=speed)
    return show, file.getvalue()


def test_keys_pause_step_and_quit():
    show, text = _watched([" ", "s", "right", "s"])
    assert show.shown().step == 3
    assert "paused" in text
    assert "jsq on a workload" in text


def test_it_plays_at_its_speed_and_shows_the_end_until_somebody_quits():
    show, text = _watched(*[[] for _ in range(200)])
    assert show.over
    assert "the end" in text


def test_speed_doubles_and_halves_within_its_limits():
    _, text = _watched([" "], [" ", "+", "+", "-"], speed=2.0)
    assert "4 simulated s a second" in text
    _, text = _watched(["+"] * 40)
    assert f"{SPEEDS[1]:g} simulated s a second" in text or "the end" in text
    _, text = _watched(["-"] * 40)
    assert f"{SPEEDS[0]:g} simulated s a second" in text


def test_a_film_has_a_picture_each_time_and_one_of_the_end():
    frames = list(film_frames(_show(), every_s=0.25))
    end_s = simulate(CLUSTER, WORKLOAD, baselines.make("jsq")).metrics.makespan_s
    assert len(frames) == pytest.approx(end_s / 0.25 + 1, abs=1.5)
    assert len({frame.shape for frame in frames}) == 1
    assert not np.array_equal(frames[0], frames[3])

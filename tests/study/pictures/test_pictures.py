"""Pictures of runs and studies: what they show, and that all of it can be read."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import baselines
from brgym import ClusterConfig, Workload, simulate
from brgym.plumbing.picture_style import COLUMN_IN, PAGE_IN
from brgym.plumbing.pictures import write_picture
from brgym.study import Estimate, ImbalanceOverTime
from brgym.study.pictures import (
    Line,
    Predicted,
    draw_against_load,
    draw_distribution,
    draw_imbalance,
    draw_load_panels,
    draw_prediction,
    draw_scaling,
    draw_timeline,
    draw_worker_loads,
)
from brgym.study.stays import record_stays
from brgym.study.worker_loads import WorkerLoads

RNG = np.random.default_rng(7)
CLUSTER = ClusterConfig(workers=4, slots=6, kv_capacity=900, recompute_s_per_token=1e-4)
WORKLOAD = Workload(np.sort(RNG.uniform(0, 20, 120)), RNG.integers(20, 200, 120), RNG.integers(1, 120, 120))
RESULT = simulate(CLUSTER, WORKLOAD, baselines.make("jsq"))
STAYS = record_stays(CLUSTER, WORKLOAD, baselines.make("jsq"))
LOADS = WorkerLoads.of(STAYS, steps=len(RESULT.steps), workers=4).load_tokens
CURVE = ImbalanceOverTime.of(RESULT.steps)
SPREAD = RNG.uniform(0.01, 1, 500)
AT = [1, 2, 4, 8]
LINES = [Line(name, AT, [3, 4, 6, 9], [2, 3, 5, 7], [4, 5, 7, np.nan]) for name in ("jsq", "br-0", "level")]
POINTS = [
    Predicted(name, error, Estimate(mean, mean - 0.02, mean + 0.02, 5), family)
    for name, error, mean, family in (
        ("oracle", 0.0, 0.4, "ideal"),
        ("boosting", 0.25, 0.78, "learned"),
        ("forest", 0.255, 0.79, "learned"),
        ("logistic", 0.26, 0.79, "learned"),
        ("survival", 0.262, 0.785, ""),
    )
]
PICTURES = {
    "worker loads": lambda: draw_worker_loads(LOADS, RESULT.steps, kv_capacity=900),
    "worker loads, a part": lambda: draw_worker_loads(LOADS, RESULT.steps, between_s=(5, 6), from_zero=False),
    "imbalance": lambda: draw_imbalance({f"a policy with a long name {k}": CURVE for k in range(7)}, title="a title"),
    "distribution": lambda: draw_distribution({"a": SPREAD, "b": [np.nan, 0.5]}, label="TPOT (ms)"),
    "tail": lambda: draw_distribution({"a": 1 / SPREAD}, label="TTFT (s)", tail=True, scale="log"),
    "load": lambda: draw_against_load(LINES, label="p95 of TTFT (s)", knees={"br-0": 4.0}, limit=5.0),
    "load, four cases": lambda: draw_load_panels(
        dict.fromkeys(("one", "two", "three"), LINES), label="imbalance (tokens)", knees={"two": {"jsq": 2.0}}
    ),
    "scaling": lambda: draw_scaling(LINES, label="imbalance (tokens)", scale="log", columns=2),
    "prediction": lambda: draw_prediction(POINTS, error_label="1 - AUC", label="ratio", levels={"br-0": 1.0}),
    "timeline": lambda: draw_timeline(STAYS, RESULT.steps, WORKLOAD, 2),
    "timeline by length": lambda: draw_timeline(STAYS, RESULT.steps, WORKLOAD, 0, colour="output", between_s=(1, 9)),
}


def _boxes(figure: Figure) -> dict[str, Any]:
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return {text.get_text(): Text.get_window_extent(text, renderer) for text in texts}


def _drawn(figure: Figure) -> dict[str, Any]:
    return {str(line.get_label()): line for axes in figure.axes for line in axes.lines}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_columns_width_named_axes_and_letters_that_all_lie_within(name):
    figure = PICTURES[name]()
    assert figure.get_figwidth() in (COLUMN_IN, PAGE_IN)
    for axes in figure.axes:
        assert axes.get_ylabel()
    assert any(axes.get_xlabel() for axes in figure.axes)
    labels = [axes.get_ylabel() for axes in figure.axes] + [axes.get_xlabel() for axes in figure.axes]
    boxes = _boxes(figure)
    for label in filter(None, labels):
        box = boxes[label]
        assert box.x0 >= 0, label
        assert box.y0 >= 0, label
        assert box.x1 <= figure.bbox.x1, label
        assert box.y1 <= figure.bbox.y1, label
    assert min(float(text.get_fontsize()) for text in figure.findobj(Text)) >= 6


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_picture_has_the_same_bytes(name, tmp_path):
    figures = [PICTURES[name]() for _ in range(2)]
    for suffix in (".png", ".pdf", ".svg"):
        for number, figure in enumerate(figures):
            write_picture(figure, tmp_path / f"{number}{suffix}")
        assert (tmp_path / f"0{suffix}").read_bytes() == (tmp_path / f"1{suffix}").read_bytes()


def test_the_envelope_lies_on_the_highest_load_and_its_gap_to_the_mean_is_the_imbalance():
    few = slice(0, 300)
    drawn = _drawn(draw_worker_loads(LOADS[few], RESULT.steps[few]))
    np.testing.assert_array_equal(drawn["envelope $M$"].get_ydata(), RESULT.steps["max_load"][few])
    np.testing.assert_array_equal(drawn["envelope $M$"].get_xdata(), RESULT.steps["start_s"][few])
    np.testing.assert_allclose(drawn["mean of the workers"].get_ydata(), RESULT.steps["sum_load"][few] / 4)


def test_of_a_long_run_each_point_is_a_mean_over_steps():
    loads = np.tile(RNG.integers(0, 1000, (5000, 3)), 1)
    steps = np.zeros(5000, RESULT.steps.dtype)
    steps["start_s"], steps["duration_s"] = np.arange(5000.0), 1.0
    envelope = _drawn(draw_worker_loads(loads, steps))["envelope $M$"].get_ydata()
    assert len(envelope) <= 900
    assert np.mean(envelope) == pytest.approx(loads.max(axis=1).mean(), rel=1e-3)
    assert envelope.max() <= loads.max()


def test_a_distribution_is_the_share_of_requests_at_or_below_each_value():
    values = np.array([3.0, 1.0, np.nan, 2.0, 2.0])
    below = _drawn(draw_distribution({"a": values}, label="x"))["a"]
    np.testing.assert_array_equal(below.get_xdata(), [1, 2, 2, 3])
    np.testing.assert_array_equal(below.get_ydata(), [0.25, 0.5, 0.75, 1.0])
    above = _drawn(draw_distribution({"a": values}, label="x", tail=True))["a"]
    np.testing.assert_array_equal(above.get_ydata(), [1.0, 0.75, 0.5, 0.25])


def test_a_knee_is_marked_at_its_load_in_its_lines_colour():
    figure = draw_against_load(LINES, label="x", knees={"br-0": 4.0})
    marks = [
        line for line in figure.axes[0].lines if line.get_marker() == "^" and np.array_equal(line.get_xdata(), [4])
    ]
    assert [mark.get_color() for mark in marks] == [_drawn(figure)["br-0"].get_color()]


def test_doublings_of_the_workers_are_equally_wide_and_each_number_is_on_the_axis():
    axes = draw_scaling(LINES, label="x").axes[0]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2", "4", "8"]


def test_names_of_classifiers_hide_neither_each_other_nor_a_mark():
    boxes = _boxes(draw_prediction(POINTS, error_label="x", label="y"))
    names = [boxes[point.name] for point in POINTS]
    for place, box in enumerate(names):
        assert not any(box.overlaps(other) for other in names[place + 1 :])


def test_a_timeline_marks_each_preemption_of_its_worker():
    here = STAYS[STAYS["worker"] == 2]
    assert here["preempted"].any()
    crosses = _drawn(draw_timeline(STAYS, RESULT.steps, WORKLOAD, 2))["preempted"]
    ends_s = (RESULT.steps["start_s"] + RESULT.steps["duration_s"])[here["stop_step"] - 1]
    np.testing.assert_array_equal(np.sort(crosses.get_xdata()), np.sort(ends_s[here["preempted"]]))


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: draw_worker_loads(LOADS[:5], RESULT.steps), "load_tokens has 5 steps, steps has"),
        (
            lambda: draw_worker_loads(LOADS, RESULT.steps, between_s=(900, 901)),
            "between_s: the run has no step between",
        ),
        (lambda: draw_imbalance({}), "curves is empty"),
        (lambda: draw_distribution({}, label="x"), "values is empty"),
        (lambda: draw_distribution({"a": [np.nan]}, label="x"), "values of 'a': there is none"),
        (lambda: draw_distribution({"a": [0.0]}, label="x", scale="log"), "'a' must be above 0 on a logarithmic axis"),
        (lambda: draw_against_load([], label="x"), "lines is empty"),
        (lambda: draw_load_panels({}, label="x"), "panels is empty"),
        (lambda: draw_against_load(LINES, label="x", knees={"random": 1.0}), "knees names random; the lines are jsq"),
        (lambda: draw_scaling([Line("a", [0, 1], [1, 1], [1, 1], [1, 1])], label="x"), "at least 1, got 0"),
        (lambda: Line("a", [1, 1], [1, 1], [1, 1], [1, 1]), "at of 'a' must rise"),
        (lambda: Line("a", [1, 2], [1], [1, 1], [1, 1]), "mean of 'a' must have one value for each"),
        (lambda: draw_prediction([], error_label="x", label="y"), "points is empty"),
        (lambda: draw_timeline(STAYS, RESULT.steps, WORKLOAD, 9), "worker 9 has no request between"),
        (lambda: draw_timeline(STAYS, RESULT.steps, WORKLOAD, 0, colour="age"), "unknown colour 'age'"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_drawn_is_named(draw, words):
    with pytest.raises(ValueError) as error:
        draw()
    assert words in str(error.value)

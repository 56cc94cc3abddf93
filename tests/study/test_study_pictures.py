"""Pictures of a sweep: the lines are the study's means, knees are where the rule says, and what is missing is named."""

import math

import numpy as np
import pytest

from brgym.cli import main
from brgym.study.knee import knee_at_limit, knee_of_shape
from brgym.study.pictures import Line
from brgym.study.study_pictures import LOAD, WORKERS, draw_along, lines_along
from tests.study.report.fabricated import LOADS, NAMES, POLICIES, imbalance, results


def line(mean, at=None) -> Line:
    values = np.asarray(mean, np.float64)
    return Line("x", np.arange(len(values)) if at is None else at, values, values, values)


@pytest.mark.parametrize(
    ("mean", "limit", "knee"),
    [
        ([1.0, 2.0, 4.0, 9.0], 3.0, 1.5),
        ([1.0, 2.0, 4.0, 9.0], 4.0, 2.0),
        ([5.0, 6.0], 3.0, None),
        ([1.0, 2.0], 3.0, None),
    ],
)
def test_a_limit_is_kept_up_to_the_first_crossing(mean, limit, knee):
    assert knee_at_limit(line(mean), limit) == knee


@pytest.mark.parametrize(
    ("mean", "knee"),
    [
        ([1.0, 1.0, 1.0, 9.0], 2.0),  # flat, then steep: the last flat point
        ([1.0, 5.0, 9.0], None),  # straight
        ([1.0, 8.0, 9.0], None),  # bends the other way
        ([9.0, 5.0, 1.0], None),  # falls
        ([1.0, 1.0, 1.4], None),  # hardly rises
        ([1.0, 9.0], None),
        ([0.0, 0.0, 9.0], None),  # from nothing, nothing rises by half
    ],
)
def test_a_knee_is_where_the_line_hangs_furthest_below_its_chord(mean, knee):
    assert knee_of_shape(line(mean)) == knee


def test_lines_are_the_means_along_the_load_with_their_intervals():
    found = results()
    lines = lines_along(found, LOAD, "imbalance_mean", where={WORKERS: "16"}, policies=["br-0", "jsq"])
    assert [one.label for one in lines] == ["br-0", "jsq"]
    settings = [place for place, setting in enumerate(LOADS) if setting[WORKERS] == 16]
    np.testing.assert_array_equal(lines[0].at, [LOADS[place][LOAD] for place in settings])
    expected = [np.mean([imbalance(place, 2, seed) for seed in range(5)]) for place in settings]
    assert np.asarray(lines[0].mean).tolist() == pytest.approx(expected)
    assert (np.asarray(lines[0].low) < np.asarray(lines[0].mean)).all()


def test_units_are_those_that_are_shown():
    (one,) = lines_along(results(), LOAD, "tpot_s_p95", where={WORKERS: "8"}, policies=["jsq"])
    assert np.asarray(one.mean)[0] == pytest.approx(
        1e3 * (0.05 + np.mean([imbalance(0, 0, s) for s in range(5)]) / 1e8)
    )


def test_a_policy_without_the_figure_is_left_out():
    lines = lines_along(results(), LOAD, "tpot_s_p95", where={WORKERS: "8"})
    assert [one.label for one in lines] == [policy for place, policy in enumerate(POLICIES) if place != 1]
    with pytest.raises(ValueError, match="there is no tpot_s_p95 yet"):
        lines_along(results(), LOAD, "tpot_s_p95", where={WORKERS: "8"}, policies=["least-kv"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key": "workload.lod"}, "unknown along 'workload.lod'; did you mean 'workload.load'"),
        ({"figure": "imbalance"}, "unknown figure 'imbalance'; did you mean 'imbalance_mean'"),
        ({"policies": ["br-1"]}, "unknown policy 'br-1'"),
        ({}, "where must say cluster.workers: the study has several settings for workload.load = 0.5"),
        ({"where": {WORKERS: "9"}}, "unknown cluster.workers '9'. Known: 8, 16"),
        ({"where": {"workers": "8"}}, "unknown where 'workers'"),
    ],
)
def test_what_there_is_not_is_named(options, says):
    with pytest.raises(ValueError, match=says):
        lines_along(results(), **({"key": LOAD, "figure": "imbalance_mean"} | options))


def test_loads_that_are_no_numbers_are_no_points():
    with pytest.raises(ValueError, match="unknown along"):
        lines_along(results(NAMES), LOAD, "imbalance_mean")
    with pytest.raises(ValueError, match=r"workload\.name has no numbers there"):
        lines_along(results(NAMES), "workload.name", "imbalance_mean")


def test_each_way_of_drawing_gives_a_figure():
    found = results()
    assert len(draw_along(found, LOAD, "imbalance_mean", where={WORKERS: "8"}).axes) == 1
    assert len(draw_along(found, LOAD, "imbalance_mean", panels=WORKERS).axes) == 2
    assert len(draw_along(found, WORKERS, "imbalance_mean", where={LOAD: "0.5"}).axes) == 1
    assert not math.isnan(draw_along(found, LOAD, "ttft_s_p99", where={WORKERS: "8"}, limit=11.5).axes[0].get_ylim()[1])


def test_from_the_command_line(tmp_path, capsys):
    found = results()
    found.write(tmp_path)
    picture = tmp_path / "load.svg"
    assert main(["plot", str(tmp_path), "--out", str(picture), "--panels", WORKERS, "--policies", "jsq; br-0"]) == 0
    assert b"<svg" in picture.read_bytes()
    assert main(["plot", str(tmp_path), "--out", str(tmp_path / "x.png"), "--where", "cluster.workers"]) == 2
    assert "--where must be KEY=VALUE,..., got 'cluster.workers'" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_a_value_may_hold_commas(tmp_path, capsys):
    results().write(tmp_path)
    where = "cluster.workers=base_s=1,per_token_s=2, workload.load=0.5"
    assert main(["plot", str(tmp_path), "--out", str(tmp_path / "x.png"), "--where", where]) == 2
    assert "unknown cluster.workers 'base_s=1,per_token_s=2'" in capsys.readouterr().err

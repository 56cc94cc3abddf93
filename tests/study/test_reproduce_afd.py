"""The AFD study: whole in its folder, resumed where it stopped, and its verdicts say what they are said to say."""

import csv
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from brgym.study.engine import Progress
from brgym.study.reproduce.afd import reproduce, search
from brgym.study.reproduce.afd.grid import Cell, cells, population
from brgym.study.reproduce.afd.router_outcomes import outcomes
from brgym.study.reproduce.afd.routers import ROUTERS, Case, Run, saturated
from brgym.study.reproduce.afd.search import FIXED_RATIOS, explore, ratios_of
from brgym.study.reproduce.afd.verdicts import RECOMMENDED, Explored, Share, idleness, verdicts

CELL = Cell("constant, P 100, D 500", 256, 3)
CASE = Case("azure-2023-code-like", 4)


def peaked_at(best: int, *, noise: float = 0.001):
    """Simulations whose throughput falls on both sides of `best`; each run has two intervals, half of `noise` off."""

    def simulate(ratios, run):
        assert run < search._MOST_RUNS
        results = []
        for ratio in ratios:
            throughput = 1.0 - 0.1 * abs(np.log(ratio / best))
            off = noise if ratio % 2 else 0.0
            times = tuple(ratio / (ratio + 1) / (throughput * factor) for factor in (1 - off, 1 + off))
            results.append(
                SimpleNamespace(ratio=ratio, batch=1, cycle_times=times, idle_attention=0.2 + 0.1 * run, idle_ffn=0.4)
            )
        return results

    return simulate


def explored(best: int, **options) -> Explored:
    return Explored(CELL, explore(ratios_of(CELL, seed=0), peaked_at(best, **options)), 0)


def of_method(found, method):
    return next(verdict for verdict in found if verdict.method == method)


def test_the_search_finds_the_peak_and_visits_what_is_reported():
    for best in range(3, 9):
        found = explored(best)
        assert found.best.ratio == best
        assert found.best.of_best == 1.0
        assert {*FIXED_RATIOS, found.predicted(RECOMMENDED).integer} <= {point.ratio for point in found.points}


def test_points_are_what_the_simulations_say():
    assert [point.throughput for point in explored(5).points] == pytest.approx(
        [1.0 - 0.1 * abs(np.log(point.ratio / 5)) for point in explored(5).points], rel=1e-5
    )
    point = explored(5).at(4)
    assert point.of_best == pytest.approx(point.throughput, rel=1e-5)


def test_a_cell_is_simulated_until_its_best_stands_out_or_for_so_many_runs_at_most():
    clear, noisy = explored(5, noise=0.0), explored(5, noise=0.2)
    assert clear.stands_out
    assert clear.best.idle_attention == pytest.approx(0.2)
    assert not noisy.stands_out
    assert noisy.best.idle_attention == pytest.approx(0.2 + 0.1 * (search._MOST_RUNS - 1) / 2)


def test_a_prediction_agrees_at_the_nearest_integer_and_not_beyond():
    predicted = explored(5).predicted(RECOMMENDED).integer
    assert of_method(verdicts(explored(predicted)), RECOMMENDED).agrees
    off = of_method(verdicts(explored(predicted + 2)), RECOMMENDED)
    assert not off.agrees
    assert off.loss == pytest.approx(0.1 * np.log((predicted + 2) / predicted))
    assert off.reason.startswith("the formula's throughput is")


def test_what_the_simulation_does_not_resolve_is_no_refutation_and_still_no_agreement():
    predicted = explored(5).predicted(RECOMMENDED).integer
    found = verdicts(explored(predicted + 2, noise=0.3))
    share = Share.of(RECOMMENDED, found)
    assert of_method(found, RECOMMENDED).reason.startswith("flat optimum")
    assert (share.agreeing, share.not_refuted) == (0.0, 1.0)


def test_idle_time_is_that_of_all_instances():
    fixed = idleness([explored(5)])[-1]
    assert fixed.choice == "fixed at 16"
    assert fixed.idle == pytest.approx((16 * 0.2 + 0.4) / 17)


def test_the_grid_names_every_cell_once():
    assert len(set(cells())) == len(cells())
    assert population(CELL.workload, 0) == population(CELL.workload, 0)


def test_a_run_starts_full_and_its_lengths_are_paired_across_ratios():
    low, high = (saturated(Run(CASE, ratio, 0), 3) for ratio in (CASE.ratios[0], CASE.ratios[-1]))
    slots = CASE.ratios[0] * CASE.batch
    assert np.count_nonzero(low.arrival_s == 0.0) == slots
    assert np.array_equal(low.prompt_tokens, high.prompt_tokens[: len(low)])
    assert len(low) == 3 * slots


def test_the_best_ratio_moves_with_the_peak_of_the_curve():
    ratios = CASE.ratios
    peak = dict(zip(ROUTERS, (3, 3, 2, 1), strict=True))
    served: dict[Run, Any] = {
        Run(CASE, ratio, seed): {
            router: {"throughput": 10.0 + seed - abs(place - peak[router]), "barrier_idle": 0.1, "balance": 0.9}
            for router in ROUTERS
        }
        for place, ratio in enumerate(ratios)
        for seed in range(2)
    }
    found = {outcome.router: outcome for outcome in outcomes(CASE, served)}
    assert found["br-0"].shift.mean == -1.0
    assert found["br-h"].best_ratio.mean == ratios[1]
    assert found["br-0"].gain.mean == pytest.approx(1.0)
    assert found["br-0"].gain_at_reference.mean < 1.0


def test_the_study_is_whole_resumed_and_the_same_on_any_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "_INTERVALS", 2)
    monkeypatch.setattr(search, "_MOST_RUNS", 2)
    options: dict[str, Any] = {"grid": [CELL], "cases": [CASE], "seeds": 2, "requests_per_slot": 2, "jobs": 1}
    heard: list[Any] = []
    path = reproduce(tmp_path, on_progress=heard.append, **options)
    assert heard[-1] == Progress(cells=1 + 2 * len(CASE.ratios), done=1 + 2 * len(CASE.ratios), failed=0)
    names = ("report.md", "simulated.csv", "predicted.csv", "routers.csv")
    first = {name: (tmp_path / name).read_bytes() for name in names}
    assert (tmp_path / "ratios.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "routers.png").is_file()
    assert "illustrative" in path.read_text()
    monkeypatch.setattr(search, "simulate_run", lambda *_, **__: pytest.fail("simulated again"))
    reproduce(tmp_path, **options)
    assert {name: (tmp_path / name).read_bytes() for name in names} == first
    with (tmp_path / "routers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(CASE.ratios) * 2 * len(ROUTERS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"part": "grids"}, "did you mean 'grid'"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"grid_seed": -1}, "grid_seed must be at least 0"),
    ],
)
def test_bad_parameters_are_named(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        reproduce(tmp_path, **changes)

"""Tuning: the proposals are Optuna's, the outcome is the engine's, training and reported seeds stay apart."""

import math
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from baselines import Specification
from brgym.cli import main
from brgym.study import StudyError
from brgym.study.named_workload import NamedWorkload
from brgym.study.simulation import Simulation
from brgym.study.tuning import Tuning
from brgym.study.tuning_space import Choices, Range, read_space, with_parameters

pytest.importorskip("optuna")

TEXT = """
name = "small"
seeds = 5
[tune]
policy = "br-0:order=arrival"
trials = 12
training_seeds = 2
[tune.parameters]
subset_window = {from = 1, to = 6}
greedy_above = [0, 4, 64]
[cluster]
workers = 2
slots = 4
[workload]
requests = 60
load = [0.8, "backlog"]
"""


@pytest.fixture
def study_file(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(TEXT)
    return path


def parabola(simulation: Simulation) -> dict[str, float]:
    """Least at a window of 4 and a threshold of 4; every seed and setting scales it."""
    parameters = dict(simulation.policy.specification.parameters)
    window, above = parameters.get("subset_window", 8), parameters.get("greedy_above", 7)
    assert isinstance(simulation.source, NamedWorkload)
    scale = 1.0 + simulation.seed + (simulation.source.load == "backlog")
    return {"imbalance_mean": scale * (1.0 + (window - 4) ** 2 + abs(above - 4))}


def test_it_finds_the_optimum_and_reports_it_on_the_other_seeds(study_file, tmp_path, monkeypatch):
    seen: list[int] = []

    def run(simulation):
        seen.append(simulation.seed)
        return parabola(simulation)

    monkeypatch.setattr(Simulation, "run", run)
    tuning = Tuning.from_toml(study_file)
    tuned = tuning.run(tmp_path / "out", jobs=1)
    assert tuned.best.policy == "br-0:greedy_above=4,subset_window=4,order=arrival"
    assert tuned.best.objective == pytest.approx(1.0 / (1.0 + 16 + 3))
    assert tuned.reported.mean == pytest.approx(tuned.best.objective)
    assert tuned.reported.seeds == 5
    assert set(seen) == {1000, 1001, 0, 1, 2, 3, 4}
    np.testing.assert_allclose(tuned.values[0], [20 * (1 + s) ** 0.5 * (2 + s) ** 0.5 for s in range(5)])


def test_a_figure_that_is_better_when_high_is_raised(study_file, tmp_path, monkeypatch):
    text = TEXT.replace("trials = 12", 'trials = 12\nfigure = "throughput_tok_s"')
    study_file.write_text(text)
    monkeypatch.setattr(Simulation, "run", lambda cell: {"throughput_tok_s": 1.0 / parabola(cell)["imbalance_mean"]})
    tuned = Tuning.from_toml(study_file).run(tmp_path / "out", jobs=1)
    assert tuned.best.policy == "br-0:greedy_above=4,subset_window=4,order=arrival"
    assert tuned.best.objective == pytest.approx(20.0)


def test_a_figure_that_is_nought_gives_no_objective(study_file, tmp_path, monkeypatch):
    monkeypatch.setattr(Simulation, "run", lambda cell: {"imbalance_mean": 0.0})
    with pytest.raises(ValueError, match="no trial has a imbalance_mean above 0 under every seed"):
        Tuning.from_toml(study_file).run(tmp_path / "out", jobs=1)


def test_the_same_file_gives_the_same_trials_on_any_number_of_jobs(study_file, tmp_path):
    one, two = (Tuning.from_toml(study_file).run(tmp_path / str(jobs), jobs=jobs) for jobs in (1, 2))
    assert one.trials == two.trials
    assert one.reported == two.reported
    assert all(math.isfinite(trial.objective) for trial in one.trials)


def test_killed_at_random_it_ends_with_the_same_trials(study_file, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main(["tune", str(study_file), "--out", str(whole), "--csv", str(tmp_path / "whole.csv")]) == 0
    command = [sys.executable, "-m", "brgym", "tune", str(study_file), "--out", str(killed), "--jobs", "1"]
    for moment_s in (random.Random(3).uniform(0.5, 1.5), random.Random(4).uniform(2.0, 4.0)):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(moment_s)
            os.kill(process.pid, signal.SIGKILL)
    assert main(["tune", str(study_file), "--out", str(killed), "--csv", str(tmp_path / "killed.csv")]) == 0
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "killed.csv").read_bytes()


def test_the_page_says_how_many_were_looked_at(study_file, tmp_path, capsys):
    assert main(["tune", str(study_file), "--out", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "Looked at: 12 trials" in page
    assert "On 5 other seeds: " in page


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[tune", "[tunes", "tune: a table \\[tune\\] is needed"),
        ("trials = 12", "trial = 12", "tune.trial: .*did you mean 'trials'"),
        ("trials = 12", "trials = 0", "tune.trials must be in 1"),
        ("training_seeds = 2", "training_seeds = [0, 9]", "tune.training_seeds: \\[0\\] are reported seeds"),
        ("training_seeds = 2", "training_seeds = 0", "tune.training_seeds must be at least 1"),
        ("trials = 12", 'figure = "imbalance"', "unknown tune.figure 'imbalance'; did you mean 'imbalance_mean'"),
        ('policy = "br-0:order=arrival"', 'policy = "br-1"', "policies: unknown policy 'br-1'"),
        ('policy = "br-0:order=arrival"', "policy = 3", "tune.policy must be a text"),
        ("seeds = 5", 'seeds = 5\npolicies = ["jsq"]', "policies and reference have no place beside"),
        ("subset_window =", "subset_windw =", "tune.parameters.subset_windw: .*did you mean 'subset_window'"),
        ("to = 6", "to = 600", "tune.parameters.subset_window: .*must be in 1..16, got 600"),
        ("to = 6", "to = 0", "tune.parameters.subset_window: a range goes from a number to a greater one"),
        ("to = 6", 'to = 6, scale = "lgo"', "tune.parameters.subset_window.scale must be linear or log"),
        ("[0, 4, 64]", "[]", "tune.parameters.greedy_above: an empty list"),
        ("[0, 4, 64]", '"all"', "tune.parameters.greedy_above must be a list of choices or a range"),
        ("[0, 4, 64]", '[0, "four"]', "tune.parameters.greedy_above: .*greedy_above must be a whole number"),
    ],
)
def test_a_mistake_names_file_and_key(old, new, says, study_file):
    assert old in TEXT
    study_file.write_text(TEXT.replace(old, new))
    with pytest.raises(StudyError, match=f"small.toml: {says}"):
        Tuning.from_toml(study_file)


def test_ranges_and_choices():
    space = read_space(
        Specification("br-h"),
        {"gamma": {"from": 0.5, "to": 1.0}, "horizon": {"from": 1, "to": 200, "scale": "log"}, "order": ["arrival"]},
        check=str,
    )
    assert space == {"gamma": Range(0.5, 1.0), "horizon": Range(1, 200, log=True), "order": Choices(("arrival",))}
    assert str(with_parameters(Specification("br-h"), {"gamma": 0.5})) == "br-h:gamma=0.5"

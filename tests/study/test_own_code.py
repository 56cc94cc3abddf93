"""Policies and predictors of the user's own, by `module:Name`: on the command line and in study files."""

import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baselines
from baselines import Specification
from baselines.learned.policy import SHIPPED
from brgym.cli import main
from brgym.study import NamedWorkload, PredictorChoice, Results, Study, StudyError
from brgym.study.engine import key_of

ROUTER = '''
"""A router of one's own."""

import helper


class Router:
    """The request that waits longest goes to the worker with the lowest load times a weight."""

    binding = "pool"

    def __init__(self, weight: float = 1.0, offset=0):
        if weight < 0:
            raise ArithmeticError(f"weight {weight} is below 0")
        self.weight, self.offset = weight, offset

    def reset(self, cluster, seed):
        self.seed = seed

    def admit(self, view):
        fits = view.fits()
        if not fits.any():
            return []
        if self.offset == 13 and self.seed == 1:
            raise KeyError("thirteen")
        candidate = int(fits.any(axis=1).argmax())
        return [(candidate, helper.choose(view, fits[candidate]))]


class Bare:
    binding = "pool"

    def admit(self, view):
        return []


class Nothing:
    pass


def function():
    return 3
'''
HELPER = """
import numpy as np


def choose(view, fits):
    return int(min(np.flatnonzero(fits), key=lambda worker: view.load_tokens[worker]))
"""
PREDICTOR = """
import numpy as np


class Mean:
    \"\"\"Every request lasts as long as the mean one.\"\"\"

    def fit(self, workload):
        self.mean = float(workload.output_tokens.mean())
        return self

    def expected_remaining(self, view, horizon):
        return np.clip(self.mean - view.active_generated_tokens, 1.0, horizon + 1.0)

    def survival(self, view, horizon):
        return (self.expected_remaining(view, horizon)[:, None] > np.arange(horizon + 1)).astype(float)


class Broken:
    def __init__(self):
        raise OSError("no weights")


def made():
    return Mean().fit(type("Requests", (), {"output_tokens": np.array([7])}))


number = 3
"""

TINY = ("--workers", "2", "--slots", "4", "--requests", "30", "--seeds", "2")

_numbers = count()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with modules in a package that no other test has imported, without an `__init__.py`."""
    monkeypatch.chdir(tmp_path)
    package = tmp_path / f"own{next(_numbers)}"
    package.mkdir()
    (package / "router.py").write_text(ROUTER.replace("import helper", "from . import helper"))
    (package / "helper.py").write_text(HELPER)
    (package / "foresight.py").write_text(PREDICTOR)
    (package / "torn.py").write_text("\n\nimport nowhere_at_all\n")
    (package / "syntax.py").write_text("def :\n")
    return package


def sweep(study: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "brgym", "sweep", str(study), "--out", str(out), "--jobs", "2"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_policy_is_made_with_its_parameters(folder):
    text = f"{folder.name}.router:Router:offset=2,weight=0.5"
    specification = Specification.parse(text)
    assert str(specification) == f"{folder.name}.router:Router:weight=0.5,offset=2"
    assert Specification.parse(str(specification)) == specification
    made: Any = baselines.from_spec(text)
    assert (type(made).__name__, made.weight, made.offset) == ("Router", 0.5, 2)
    listed = baselines.specifications(f"jsq,{text},br-0:subset_window=4")
    assert [one.name for one in listed] == ["jsq", f"{folder.name}.router:Router", "br-0"]


def test_policies_are_compared_beside_ours(folder, capsys):
    own = f"{folder.name}.router:Router:weight=2.0"
    assert main(["compare", *TINY, "--policies", f"least-kv,{own}", "--reference", own, "--json", "out.json"]) == 0
    assert f"{folder.name}.router" in "".join(capsys.readouterr().out.split())
    found = json.loads(Path("out.json").read_text())
    by_policy = {row["policy"]: row["figures"] for row in found["trials"] if row["seed"] == 1}
    assert by_policy["least-kv"] == by_policy[own] | {"clairvoyant": False}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.router:Router", "there is no module nowhere, neither installed nor in "),
        ("PACKAGE.ruter:Router", "there is no module PACKAGE.ruter, neither"),
        ("PACKAGE.router:Ruter", "unknown name in PACKAGE.router 'Ruter'; did you mean 'Router'?"),
        ("PACKAGE.router:Router:wait=1", "unknown parameter 'wait'; did you mean 'weight'?"),
        ("PACKAGE.router:Router:weight=heavy", "weight must be a number, got 'heavy'"),
        ("PACKAGE.router:Router:weight=-1", "ArithmeticError: weight -1.0 is below 0 (FOLDER/router.py, line 14)"),
        ("PACKAGE.router:function", "no policy, which is a class that has one of bind, admit, kernel"),
        ("PACKAGE.router:Nothing", "no policy, which is a class that has one of bind, admit, kernel"),
        ("PACKAGE.router:Bare", "policy must have reset(cluster, seed)"),
        ("PACKAGE.torn:Router", "ModuleNotFoundError: No module named 'nowhere_at_all' (FOLDER/torn.py, line 3)"),
        ("PACKAGE.syntax:Router", "SyntaxError: invalid syntax (syntax.py, line 1)"),
    ],
)
def test_a_wrong_policy_is_one_line(folder, name, message, capsys):
    text, said = (part.replace("PACKAGE", folder.name).replace("FOLDER", str(folder)) for part in (name, message))
    assert main(["compare", *TINY, "--policies", f"jsq,{text}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("brgym: error: policy ")
    assert said in error
    Path("study.toml").write_text(f'policies = ["jsq", "{text}"]\n[workload]\nrequests = 20\n')
    with pytest.raises(StudyError, match=r"study.toml: policies: policy ") as raised:
        Study.from_toml("study.toml")
    assert said in str(raised.value)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_run_says_where(folder, jobs, capsys):
    policies = f"jsq,{folder.name}.router:Router:offset=13"
    assert main(["compare", *TINY, "--policies", policies, "--jobs", str(jobs)]) == 2
    assert capsys.readouterr().err == f"brgym: error: KeyError: 'thirteen' ({folder}/router.py, line 25)\n"


def test_in_a_study_it_is_kept_and_mended_and_edited_code_is_run_again(folder, tmp_path):
    own = f"{folder.name}.router:Router"
    study, out = tmp_path / "study.toml", tmp_path / "out"
    study.write_text(
        f'policies = ["jsq", {{policy = "{own}", offset = [0, 13]}}]\nseeds = 2\n'
        "[cluster]\nworkers = 2\nslots = 4\n[workload]\nrequests = 40\n"
    )
    done = sweep(study, out)
    assert done.returncode == 2
    assert "1 of 6 cells failed" in done.stderr
    (failure,) = Results.read(out).failures
    assert (failure["policy"], failure["seed"]) == (f"{own}:offset=13", 1)
    assert failure["error"] == "KeyError: 'thirteen'"
    assert f'File "{folder / "router.py"}", line 25, in admit' in failure["traceback"]
    first = Results.read(out).values(0, f"{own}:offset=0", "imbalance_mean")
    lines = (out / "journal.jsonl").read_bytes().count(b'"figures"')
    assert lines == 5
    mended = folder.joinpath("helper.py").read_text().replace("min(np", "max(np")
    folder.joinpath("helper.py").write_text(mended)
    folder.joinpath("router.py").write_text(folder.joinpath("router.py").read_text().replace("== 13", "== 14"))
    assert sweep(study, out).returncode == 0
    assert (out / "journal.jsonl").read_bytes().count(b'"figures"') == lines + 4  # and the two of jsq stay
    again = Results.read(out)
    assert again.missing == 0
    assert (again.values(0, f"{own}:offset=0", "imbalance_mean") != first).all()


def test_a_file_that_a_policy_reads_counts_by_its_content(tmp_path):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(SHIPPED.read_bytes())
    study = Study.from_document({"policies": ["learned", f"learned:weights={weights}"], "workload": {"requests": 20}})
    shipped, mine = (key_of(cell) for cell in study.cells()[:: len(study.seeds)])
    assert shipped != mine
    weights.write_bytes(SHIPPED.read_bytes() + b" ")
    again, edited = (key_of(cell) for cell in study.cells()[:: len(study.seeds)])
    assert again == shipped
    assert edited not in (shipped, mine)


def test_python_policies_run_in_processes(folder):
    own = f"{folder.name}.router:Router"
    study = Study.from_document({"policies": ["jsq", own], "workload": {"requests": 20}})
    assert {cell.policy.label: cell.interpreted for cell in study.cells()} == {"jsq": False, own: True}


def test_predictors_are_fitted_for_each_seed_or_used_as_they_are(folder):
    source = NamedWorkload("proprietary-like", requests=40)
    fitted, made = (PredictorChoice(f"{folder.name}.foresight:{name}") for name in ("Mean", "made"))
    assert vars(fitted.make(source, 3))["mean"] == source.training(3).output_tokens.mean()
    assert vars(made.make(source, 3))["mean"] == 7.0


def test_br_h_looks_ahead_with_a_predictor_of_one_s_own(folder):
    arguments = ("--policies", "jsq,br-h:horizon=10", "--predictor", f"{folder.name}.foresight:Mean", "--csv", "a.csv")
    assert main(["compare", *TINY, *arguments]) == 0
    study = {
        "policies": ["br-h:horizon=10"],
        "predictor": [f"{folder.name}.foresight:Mean", "survival"],
        "seeds": 1,
        "workload": {"requests": 30},
        "cluster": {"workers": 2, "slots": 4},
    }
    results = Study.from_document(study).run("out", jobs=1)
    rows = [line.split(",") for line in Path("a.csv").read_text().splitlines()]
    column = rows[0].index("makespan_s")
    makespans = [float(row[column]) for row in rows if row[0] == "br-h:horizon=10" and row[1] == "0"]
    np.testing.assert_array_equal(results.values(0, results.policies[0], "makespan_s"), makespans)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:Mean", "predictor nowhere:Mean: there is no module nowhere"),
        ("PACKAGE.foresight:Meen", "unknown name in PACKAGE.foresight 'Meen'; did you mean 'Mean'?"),
        ("PACKAGE.foresight:number", "a class or a function that gives a predictor is needed, got 3"),
        ("PACKAGE.foresight:Broken", "OSError: no weights (FOLDER/foresight.py, line 21)"),
        ("PACKAGE.router:Router", "a predictor has expected_remaining and survival"),
        ("PACKAGE.router:function", "a predictor has expected_remaining and survival, got 3"),
    ],
)
def test_a_wrong_predictor_is_one_line(folder, name, message, capsys):
    text, said = (part.replace("PACKAGE", folder.name).replace("FOLDER", str(folder)) for part in (name, message))
    assert main(["compare", *TINY, "--policies", "br-h", "--predictor", text]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error

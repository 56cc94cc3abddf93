"""Saturation: the bisection finds the threshold of a figure whose threshold is known, and says what it cannot find."""

import math

import pytest

from baselines import specifications
from brgym.cli import main
from brgym.cluster import preset
from brgym.study import NamedWorkload, policy_choices
from brgym.study.saturation import Objective, saturate
from brgym.study.simulation import Simulation

CLUSTER = preset("bf-io", workers=2, slots=8)
SOURCE = NamedWorkload("azure-2023-conv-like", requests=40)
POLICIES = policy_choices(specifications("jsq,br-0"), [])
THRESHOLD = {"jsq": 0.6, "br-0": 0.8}


def figure(simulation: Simulation) -> dict[str, float]:
    """Rises with the load, and passes 1 at the policy's threshold, a hundredth later with each seed."""
    threshold = THRESHOLD[simulation.policy.label] + 0.01 * simulation.seed
    assert isinstance(simulation.source, NamedWorkload)
    assert isinstance(simulation.source.load, float)
    return {"tpot_s_p95": simulation.source.load / threshold, "throughput_tok_s": -simulation.source.load / threshold}


@pytest.mark.parametrize("slo", ["tpot_s_p95=1", "throughput_tok_s=-1", "tpot_s_p95=1,throughput_tok_s=-9"])
def test_it_finds_the_threshold(slo, tmp_path, monkeypatch):
    monkeypatch.setattr(Simulation, "run", figure)
    found = saturate(
        CLUSTER, SOURCE, POLICIES, range(3), Objective.parse(slo), tmp_path, reference="jsq", precision=1e-4, jobs=1
    )
    for policy, threshold in THRESHOLD.items():
        for seed in range(3):
            assert threshold + 0.01 * seed - 1e-4 <= found.loads[policy][seed] <= threshold + 0.01 * seed
    rates = [load * SOURCE.workload(seed).capacity(CLUSTER) for seed, load in enumerate(found.loads["br-0"])]
    assert found.rates_per_s["br-0"].tolist() == pytest.approx(rates)
    assert found.rows[1].stands
    assert found.rows[1].difference.mean == pytest.approx(0.2, abs=2e-4)


def test_what_the_ends_do_not_enclose_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(Simulation, "run", figure)
    found = saturate(
        CLUSTER,
        SOURCE,
        POLICIES,
        range(2),
        Objective.parse("tpot_s_p95=1"),
        tmp_path,
        reference="jsq",
        low=0.605,
        high=0.7,
        jobs=1,
    )
    assert found.below == {"jsq": 1, "br-0": 0}
    assert found.above == {"jsq": 0, "br-0": 2}
    assert found.loads["jsq"][0] == 0.605
    assert found.rates_per_s["jsq"][0] == 0.0
    assert found.loads["br-0"].tolist() == [0.7, 0.7]


def test_a_figure_that_is_not_there_is_not_kept_to():
    objective = Objective.parse("tpot_s_p95=0.05")
    assert objective.met_by({"tpot_s_p95": 0.05})
    assert not objective.met_by({"tpot_s_p95": math.nan})
    assert not objective.met_by({"tpot_s_p95": None})
    assert str(Objective.parse("tpot_s_p95=0.05,throughput_tok_s=9")) == "tpot_s_p95 <= 0.05, throughput_tok_s >= 9"


def test_what_has_been_found_is_not_looked_for_again(tmp_path, monkeypatch):
    arguments = (CLUSTER, SOURCE, POLICIES, range(2), Objective.parse("tpot_s_p95=0.0105"), tmp_path)
    first = saturate(*arguments, reference="jsq", jobs=1)
    monkeypatch.setattr(Simulation, "run", lambda self: pytest.fail("run again"))
    again = saturate(*arguments, reference="jsq", jobs=1)
    assert {policy: loads.tolist() for policy, loads in again.loads.items()} == {
        policy: loads.tolist() for policy, loads in first.loads.items()
    }


def test_from_the_command_line(tmp_path, capsys):
    options = ["--workload", "azure-2023-conv-like", "--requests", "60", "--workers", "2", "--slots", "8"]
    options += ["--slo", "tpot_s_p95=0.0105", "--policies", "jsq,br-0", "--seeds", "2", "--precision", "0.05"]
    files = ["--json", str(tmp_path / "found.json"), "--csv", str(tmp_path / "found.csv")]
    assert main(["saturate", *options, *files, "--out", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    for said in ("highest load", "tpot_s_p95 <= 0.0105", "br-0", "paired"):
        assert said in page
    assert (tmp_path / "found.csv").read_text().count("\n") == 1 + 4
    assert (tmp_path / "found.json").stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--slo", "tpot=1"), "unknown figure in slo 'tpot'; did you mean"),
        (("--slo", "tpot_s_p95"), "slo: 'tpot_s_p95' is no parameter"),
        (("--slo", "tpot_s_p95=fast"), "slo: tpot_s_p95 must be a number, got 'fast'"),
        (("--slo", "tpot_s_p95=nan"), "slo: tpot_s_p95 must be"),
        (("--slo", "tpot_s_p95=1", "--low", "0"), "--low must be finite and above 0"),
        (("--slo", "tpot_s_p95=1", "--high", "0.2"), "--high must be finite and above 0.3"),
        (("--slo", "tpot_s_p95=1", "--load", "0.9"), "load and rate_scale have no place here"),
        (("--slo", "tpot_s_p95=1", "--reference", "br-1"), "unknown reference 'br-1'"),
        (("--slo", "tpot_s_p95=1", "--seeds", "0"), "--seeds must be at least 1"),
    ],
)
def test_a_mistake_is_one_line(options, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["saturate", "--requests", "20", *options]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []

"""`brgym afd`, AFD clusters in `brgym compare`, and one clear line for each mistake."""

import json
from pathlib import Path

import pytest

from brgym.cli import main

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "afd-illustrative.toml"
QUICK = ("--requests", "300", "--batch", "16", "--steps", "40")


def afd(*options) -> int:
    return main(["afd", *QUICK, *map(str, options)])


def test_it_tells_the_ratio_and_that_the_coefficients_are_illustrative(capsys):
    assert afd() == 0
    page = capsys.readouterr().out
    for text in ("Best ratio:", "95 % interval", "illustrative, not verified", "Regime:", "simulated", "±"):
        assert text in page


def test_json_and_plot_are_written(tmp_path, capsys):
    files = tmp_path / "out.json", tmp_path / "out.png"
    assert afd("--coefficients", EXAMPLE, "--instances", 12, "--nodes", 4, "--json", files[0], "--plot", files[1]) == 0
    found = json.loads(files[0].read_text())
    assert found["coefficients"]["alpha_a"] == 0.00165
    assert found["method"] == "quasi-static"
    assert found["load"]["skewness"] != 0.0
    assert {point["ratio"] for point in found["simulated"]} == {point["ratio"] for point in found["predicted"]}
    assert len(found["splits"]) == 2
    assert files[1].read_bytes()[:4] == b"\x89PNG"
    assert f"Written: {files[1]}" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["mean-field", "gaussian", "gaussian-plug-in", "microbatch"])
def test_every_method_can_be_asked_without_simulation(method, capsys):
    assert afd("--method", method, "--no-simulate") == 0
    page = capsys.readouterr().out
    assert f"Method {method}," in page
    assert "simulated" not in page


def test_limits_and_costs_change_the_answer(capsys):
    assert afd("--no-simulate", "--tpot-limit", 330, "--ffn-cost", 4) == 0
    assert "The TPOT limit of 330 sets the ratio" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--coefficients", "missing.toml"), "missing.toml"),
        (("--workload", "azure-2023-convlike"), "did you mean 'azure-2023-conv-like'"),
        (("--batch", "0"), "--batch must be at least 1, got 0"),
        (("--kv-capacity", "10"), "kv_capacity_tokens is 10"),
        (("--tpot-limit", "1"), "tpot 1 cannot be kept"),
        (("--instances", "1"), "--instances must be at least 2, got 1"),
        (("--seed", "-1"), "--seed must be at least 0, got -1"),
        (("--plot", "out.gif"), "--plot must name a .png, .pdf or .svg file"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(options, message, capsys):
    assert afd(*options) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("brgym: error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err


def test_a_bad_coefficients_file_is_named_with_its_key(tmp_path, capsys):
    path = tmp_path / "mine.toml"
    path.write_text(EXAMPLE.read_text().replace("alpha_a", "alpa_a"))
    assert afd("--coefficients", path) == 2
    printed = capsys.readouterr().err
    assert "mine.toml" in printed
    assert "did you mean 'alpha_a'" in printed


def test_routers_can_be_compared_on_a_bundle(capsys):
    small = ("--requests", "60", "--policies", "jsq,br-0", "--seeds", "2")
    cluster = ("--cluster", f"afd:{EXAMPLE}", "--workload", "azure-2023-code-like", "--workers", "3", "--slots", "4")
    assert main(["compare", *cluster, *small]) == 0
    page = capsys.readouterr().out
    assert "3 workers of 4 slots" in page
    assert "us x sum n_g" in page


def test_the_study_refuses_bad_parameters_in_one_line(tmp_path, capsys):
    assert main(["reproduce", "afd", "--seeds", "0", "--out", str(tmp_path)]) == 2
    assert "--seeds must be at least 1, got 0" in capsys.readouterr().err

import json

import numpy as np
import pytest

import classifiers
import train
from tests.classifiers.conftest import workload_of


@pytest.fixture
def trace(tmp_path):
    workload = workload_of(1500, seed=4)
    columns = (workload.arrival_s, workload.prompt_tokens, workload.output_tokens, workload.prompt_hash)
    lines = ["arrival_s,prompt_tokens,output_tokens,prompt_hash"]
    lines += [f"{arrival:.6f},{prompt},{output},{key}" for arrival, prompt, output, key in zip(*columns, strict=True)]
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(*options):
    return train.main(["classifier", *map(str, options)])


def test_it_trains_evaluates_saves_and_says_how_to_use_it(trace, tmp_path, capsys):
    out = tmp_path / "runs" / "x"
    options = ["--workload", trace, "--model", "hist-gb", "--horizon", 20, "--out", out]
    assert run(*options, "--routing-seeds", 1, "--routing-requests", 300, "--workers", 2) == 0
    printed = capsys.readouterr().out
    assert f"--predictor {out}" in printed
    assert "br-h, oracle" in printed
    assert classifiers.load(out).horizon == 20
    figures = json.loads((out / "evaluation.json").read_text())
    assert np.isfinite(figures["figures"]["log_loss"]["value"])
    assert (out / "reliability.png").read_bytes().startswith(b"\x89PNG")
    assert run(*options, "--routing-seeds", 0) == 0
    assert "taken from" in capsys.readouterr().out


def test_another_setting_does_not_take_what_is_there(trace, tmp_path, capsys):
    options = ["--workload", trace, "--model", "logistic", "--out", tmp_path / "x", "--routing-seeds", 0]
    assert run(*options, "--horizon", 20) == 0
    assert run(*options, "--horizon", 10) == 2
    assert "overwrite" in capsys.readouterr().err
    assert run(*options, "--horizon", 10, "--overwrite") == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--horizon", 100_000], "longest output"),
        (["--model", "hist-bg"], "hist-gb"),
        (["--requests", 1], "cannot be split"),
        (["--held-out", 0], "held_out"),
    ],
)
def test_bad_input_has_one_clear_error(trace, tmp_path, capsys, options, message):
    out = ["--out", tmp_path / "x", "--routing-seeds", 0]
    assert run("--workload", trace, "--horizon", 20, *options, *out) == 2
    assert message in capsys.readouterr().err

import csv
import json

import numpy as np
import pytest

import baselines
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
    policies = {trial["policy"] for trial in json.loads((out / "routing.json").read_text())["trials"]}
    assert policies == {"br-0", "br-h, survival", "br-h, hist-gb", "br-h, oracle"}
    assert (out / "routing.png").read_bytes().startswith(b"\x89PNG")
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


def test_all_models_are_trained_ranked_and_taken_up_again(trace, tmp_path, capsys):
    options = ["--workload", trace, "--model", "all", "--horizon", 20, "--out", tmp_path, "--routing-seeds", 0]
    assert run(*options) == 0
    lines = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")][2:]
    assert {line[1].strip() for line in lines} == set(classifiers.names())
    losses = [float(line[3].split()[0]) for line in lines]
    assert losses == sorted(losses)
    (tmp_path / "logistic" / "metadata.json").unlink()  # as if it had been interrupted there
    for part in (tmp_path / "logistic").iterdir():
        part.unlink()
    assert run(*options) == 0
    printed = capsys.readouterr().out
    assert "logistic: trained and saved to" in printed
    assert "hist-gb: taken from" in printed


def test_queueing_is_learned_from_a_run_in_which_requests_queue(trace, tmp_path, capsys):
    options = ["--workload", trace, "--model", "logistic", "--horizon", 20, "--routing-seeds", 0, "--queueing"]
    assert run(*options, "--out", tmp_path / "x") == 2
    assert "--rate-scale" in capsys.readouterr().err
    assert run(*options, "--out", tmp_path / "x", "--rate-scale", 260, "--workers", 1) == 0
    assert "log_queueing" in classifiers.load(tmp_path / "x").features_.names
    assert run(*options[:-1], "--out", tmp_path / "x", "--rate-scale", 260, "--workers", 1) == 2
    assert "overwrite" in capsys.readouterr().err


def test_training_is_logged_for_tensorboard(trace, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = ["--workload", trace, "--model", "mlp-hazard", "--horizon", 20, "--routing-seeds", 0, "--tensorboard"]
    assert run(*options, "--out", tmp_path / "x") == 0
    logged = EventAccumulator(str(tmp_path / "x-tensorboard")).Reload()
    losses = logged.Scalars("mlp-hazard/validation_loss")
    assert [point.step for point in losses] == list(range(1, len(losses) + 1))
    assert losses[-1].value < losses[0].value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--horizon", 100_000], "longest output"),
        (["--model", "hist-bg"], "hist-gb"),
        (["--requests", 1], "cannot be split"),
        (["--requests", 0], "--requests must be at least 1, got 0"),
        (["--held-out", 0], "--held-out must be finite and above 0, got 0.0"),
        (["--held-out", 1], "--held-out must be below 1, got 1"),
        (["--rate-scale", 0], "--rate-scale must be finite and above 0, got 0.0"),
        (["--workload", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_bad_input_has_one_clear_error(trace, tmp_path, capsys, options, message):
    out = ["--out", tmp_path / "x", "--routing-seeds", 0]
    assert run("--workload", trace, "--horizon", 20, *options, *out) == 2
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if not line.startswith("train.py: notice: ")]  # of how the trace was read
    assert len(errors) == 1
    assert errors[0].startswith("train.py: error: ")
    assert message in errors[0]


def test_requests_that_all_last_longer_than_the_horizon_are_refused(tmp_path, capsys):
    path = tmp_path / "endless.csv"
    path.write_text("arrival_s,prompt_tokens,output_tokens\n" + "".join(f"{i},5,9000\n" for i in range(50)))
    assert run("--workload", path, "--out", tmp_path / "x") == 2
    assert "one class only" in capsys.readouterr().err


def test_a_router_is_trained_tried_and_kept(tmp_path, capsys):
    out = tmp_path / "router"
    options = ["--workers", 2, "--requests", 200, "--training-seeds", 2, "--validation-seeds", 1, "--updates", 1]
    options += [
        "--environments",
        2,
        "--decisions",
        150,
        "--trial-seeds",
        2,
        "--trial-workers",
        2,
        "--tensorboard",
        "--out",
        out,
    ]
    assert train.main(["router", *map(str, options)]) == 0
    printed = capsys.readouterr().out
    assert f'baselines.make("learned", weights="{out / "weights.safetensors"}")' in "".join(printed.split("\n"))
    assert baselines.make("learned", weights=out / "weights.safetensors").binding == "pool"
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((out / "trials.csv").open()))
    assert [row["router"] for row in rows] == ["br-0", "jsq", "level", "learned"]
    assert float(rows[0]["ratio"]) == 1.0
    assert any((out / "tensorboard").iterdir())


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("jsq", "--teacher must bind from the pool, got 'jsq'"),
        ("br-0:subset_window=17", "subset_window must be in 1..16, got 17"),
        ("br0", "teacher: unknown policy 'br0'; did you mean 'br-0'?"),
        ("br-h", "teacher: policy br-h needs predictor"),
    ],
)
def test_a_teacher_is_a_policy_that_binds_from_the_pool(teacher, message, tmp_path, capsys):
    assert train.main(["router", "--teacher", teacher, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_router_that_cannot_be_trained_is_an_error_in_one_line(tmp_path, capsys):
    assert train.main(["router", "--workload", "proprietary", "--out", str(tmp_path)]) == 2
    assert "proprietary-like" in capsys.readouterr().err

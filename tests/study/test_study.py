"""A study file from its text to its table, killed and resumed."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import baselines
import brgym
from brgym import ClusterConfig, load_workload, simulate
from brgym.cluster import preset
from brgym.study import Results, Study, StudyError, read_results, with_settings

TEXT = """
name = "small"
seeds = 2
policies = ["jsq", {policy = "br-0", subset_window = [2, 4]}, "br-h:horizon=10"]
predictor = "oracle"
[cluster]
workers = [2, 3]
slots = 4
step_time = {base_s = 0.01, per_token_s = 1e-6}
[[workload]]
requests = {from = 40, to = 80, step = 40}
[[workload]]
name = "azure-2023-conv-like"
requests = 60
rate_scale = [1.0, 8.0]
"""
FILES = ("cells.parquet", "failures.jsonl", "study.toml")


@pytest.fixture
def study_file(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(TEXT)
    return path


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def test_every_combination_is_a_row_in_order(study_file, tmp_path):
    results = Study.from_toml(study_file).run(tmp_path / "out", jobs=2)
    assert len(results.settings) == 2 * (2 + 2)
    assert results.policies == ("jsq", "br-0:subset_window=2", "br-0:subset_window=4", "br-h:horizon=10")
    assert results.seeds == (0, 1)
    assert results.reference == "jsq"
    assert results.varied == ("cluster.workers", "workload.name", "workload.requests", "workload.rate_scale")
    assert results.missing == 0
    rows = results.table.to_pylist()
    assert len(rows) == 8 * 2 * 4
    assert [row["policy"] for row in rows[:4]] == list(results.policies)
    assert [row["seed"] for row in rows[:8]] == [0] * 4 + [1] * 4
    assert [row["workload.requests"] for row in rows[::8]] == [40, 80, 60, 60] * 2
    assert {"cluster.preset", "cluster.slots", "cluster.step_time", "imbalance_mean"} < set(results.table.column_names)


def test_a_row_is_the_run_that_it_says(study_file, tmp_path):
    results = Study.from_toml(study_file).run(tmp_path / "out", jobs=1)
    cluster: ClusterConfig = preset("bf-io", workers=3, slots=4)
    requests = load_workload("proprietary-like", count=80, seed=1)
    cluster = with_settings(cluster, {"step_time": ["base_s=0.01,per_token_s=1e-06"]})
    alone = simulate(cluster, requests, baselines.make("br-0", subset_window=2), 1).metrics.as_dict()
    setting = next(
        index
        for index, named in enumerate(results.settings)
        if named["cluster.workers"] == 3 and named.get("workload.requests") == 80
    )
    for figure, value in alone.items():
        np.testing.assert_equal(results.values(setting, "br-0:subset_window=2", figure)[1], float(value))


def test_the_folder_is_read_as_it_was_written(study_file, tmp_path):
    written = Study.from_toml(study_file).run(tmp_path / "out", jobs=1)
    read = Results.read(tmp_path / "out")
    assert read.table.equals(written.table)
    assert (read.name, read.settings, read.policies, read.seeds) == (
        "small",
        *(written.settings, written.policies, (0, 1)),
    )
    assert read.timings.column_names[-3:] == ["routing_time_p50_s", "routing_time_p99_s", "wall_s"]
    assert np.isfinite(read.values(0, "jsq", "wall_s")).all()


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_the_order_of_the_work_does_not_matter(study_file, tmp_path, backend):
    study = Study.from_toml(study_file)
    study.run(tmp_path / "one", jobs=1)
    study.run(tmp_path / "two", jobs=2, backend=backend)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_killed_at_random_points_it_goes_on_to_the_same_bytes(study_file, tmp_path):
    Study.from_toml(study_file).run(tmp_path / "whole", jobs=1)
    command = [sys.executable, "-m", "brgym", "sweep", str(study_file), "--out", str(tmp_path / "out"), "--jobs", "2"]
    rng = random.Random(0)
    journal = tmp_path / "out" / "journal.jsonl"
    for cells in sorted(rng.sample(range(1, 60), 4)):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while running.poll() is None and (not journal.exists() or journal.read_bytes().count(b"figures") < cells):
            time.sleep(0.001)
        running.send_signal(signal.SIGKILL)
        running.wait()
    before = journal.read_bytes().count(b'"figures"')
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    keys = [line.split(b'"')[3] for line in journal.read_bytes().splitlines() if line.endswith(b"}}")]
    assert len(keys) == len(set(keys)) == 64
    assert 0 < before <= 64


def test_a_failed_cell_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
    study = Study.from_document({"policies": ["jsq", "br-0"], "seeds": 2, "workload": {"requests": 20}})
    from brgym.study.simulation import Simulation

    whole = Simulation.run

    def broken(cell):
        if cell.policy.label == "br-0" and cell.seed == 1:
            raise RuntimeError("no luck")
        return whole(cell)

    monkeypatch.setattr(Simulation, "run", broken)
    results = study.run(tmp_path / "out", jobs=1)
    assert results.missing == 1
    assert np.isnan(results.values(0, "br-0", "imbalance_mean")).tolist() == [False, True]
    (failure,) = Results.read(tmp_path / "out").failures
    assert (failure["policy"], failure["seed"], failure["error"]) == ("br-0", 1, "RuntimeError: no luck")
    assert "in broken" in failure["traceback"]
    monkeypatch.setattr(Simulation, "run", whole)
    assert study.run(tmp_path / "out", jobs=1).missing == 0
    assert Results.read(tmp_path / "out").failures == ()


def test_another_study_in_the_folder_is_refused(study_file, tmp_path):
    Study.from_toml(study_file).run(tmp_path / "out", jobs=1)
    before = contents(tmp_path / "out")
    study_file.write_text(TEXT.replace("seeds = 2", "seeds = 3"))
    with pytest.raises(StudyError, match="is another study: choose another folder"):
        Study.from_toml(study_file).run(tmp_path / "out", jobs=1)
    assert contents(tmp_path / "out") == before


WRONG = {
    "seeds = 0": "seeds must be at least 1, got 0",
    "seeds = [1, 1]": "seeds must differ",
    "seeds = [-1]": "seeds must be at least 0, got -1",
    "seeds = []": "seeds: an empty list leaves nothing to run",
    "sseds = 3": "unknown key 'sseds'; did you mean 'seeds'?",
    'policies = ["jsk"]': "policies: unknown policy 'jsk'; did you mean 'jsq'?",
    'policies = ["jsq", "jsq"]': "policies names 'jsq' twice",
    "policies = 3": "policies must be a list",
    'policies = ["br-h"]': "these policies look ahead, so a predictor is needed",
    'policies = ["br-0:greedy_above=-1"]': "policy br-0:greedy_above=-1: greedy_above must be at least 0, got -1",
    'policies = [{policy = "br-0", windows = [1]}]': "there is no parameter|unknown parameter 'windows'",
    'predictor = "oracle"': "predictor goes with policies that look ahead",
    'reference = "br-1"': "reference: unknown reference 'br-1'",
    "window = [0.9, 0.1]": "window",
    'oversize = "keep"': "oversize: unknown oversize 'keep'",
    "[cluster]\nworkers = 0": "cluster.workers: workers must be at least 1, got 0",
    "[cluster]\nworkers = []": "cluster.workers: an empty list",
    '[cluster]\npreset = "bfio"': "cluster.preset: unknown cluster 'bfio'; did you mean 'bf-io'?",
    "[cluster]\nwokers = 3": "cluster.wokers: unknown key 'wokers'; did you mean 'workers'?",
    "[cluster]\nworkers = {from = 1, to = 8, stop = 1}": "cluster.workers.stop: unknown key 'stop'; did you mean",
    "[cluster]\nworkers = {from = 1, to = 8, step = -1}": "cluster.workers.step must lead from 1 to 8, got -1",
    "[cluster]\nworkers = {from = 1, to = 8}": "cluster.workers: a range is from, to, and one of step and count",
    "[cluster]\nkv_capacity = 100": "can never fit",
    '[cluster]\nengine = "vlm"': "cluster.engine: unknown engine 'vlm'; did you mean 'vllm'?",
    "[cluster]\nkv_reserve_share = 2": "cluster.kv_reserve_share: kv_reserve_share must be finite and in 0..1, got 2",
    "[cluster]\nkv_reserve_share = 0.5": "workload: kv_reserve_share 0.5 .* needs max_tokens",
    "[cluster]\nevents = [[{time_s = 1, worker = 9, kind = 'stop'}]]": r"cluster.events: events\[0\].worker must be in",
    "[cluster]\nevents = [[{time_s = 1, worker = 0, kind = 'halt'}]]": "cluster.events: events: .* 'halt'",
    "[cluster]\nevents = [[{time_s = 1, wrker = 0}]]": "cluster.events: events: .*'wrker'",
    "[workload]\nconcurrency = 0": "workload.concurrency: concurrency must be at least 1, got 0",
    "[workload]\npatience_s = 0": "workload.patience_s: patience_s must be",
    "[workload]\nmax_tokens = -1": "workload.max_tokens: max_tokens must be",
    "slo = 3": "slo must be a table",
    "slo = {ttft = 1.0, tpot_s = 0.1}": "slo.ttft: unknown key 'ttft'; did you mean 'ttft_s'?",
    "slo = {ttft_s = 0.0, tpot_s = 0.1}": "slo: ttft_s must be",
    "[workload]\nrequests = 0": "workload.requests: requests must be at least 1, got 0",
    '[workload]\nname = "proprietry-like"': "workload.name: unknown workload 'proprietry-like'; did you mean",
    "[workload]\nrate_scale = 0": "workload.rate_scale: rate_scale must be finite and above 0, got 0",
    "[workload]\ntrain_share = 0.5": "workload.train_share: train_share is for traces",
    "workload = 3": "workload must be a table",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text.replace("\n", " "))
def test_an_error_names_file_and_key(text, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(text if "policies" in text else f'policies = ["jsq"]\n{text}')
    with pytest.raises(StudyError, match=WRONG[text]) as raised:
        Study.from_toml(path)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", b"a = " + b"[" * 100_000])
def test_what_is_no_toml(content, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)
    with pytest.raises(StudyError, match="no TOML"):
        Study.from_toml(path)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("{from = 0.5, to = 1.3, step = 0.2}", [0.5, 0.7, 0.9, 1.1, 1.3]),
        ("{from = 1, to = 3, step = 1}", [1, 2, 3]),
        ("{from = 3, to = 1, step = -1}", [3, 2, 1]),
        ('{from = 1, to = 100, count = 3, scale = "log"}', [1, 10, 100]),
        ("{from = 0, to = 1, count = 3}", [0.0, 0.5, 1.0]),
        ("[1, {from = 2, to = 4, step = 2}]", [1, 2, 4]),
    ],
)
def test_ranges(written, values):
    import tomllib

    from brgym.study.study_file import values_of

    found = values_of("key", tomllib.loads(f"key = {written}")["key"])
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


def test_an_interrupted_sweep_leaves_its_table(study_file, tmp_path):
    command = [sys.executable, "-m", "brgym", "sweep", str(study_file), "--out", str(tmp_path / "out"), "--jobs", "1"]
    journal = tmp_path / "out" / "journal.jsonl"
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_hears_interrupts)
    while running.poll() is None and (not journal.exists() or journal.read_bytes().count(b"figures") < 2):
        time.sleep(0.001)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()
    if running.returncode == 0:
        pytest.skip("the study was over before it was interrupted")
    assert running.returncode == 130
    assert errors.decode().strip().splitlines()[-1].endswith("interrupted")
    assert 0 < Results.read(tmp_path / "out").missing < 64


def _hears_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgrp()


def test_a_killed_study_can_be_read(study_file, tmp_path):
    study = Study.from_toml(study_file)
    out = tmp_path / "out"
    whole = study.run(out)
    for file in ("cells.parquet", "timings.parquet", "failures.jsonl"):
        (out / file).unlink()
    lines = (out / "journal.jsonl").read_text().splitlines(keepends=True)
    (out / "journal.jsonl").write_text("".join(lines[: len(lines) // 2]))
    found = read_results(out)
    assert found.settings == whole.settings
    assert 0 < found.missing < whole.table.num_rows


def test_a_folder_without_a_study_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is neither cells\.parquet nor study\.toml"):
        read_results(tmp_path)


def test_results_say_what_made_them_and_what_seeds_vary(study_file, tmp_path):
    results = Study.from_toml(study_file).run(tmp_path / "out")
    assert results.versions["brgym"] == brgym.__version__
    assert results.drawn_per_seed == (True,) * len(results.settings)
    assert Results.read(tmp_path / "out").versions == results.versions

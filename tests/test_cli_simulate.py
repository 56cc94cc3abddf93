"""`brgym simulate`: what it prints and writes is what `simulate` from Python gives; mistakes cost nothing."""

import gzip
import json

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

import baselines
from brgym import ClusterConfig, load_workload, simulate
from brgym.cli import main
from brgym.cluster import preset
from brgym.study.run_files import Run, write_run_file

TINY = ("--workers", "2", "--slots", "4", "--requests", "40")


def run(*arguments) -> int:
    return main(["simulate", *TINY, *map(str, arguments)])


@pytest.fixture(scope="module")
def expected():
    cluster = preset("bf-io", workers=2, slots=4)
    return simulate(cluster, load_workload("proprietary-like", count=40, seed=3), baselines.make("level"), 3)


def test_it_prints_the_figures_of_the_run(expected, capsys):
    assert run("--policy", "level", "--seed", 3) == 0
    rows = {line.split("  ")[0].strip(): line.split() for line in capsys.readouterr().out.splitlines()}
    metrics = expected.metrics
    window, whole = rows["imbalance (tokens)"][-2:]
    assert (window, whole) == (f"{metrics.imbalance_mean:,.0f}", f"{metrics.run_imbalance_mean:,.0f}")
    assert rows["TTFT (s)"][-1] == f"{metrics.ttft_s.max:,.2f}"
    assert "Policy: level, seed 3." in rows


def test_it_writes_all_files(expected, tmp_path, capsys):
    files = {
        "--requests-table": "requests.parquet",
        "--steps-table": "steps.csv",
        "--json": "figures.json",
        "--perfetto": "run.json.gz",
        "--plot": "loads.png",
        "--timeline": "worker.svg",
    }
    options = [part for option, file in files.items() for part in (option, tmp_path / file)]
    assert run("--policy", "level", "--seed", 3, "--worker", 1, *options) == 0
    assert capsys.readouterr().out.count("Written: ") == len(files)
    assert pyarrow.parquet.read_table(tmp_path / "requests.parquet").equals(expected.requests_table())
    assert pyarrow.csv.read_csv(tmp_path / "steps.csv").num_rows == expected.metrics.steps
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["imbalance_mean"] == expected.metrics.imbalance_mean
    with gzip.open(tmp_path / "run.json.gz") as file:
        events = json.load(file)["traceEvents"]
    assert sum(event.get("cat") == "request" for event in events) == 40
    assert (tmp_path / "loads.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "worker.svg").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--policy", "jsq,br-0"), "--policy must be one, got 2: jsq,br-0"),
        (("--policy", "br-1"), "did you mean 'br-h'?"),
        (("--policy", "br-h"), "--predictor"),
        (("--worker", "2", "--timeline", "t.png"), "--worker must be in 0..1, got 2"),
        (("--seed", "-1"), "--seed must be"),
        (("--requests-table", "r.xlsx"), "--requests-table must name a .parquet, .arrow or .csv file"),
        (("--timeline", "t.gif"), "--timeline must name a .png, .pdf or .svg file"),
        (("--perfetto", "missing/run.json"), "--perfetto: no such folder"),
        (("--json", "same", "--perfetto", "same"), "--json and --perfetto name the same file"),
    ],
)
def test_a_mistake_is_one_line_and_no_file(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*options) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_with_preemptions_has_its_timeline(tmp_path):
    cluster = ClusterConfig(workers=2, slots=4, kv_capacity=600)
    workload = load_workload("burstgpt-like", count=40, seed=1).take(np.arange(20))
    crowded = Run(cluster, workload, lambda: baselines.make("jsq"), oversize="drop")
    assert crowded.result.metrics.preemptions > 0
    assert crowded.stays["preempted"].sum() == crowded.result.metrics.preemptions
    write_run_file("timeline", crowded, tmp_path / "worker.png")
    write_run_file("perfetto", crowded, tmp_path / "run.json")

"""Memory, load and faults, from a study file and from the command line to their figures."""

import json
from pathlib import Path
from typing import Any

import pytest

from brgym.cli import main
from brgym.study import Study

STUDIES = Path(__file__).parents[2] / "studies"

MEMORY = """
seeds = 1
policies = ["jsq", "br-0"]
[workload]
requests = 120
max_tokens = 4096
[cluster]
workers = 2
slots = 16
kv_capacity = 40_000
step_time = "base_s=0.01,per_prefill_token_s=1e-5"
engine = ["vllm", "trtllm-no-evict"]
"""

LOAD = """
seeds = 1
policies = ["jsq", "level"]
slo = { ttft_s = 1.0, tpot_s = 1.0 }
[[workload]]
requests = 60
concurrency = [4, 16]
[[workload]]
requests = 60
load = 2.0
patience_s = 10.0
[cluster]
workers = 2
slots = 8
"""

FAULTS = """
seeds = 1
policies = ["round-robin", "br-0"]
[workload]
requests = 60
[cluster]
workers = 3
slots = 8
events = [
    [],
    [{ time_s = 1, worker = 1, kind = "slow", factor = 2.0 }],
    [{ time_s = 1, worker = 1, kind = "stop" }, { time_s = 3, worker = 1, kind = "start" }],
]
"""

COMPARE = {
    "--engine vllm --kv-capacity 20000": {"preemptions", "recomputed_tokens"},
    "--kv-capacity 20000 --kv-reserve-tokens 64 --victim least-generated --victim-returns router": {"requests"},
    "--kv-capacity 20000 --kv-reserve-share 0.5 --kv-watermark 0.1 --max-tokens 4096": {"requests"},
    "--concurrency 5": {"requests"},
    "--patience-s 2": {"cancelled"},
    "--events time_s=1,worker=1,kind=stop time_s=2,worker=1,kind=start": {"interruptions"},
    "--prefill prefill-tier:buffer_tokens=20000 --victim-returns prefill --kv-capacity 20000": {"preemptions"},
    "--prefill chunked-prefill:budget_tokens=2048,interval=2": {"requests"},
    "--speculation draft_tokens=2,acceptance=0.6": {"requests"},
    "--slo ttft_s=1,tpot_s=0.05": {"slo_share", "goodput_req_s"},
}
"""Options of `brgym compare`, and figures that are above zero with them."""


def rows_of(text: str, tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "study.toml"
    path.write_text(text)
    return Study.from_toml(path).run(tmp_path / "out", jobs=1).table.to_pylist()


@pytest.mark.parametrize("name", ["memory.toml", "slow-worker.toml", "prefill.toml", "load.toml", "quick.toml"])
def test_the_studies_of_the_pages_can_be_run(name):
    study = Study.from_toml(STUDIES / name)
    assert len(study.cells()) == len(study.settings) * len(study.policies) * len(study.seeds)


def test_memory(tmp_path):
    rows = rows_of(MEMORY, tmp_path)
    for row in rows:
        evicts = row["cluster.engine"] == "vllm"
        assert (row["preemptions"] > 0) == (row["recomputed_tokens"] > 0) == evicts


def test_load(tmp_path):
    rows = rows_of(LOAD, tmp_path)
    for row in rows:
        loop = row["workload.concurrency"]
        assert loop is None or row["run_active_mean"] <= loop
        assert (row["cancelled"] > 0) == (row["workload.patience_s"] is not None)
        assert 0.0 < row["slo_share"] <= 1.0
        assert row["goodput_req_s"] == pytest.approx(row["slo_share"] * row["requests"] / row["makespan_s"])


def test_faults(tmp_path):
    rows = rows_of(FAULTS, tmp_path)
    sound, slow, stopped = (rows[start : start + 2] for start in (0, 2, 4))
    assert all(one["makespan_s"] > other["makespan_s"] for one, other in zip(slow, sound, strict=True))
    assert [row["interruptions"] > 0 for row in rows] == [False] * 4 + [True] * 2
    assert {row["cluster.events"] for row in stopped} == {"time_s=1,worker=1,kind=stop; time_s=3,worker=1,kind=start"}


@pytest.mark.parametrize("options", COMPARE)
def test_compare_reaches_every_part(options, tmp_path, capsys):
    out = tmp_path / "out.json"
    small = ["--requests", "60", "--seeds", "1", "--workers", "2", "--slots", "16", "--jobs", "1"]
    said = main(["compare", "--policies", "jsq,br-0", *small, *options.split(), "--json", str(out)])
    assert said == 0, capsys.readouterr().err
    trials = json.loads(out.read_text())["trials"]
    assert len(trials) == 2
    for trial in trials:
        assert all(trial["figures"][name] > 0 for name in COMPARE[options])

"""The command line: the main job, its files, its lists, and one clear line for each mistake."""

import csv
import json
import subprocess
import sys

import pytest

import classifiers
from brgym import load_workload
from brgym.cli import main

TINY = ("--workers", "2", "--slots", "4", "--requests", "30", "--policies", "random,jsq,br-0", "--seeds", "2")

TRACE = "arrival_s,prompt_tokens,output_tokens\n0.0,10,5\n0.5,20,4\n0.7,9000,3\n2.0,5,6\n"


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    return path


def compare(*arguments) -> int:
    return main(["compare", *TINY, *map(str, arguments)])


def trace_run(trace, *arguments) -> int:
    options = ("--workers", "2", "--slots", "2", "--policies", "jsq,least-kv", "--seeds", "2")
    return main(["compare", "--workload", str(trace), *options, *map(str, arguments)])


def test_the_table_names_every_policy_and_the_notes_what_was_run(capsys):
    assert compare() == 0
    page = capsys.readouterr().out
    for text in (
        "random",
        "jsq",
        "br-0",
        "ratio to",
        "2 workers of 4 slots",
        "proprietary-like, 30 requests",
        "paired",
    ):
        assert text in page


def test_results_are_written(tmp_path, capsys):
    files = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "png")}
    assert compare("--json", files["json"], "--csv", files["csv"], "--plot", files["png"]) == 0
    document = json.loads(files["json"].read_text())
    assert document["seeds"] == [0, 1]
    assert document["reference"] == "jsq"
    assert {row["policy"] for row in document["summary"]} == {"random", "jsq", "br-0"}
    with files["csv"].open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 6
    assert files["png"].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    page = capsys.readouterr().out
    assert all(f"Written: {path}" in page for path in files.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.json", "out.png"]


def test_a_policy_with_parameters_is_a_row_of_its_own(tmp_path, capsys):
    path = tmp_path / "out.json"
    policies = ("--policies", "jsq,br-0,br-0:worker_choice=lowest-load, subset_window=04")
    assert compare(*policies, "--reference", "br-0:subset_window=4,worker_choice=lowest-load", "--json", path) == 0
    document = json.loads(path.read_text())
    written = "br-0:subset_window=4,worker_choice=lowest-load"
    assert document["reference"] == written
    assert [trial["policy"] for trial in document["trials"]] == ["jsq", "br-0", written] * 2


def test_fields_of_the_cluster_are_options(tmp_path, capsys):
    path = tmp_path / "out.json"
    options = ("--kv-capacity", 90_000, "--recompute-s-per-token", "1e-5", "--step-time", "base_s=0.5", "--power")
    assert compare(*options, "idle_w=80", "--json", path) == 0
    cluster = json.loads(path.read_text())["cluster"]
    assert (cluster["kv_capacity"], cluster["recompute_s_per_token"]) == (90_000, 1e-5)
    assert [row["base_s"] for row in cluster["step_time"]["rows"]] == [0.5]
    assert cluster["step_time"]["rows"][0]["per_token_s"] > 0
    assert (cluster["power"]["idle_w"], cluster["power"]["peak_w"]) == (80.0, 400.0)
    assert "90,000 KV tokens" in capsys.readouterr().out


def test_the_same_command_finds_the_same(tmp_path):
    found = []
    for jobs in (1, 2):
        path = tmp_path / f"{jobs}.json"
        assert compare("--json", path, "--jobs", jobs) == 0
        document = json.loads(path.read_text())
        del document["wall_clock"]
        found.append(json.dumps(document))
    assert found[0] == found[1]


def test_a_file_is_replayed(trace, capsys):
    assert trace_run(trace, "--rate-scale", 2, "--candidates", "all") == 0
    page = capsys.readouterr().out
    assert "4 requests over 1 s" in page
    assert "all waiting requests" in page
    assert "own randomness only" in page


def test_only_the_first_requests_of_a_file(trace, capsys):
    assert trace_run(trace, "--requests", 2) == 0
    assert "2 requests over 0.5 s" in capsys.readouterr().out


def test_oversized_requests_are_an_error_that_tells_of_the_way_out(trace, capsys):
    trace.write_text(TRACE.replace("9000", "900000"))
    assert trace_run(trace, "--cluster", "ascend-910c") == 2
    error = capsys.readouterr().err
    assert "row 2" in error
    assert "--oversize drop" in error
    assert trace_run(trace, "--cluster", "ascend-910c", "--oversize", "drop") == 0
    assert "Dropped: 1" in capsys.readouterr().out


def test_an_unsorted_file_is_an_error_that_tells_of_the_way_out(trace, capsys):
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n5,1,1\n2,1,1\n")
    assert trace_run(trace) == 2
    error = capsys.readouterr().err
    assert str(trace) in error
    assert "--sort" in error
    assert trace_run(trace, "--sort") == 0


def test_rows_without_tokens_can_be_dropped(trace, capsys):
    trace.write_text(TRACE + "3.0,0,5\n")
    assert trace_run(trace) == 2
    assert "--invalid drop" in capsys.readouterr().err
    assert trace_run(trace, "--invalid", "drop") == 0
    assert "brgym: warning:" in capsys.readouterr().err


def test_a_file_s_notice_is_one_line(trace, capsys):
    assert trace_run(trace) == 0
    error = capsys.readouterr().err
    assert (
        error == f"brgym: notice: {trace}: read as CSV, format 'plain': 4 requests over 2 s, stamps 'arrival_s' in s\n"
    )


def test_an_open_unit_of_time_is_an_error_that_tells_of_the_way_out(trace, capsys):
    trace.write_text(TRACE.replace("arrival_s", "timestamp"))
    assert trace_run(trace) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "row 2" in error
    assert "--time-unit s" in error
    assert trace_run(trace, "--time-unit", "s", "--spread", "0") == 0
    assert "4 requests over 2 s" in capsys.readouterr().out


def test_a_coarse_clock_is_spread_where_asked_for(trace, capsys):
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,10,5\n0,20,4\n3,5,6\n")
    assert trace_run(trace, "--spread", "3") == 0
    assert "spread over ticks of 3 s" in capsys.readouterr().err
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,10,5\n1,20,4\n3,5,6\n")
    assert trace_run(trace, "--spread", "3") == 2
    assert "row 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--policies", "jsq,brr-0"), "did you mean 'br-0'?"),
        (("--policies", "jsq,jsq"), "'jsq' twice"),
        (("--policies", "br-0:order=arrival,br-0: order = arrival"), "'br-0:order=arrival' twice"),
        (("--policies", "br-0:subset_windw=4"), "did you mean 'subset_window'?"),
        (("--policies", "br-0:subset_window=99"), "subset_window must be in 1..16, got 99"),
        (("--reference", "br-0:subset_window=4"), "unknown reference 'br-0:subset_window=4'"),
        (("--reference", "br-1"), "reference: unknown policy 'br-1'"),
        (("--policies", "br-h:horizon=-4"), "policy br-h:horizon=-4: horizon must be at least 0, got -4"),
        (("--kv-capacity", "1"), "--kv-capacity must be at least 2, got 1"),
        (("--kv-capacity", "many"), "--kv-capacity must be a whole number or none, got 'many'"),
        (("--power", "idle=80"), "did you mean 'idle_w'?"),
        (("--step-time", "base_s=-1"), "step_time: base_s must be finite and at least 0"),
        (("--cluster", "ascend"), "did you mean 'ascend-910c'?"),
        (("--workload", "proprietary"), "did you mean 'proprietary-like'?"),
        (("--workload", "missing/trace.csv"), "missing/trace.csv"),
        (("--workers", "0"), "--workers must be at least 1, got 0"),
        (("--slots", "0"), "--slots must be at least 1, got 0"),
        (("--candidates", "0"), "--candidates must be at least 1, got 0"),
        (("--requests", "0"), "--requests must be at least 1, got 0"),
        (("--seeds", "0"), "--seeds must be at least 1, got 0"),
        (("--rate-scale", "-1"), "--rate-scale must be finite and above 0, got -1.0"),
        (("--rate-scale", "nan"), "--rate-scale must be finite and above 0, got nan"),
        (("--json", "missing/out.json"), "--json: no such folder"),
        (("--csv", "."), "--csv must name a regular file"),
        (("--distribution", "out.gif"), "--distribution must name a .png, .pdf or .svg file"),
        (("--plot", "out.gif"), "--plot must name a .png, .pdf or .svg file"),
        (("--json", "same", "--csv", "same"), "--json and --csv name the same file"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert compare(*options) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("brgym: error: ")
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [("--workers", "many"), ("--oversize", "keep"), ("--unknown",)])
def test_what_cannot_be_parsed_is_status_2(options, capsys):
    with pytest.raises(SystemExit) as stop:
        compare(*options)
    assert stop.value.code == 2


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("workloads", "azure-2023-conv "),
        ("workloads", "proprietary-like "),
        ("policies", "br-0 "),
        ("clusters", "ascend-910c: "),
        ("clusters", "vllm-ascend's DyntraLB latency model"),
    ],
)
def test_lists(command, line, capsys):
    assert main([command]) == 0
    assert line in capsys.readouterr().out


@pytest.mark.usefixtures("trace_dir")
def test_a_real_trace(capsys):
    options = "--cluster ascend-910c --workload azure-2023-conv --requests 300 --rate-scale 4 --policies jsq,br-0"
    assert main(["compare", *options.split()]) == 0
    assert "azure-2023-conv, 4 times as fast, 300 requests" in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    code = (
        "import sys, brgym.cli\n"
        "try: brgym.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numba', 'torch', 'matplotlib', 'scipy', 'joblib', 'pyarrow', 'sklearn'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout


def test_a_reader_that_stops_early_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "brgym", "workloads"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "brgym", "policies"], capture_output=True, text=True, check=True)
    assert "br-0" in done.stdout


def test_br_h_looks_ahead_with_a_saved_predictor(tmp_path, capsys):
    classifiers.save(
        classifiers.Survival().fit(load_workload("proprietary-like", count=50, seed=9)), tmp_path / "model"
    )
    assert compare("--policies", "jsq,br-h", "--predictor", tmp_path / "model") == 0
    page = capsys.readouterr().out
    assert "br-h" in page
    assert "Clairvoyant" not in page


def test_the_oracle_is_a_predictor_too_and_the_notes_say_clairvoyant(capsys):
    assert compare("--policies", "jsq,br-h", "--predictor", "oracle") == 0
    assert "Clairvoyant" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--policies", "jsq,br-h"), "br-h and --predictor (a folder, or oracle) go together"),
        (("--policies", "jsq", "--predictor", "oracle"), "br-h and --predictor (a folder, or oracle) go together"),
        (("--policies", "br-h", "--predictor", "no-such-folder"), "no-such-folder"),
    ],
)
def test_predictor_mistakes_are_one_line(arguments, message, capsys):
    assert compare(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1

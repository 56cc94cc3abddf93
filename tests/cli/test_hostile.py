"""Whatever stands behind an option, a command ends with a result or with one line, and leaves nothing half written."""

import dataclasses

import pytest

import train
from brgym.cli import main
from brgym.cluster import ClusterConfig

TINY = ["--workers", "2", "--slots", "4", "--requests", "10", "--seeds", "1", "--policies", "jsq", "--jobs", "1"]
NUMBERS = [
    "9223372036854775808",
    "-9223372036854775809",
    "-1",
    "0",
    "nan",
    "inf",
    "-inf",
    "1.5",
    "1e300",
    "1e-320",
    "x",
]
COMPARE = ["workers", "slots", "candidates", "requests", "seeds", "rate-scale", "spread", "kv-capacity"]
COMPARE += ["recompute-s-per-token", "power", "step-time"]
PARTS = ["power=idle_w", "power=exponent", "step-time=base_s", "step-time=per_token_s", "policies=br-0:greedy_above"]
PARTS += ["policies=bf-io:time_limit_s", "policies=bf-io:node_limit", "policies=br-0:subset_window"]
SIZING = ["requests", "batch", "microbatches", "attention-cost", "ffn-cost", "kv-capacity", "tpot-limit", "instances"]
SIZING += ["nodes", "instances-per-node", "seed"]

DEEP = 100_000
FILES = {
    "empty.csv": b"",
    "binary.csv": bytes(range(256)) * 10,
    "cr.csv": b"arrival_s,prompt_tokens,output_tokens\r0,1,1\r1,2,2\r",
    "stray-cr.csv": b"arrival_s,prompt_tokens,output_tokens\n0,1\r,1\n",
    "deep.json": b"[" * DEEP + b"]" * DEEP,
    "deep.jsonl": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "cut.parquet": b"PAR1xxxxPAR1",
    "cut.csv.gz": b"\x1f\x8b\x08\0\0\0\0\0xxxx",
    "binary.toml": b"\xff\xfe=[",
    "deep.toml": b"a=" + b"[" * 5000 + b"]" * 5000,
}
PATHS = [*FILES, "folder", "missing", "missing/file", "", "\0", "a" * 5000, "/dev/null", "/dev/full"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ends_well(program, arguments, place, capsys) -> None:
    before = sorted(place.rglob("*"))
    try:
        status = program(arguments)
    except SystemExit as stop:  # the command line's grammar, which has a box of its own
        status = stop.code
        capsys.readouterr()
        if status != 2:
            raise
        return
    printed = capsys.readouterr()
    assert status in (0, 2)
    if status == 2:
        lines = [line for line in printed.err.splitlines() if ": error: " in line]
        others = [line for line in printed.err.splitlines() if ": notice: " in line or ": warning: " in line]
        assert len(lines) == 1
        assert len(lines) + len(others) == len(printed.err.splitlines())
        assert printed.out == ""
        assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("option", [*COMPARE, *PARTS])
def test_numbers_of_a_comparison(option, place, capsys):
    for number in NUMBERS:
        ends_well(main, ["compare", *TINY, f"--{option}={number}"], place, capsys)


@pytest.mark.parametrize("option", SIZING)
def test_numbers_of_a_sizing(option, place, capsys):
    for number in NUMBERS:
        ends_well(main, ["afd", "--no-simulate", "--requests", "50", f"--{option}={number}"], place, capsys)


@pytest.mark.parametrize("path", PATHS, ids=[repr(path[:12]) for path in PATHS])
def test_paths(path, place, capsys):
    for option in ("workload", "json", "csv", "plot"):
        ends_well(main, ["compare", *TINY, f"--{option}={path}"], place, capsys)
    ends_well(main, ["compare", *TINY, f"--cluster=afd:{path}"], place, capsys)
    ends_well(main, ["compare", *TINY, "--policies", "br-h", f"--predictor={path}"], place, capsys)
    ends_well(main, ["compare", *TINY, f"--policies=learned:weights={path}"], place, capsys)
    ends_well(main, ["afd", "--no-simulate", "--requests", "50", f"--coefficients={path}"], place, capsys)
    ends_well(train.main, ["classifier", f"--workload={path}", "--out=model", "--routing-seeds=0"], place, capsys)


def test_more_memory_than_there_is(place, capsys):
    assert main(["compare", *TINY, "--slots", str(2**31 - 1), "--workers", str(2**20)]) == 2
    assert "brgym: error: not enough memory: " in capsys.readouterr().err


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63) - 1)])
def test_a_number_beyond_64_bits_names_its_option(number, place, capsys):
    assert main(["compare", *TINY, "--candidates", number]) == 2
    assert f"--candidates must be a whole number of 64 bits, got {number}" in capsys.readouterr().err
    assert train.main(["router", f"--trial-workers={number}"]) == 2
    assert "--trial-workers must be a whole number of 64 bits" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["seed", "decisions", "updates", "environments", "trial-seeds", "trial-workers"])
def test_a_number_of_a_training_is_refused_before_it_begins(option, place, capsys):
    assert train.main(["router", "--out=router", f"--{option}=-1"]) == 2
    assert f"--{option} must be at least " in capsys.readouterr().err
    assert not (place / "router").exists()


def test_seeds_of_the_routing_are_refused_before_anything_is_learned(place, capsys):
    assert train.main(["classifier", "--out=model", "--routing-seeds=-1"]) == 2
    assert "--routing-seeds must be at least 0" in capsys.readouterr().err


@pytest.mark.parametrize(("program", "command"), [(main, "compare"), (train.main, "router")])
def test_every_field_of_the_cluster_is_an_option(program, command, capsys):
    with pytest.raises(SystemExit):
        program([command, "--help"])
    page = capsys.readouterr().out
    for field in dataclasses.fields(ClusterConfig):
        assert f"--{field.name.replace('_', '-')} " in page

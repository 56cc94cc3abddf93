"""Comparisons: seeds are paired, the number of jobs changes nothing, everything found can be read back."""

import csv
import json
from functools import partial
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from rich.console import Console

import baselines
from baselines.pooled import LeastKV
from brgym.cluster import ClusterConfig, Power, imbalance, simulate
from brgym.study import Drawn, Fixed, as_document, compare, source_of, write_csv, write_json
from brgym.study.console import comparison_table, notes
from brgym.study.export import WALL_CLOCK
from brgym.study.trial import BINS, ImbalanceOverTime
from brgym.workload import Workload

CLUSTER = ClusterConfig(workers=2, slots=3, power=Power())
POLICIES = {name: partial(baselines.make, name) for name in ("random", "jsq", "least-kv")}


def drawn(seed: int) -> Workload:
    rng = np.random.default_rng(seed)
    return Workload(np.zeros(40), rng.integers(1, 100, 40), rng.integers(1, 30, 40))


@pytest.fixture(scope="module")
def comparison():
    return compare(CLUSTER, Drawn("drawn", drawn), POLICIES, range(3))


def without_wall_clock(comparison) -> str:
    document = as_document(comparison)
    del document["wall_clock"]
    return json.dumps(document)


def test_a_trial_is_what_simulate_finds(comparison):
    for trial in comparison.trials:
        alone = simulate(CLUSTER, drawn(trial.seed), baselines.make(trial.policy), trial.seed)
        assert trial.metrics == alone.metrics


def test_trials_stand_in_order(comparison):
    assert [(t.seed, t.policy) for t in comparison.trials] == [(s, p) for s in range(3) for p in POLICIES]
    assert comparison.policies == tuple(POLICIES)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_number_of_jobs_changes_no_byte(comparison, jobs):
    again = compare(CLUSTER, Drawn("drawn", drawn), POLICIES, range(3), jobs=jobs)
    assert without_wall_clock(again) == without_wall_clock(comparison)


def test_processes_change_no_byte(comparison):
    with parallel_config("loky", n_jobs=2):
        again = compare(CLUSTER, Drawn("drawn", drawn), POLICIES, range(3), jobs=2)
    assert without_wall_clock(again) == without_wall_clock(comparison)


def test_progress_hears_of_every_trial_in_order(comparison):
    heard: list[Any] = []
    compare(CLUSTER, Drawn("drawn", drawn), POLICIES, range(3), jobs=2, on_trial=heard.append)
    assert [(t.policy, t.seed) for t in heard] == [(t.policy, t.seed) for t in comparison.trials]


def test_estimates_refer_to_the_reference(comparison):
    assert comparison.reference == "jsq"
    assert comparison.ratio("jsq", "makespan_s").mean == 1.0
    assert comparison.difference("jsq", "makespan_s").mean == 0.0
    ratios = comparison.values("random", "makespan_s") / comparison.values("jsq", "makespan_s")
    assert comparison.ratio("random", "makespan_s").mean == pytest.approx(np.exp(np.log(ratios).mean()))


def test_the_first_policy_is_the_reference_where_jsq_is_missing():
    pooled = {"least-kv": POLICIES["least-kv"], "random": POLICIES["random"]}
    assert compare(CLUSTER, Drawn("drawn", drawn), pooled, [0]).reference == "least-kv"


def test_a_trace_is_the_same_for_all_seeds_and_the_notes_say_so():
    found = compare(CLUSTER, Fixed("trace", drawn(7)), POLICIES, range(2))
    assert len(found.fingerprints) == 1
    assert found.mean("jsq", "imbalance_mean").half_width == 0.0
    assert "the policies' own randomness only" in " ".join(notes(found))


def test_one_seed_gives_no_interval_and_the_notes_say_so():
    found = compare(CLUSTER, Drawn("drawn", drawn), POLICIES, [5])
    assert as_document(found)["summary"][0]["mean"]["low"] is None
    assert "there are no intervals" in " ".join(notes(found))


def test_clairvoyance_and_dropped_requests_are_noted():
    class Oracle(LeastKV):
        clairvoyant = True

    workload = Workload([0.0, 0.0], [5, 500], [3, 3])
    tight = ClusterConfig(workers=2, slots=3, kv_capacity=100)
    text = " ".join(notes(compare(tight, Fixed("trace", workload), {"oracle": Oracle}, [0], oversize="drop")))
    assert "Clairvoyant" in text
    assert "Dropped: 1" in text


def test_the_json_file_holds_everything(comparison, tmp_path):
    path = tmp_path / "out.json"
    write_json(comparison, path)
    read = json.loads(path.read_text())
    assert read == as_document(comparison)
    assert [row["seed"] for row in read["trials"]] == [trial.seed for trial in comparison.trials]
    assert not set(WALL_CLOCK) & set(read["trials"][0]["figures"])
    assert set(WALL_CLOCK) < set(read["wall_clock"][0])
    assert read["cluster"]["workers"] == 2


def test_the_csv_file_has_a_row_a_trial_and_the_wall_clock_last(comparison, tmp_path):
    path = tmp_path / "out.csv"
    write_csv(comparison, path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["policy"], int(row["seed"])) for row in rows] == [(t.policy, t.seed) for t in comparison.trials]
    assert [float(row["imbalance_mean"]) for row in rows] == [t.metrics.imbalance_mean for t in comparison.trials]
    assert tuple(rows[0])[-2:] == WALL_CLOCK


def test_the_table_has_a_row_a_policy(comparison):
    assert comparison_table(comparison).row_count == 2 * len(POLICIES)  # window and whole run


@pytest.mark.parametrize("steps", [1, 2, BINS - 1, BINS, BINS + 1, 5 * BINS, 7 * BINS + 3])
def test_imbalance_over_time_is_averaged_over_equal_stretches(steps):
    log = np.resize(simulate(CLUSTER, drawn(0), baselines.make("jsq")).steps, steps)
    log["start_s"] = np.arange(steps)
    over_time = ImbalanceOverTime.of(log)
    lengths = np.diff(over_time.edge_s)[:-1]
    assert len(over_time.imbalance_tokens) == min(BINS, steps) == len(over_time.edge_s) - 1
    assert set(lengths) <= {steps // BINS, steps // BINS + 1}
    starts = over_time.edge_s[:-1].astype(int)
    expected = [part.mean() for part in np.split(imbalance(2, log["max_load"], log["sum_load"]), starts[1:])]
    assert over_time.imbalance_tokens == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [1, 1]}, "seeds must differ"),
        ({"seeds": [-1]}, "seeds must be at least 0"),
        ({"policies": {}}, "policies is empty"),
        ({"reference": "br-0"}, "unknown reference"),
        ({"oversize": "keep"}, "unknown oversize"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes, message):
    arguments = {"policies": POLICIES, "seeds": [0]} | changes
    with pytest.raises(ValueError, match=message):
        compare(CLUSTER, Drawn("drawn", drawn), **arguments)


def test_built_in_workloads_are_drawn_and_files_are_fixed(tmp_path):
    recipe = source_of("proprietary-like", requests=5)
    assert recipe.drawn_per_seed
    assert recipe.workload(0) == recipe.workload(0) != recipe.workload(1)
    file = tmp_path / "trace.csv"
    file.write_text("arrival_s,prompt_tokens,output_tokens\n0,5,3\n8,6,2\n9,1,1\n")
    trace = source_of(file, requests=2, rate_scale=4.0)
    assert not trace.drawn_per_seed
    assert trace.workload(0).arrival_s.tolist() == [0.0, 2.0]
    with pytest.raises(ValueError, match=r"requests must be in 1\.\.3, got 4"):
        source_of(file, requests=4)


def test_a_long_specification_breaks_between_its_parameters_only():
    written = "br-0:subset_window=4,worker_choice=lowest-load"
    routers = {written: lambda: baselines.from_spec(written), "jsq": lambda: baselines.make("jsq")}
    found = compare(CLUSTER, Drawn("drawn", drawn), routers, [0, 1], reference=written)
    page = Console(width=140)
    with page.capture() as captured:
        page.print(comparison_table(found))
    assert {"br-0:", "subset_window=4,", "worker_choice=lowest-load"} <= set(captured.get().split())

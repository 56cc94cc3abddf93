"""`brgym reproduce balance-route`: cells that are plain data, results that are kept, a report beside the paper's."""

import dataclasses

import numpy as np
import pytest

import baselines
from brgym import cli
from brgym.cluster import ClusterConfig, envelope_token_steps, lower_bound, recovered, simulate
from brgym.study import NamedWorkload
from brgym.study.engine import Figures, key_of, run_whole
from brgym.study.reproduce.balance_route import reproduce, study
from brgym.study.reproduce.balance_route.csv_file import write_cells
from brgym.study.reproduce.balance_route.outcomes import Outcomes
from brgym.study.reproduce.balance_route.paper import AZURE_2024, PROPRIETARY_TRACE
from brgym.study.reproduce.balance_route.report import markdown
from brgym.study.reproduce.balance_route.settings import JSQ, Cell, PredictorSpec, Router, Setting, cells_of
from brgym.study.reproduce.balance_route.sweeps import sweeps
from brgym.study.reproduce.balance_route.tables import ROUTERS, tables
from brgym.study.reproduce.balance_route.workloads import (
    AZURE,
    PROPRIETARY,
    REPEATED,
    RepeatedPrompts,
    TraceBlocks,
    study_workloads,
)
from brgym.study.simulation import Simulation
from brgym.study.workload_source import TeachingSource
from brgym.workload import Workload

CLUSTER = ClusterConfig(workers=2, slots=4)


def workloads_of(requests: int) -> dict[str, TeachingSource]:
    return {
        PROPRIETARY: NamedWorkload(PROPRIETARY, requests=requests),
        REPEATED: RepeatedPrompts(PROPRIETARY, requests, prompts=10),
    }


WORKLOADS = workloads_of(30)
SETTINGS = [
    Setting(cluster=CLUSTER, workload=PROPRIETARY, router=Router.of("br-0", greedy_above=2)),
    Setting(cluster=CLUSTER, workload=PROPRIETARY, router=Router.of("br-h", PredictorSpec("noisy", (("auc", 0.8),)))),
    Setting(cluster=CLUSTER, workload=REPEATED, router=Router.of("br-h", "exact-match", horizon=5)),
]


def small_cells() -> list[Cell]:
    return cells_of(SETTINGS, dict.fromkeys(WORKLOADS, range(2)))


def run_all(folder, *, jobs: int = 1) -> dict[Cell, Figures]:
    cells = small_cells()
    return dict(zip(cells, run_whole(folder, [cell.run_on(WORKLOADS) for cell in cells], jobs=jobs), strict=True))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    return folder, run_all(folder)


class TestCells:
    def test_each_stands_once_behind_what_it_refers_to(self):
        cells = small_cells()
        assert len(cells) == len(set(cells)) == 2 * (len(SETTINGS) + len(WORKLOADS))
        for cell in cells:
            reference = dataclasses.replace(cell, setting=cell.setting.reference)
            assert cells.index(reference) <= cells.index(cell)

    def test_the_study_names_only_what_can_be_made(self):
        source = study_workloads(30)[REPEATED]
        shown = [setting for table in tables(study_workloads(30)) for setting in table.settings.values()]
        for setting in [*shown, *(setting for sweep in sweeps() for setting in sweep.settings)]:
            assert setting.router.choice.make(source, 0).binding in ("arrival", "pool")

    def test_every_policy_of_the_paper_has_a_row_beside_its_figures(self):
        at_8 = {table.workload: table for table in tables([PROPRIETARY, REPEATED, AZURE]) if table.cluster.workers == 8}
        assert at_8[PROPRIETARY].settings.keys() == ROUTERS.keys()
        assert PROPRIETARY_TRACE.keys() <= at_8[REPEATED].settings.keys()
        assert at_8[AZURE].printed == AZURE_2024

    def test_a_router_says_what_it_is(self):
        assert str(SETTINGS[1].router) == "br-h (noisy auc=0.8)"
        assert str(Router.of("br-h", "survival", projection="expected", horizon=5)) == (
            "br-h (survival) horizon=5 projection=expected"
        )


class TestWorkloads:
    @pytest.mark.parametrize("source", WORKLOADS.values(), ids=WORKLOADS.keys())
    def test_predictors_never_see_what_is_served(self, source):
        assert source.workload(0) == source.workload(0) != source.workload(1)
        assert source.training(0) not in (source.workload(0), source.workload(1))

    def test_equal_prompts_are_equally_long_and_their_outputs_cluster(self):
        workload = RepeatedPrompts(PROPRIETARY, 3000, prompts=20).workload(0)
        of_prompt = [workload.prompt_hash == prompt for prompt in range(20)]
        assert all(len(set(workload.prompt_tokens[rows])) == 1 for rows in of_prompt)
        within = np.mean([np.log(workload.output_tokens[rows]).std() for rows in of_prompt])
        assert within == pytest.approx(0.03, rel=0.1)
        assert np.log(workload.output_tokens).std() > 10 * within

    def test_a_trace_gives_each_seed_a_block_in_backlog(self):
        source = TraceBlocks(Workload(np.arange(7.0), np.arange(1, 8), np.arange(1, 8)), 2)
        assert source.blocks == 3
        assert [source.workload(seed).prompt_tokens.tolist() for seed in range(3)] == [[1, 2], [3, 4], [5, 6]]
        assert source.training(2) == source.workload(0)
        assert not source.workload(1).arrival_s.any()
        with pytest.raises(ValueError, match=r"seed must be in 0\.\.2"):
            source.workload(3)

    def test_one_block_is_not_enough(self):
        with pytest.raises(ValueError, match="requests"):
            TraceBlocks(Workload([0.0, 0.0], [1, 1], [1, 1]), 2)

    def test_the_real_trace_is_used_where_it_lies_and_nothing_is_downloaded(self, tmp_path, monkeypatch):
        monkeypatch.setenv("BRGYM_TRACE_DIR", str(tmp_path))
        monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
        assert set(study_workloads(2)) == {PROPRIETARY, REPEATED, AZURE}
        rows = [f"2024-05-10 00:00:0{i}.000000+00:00,{100 + i},{1000 + i}" for i in range(6)]
        text = "\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows])
        (tmp_path / "AzureLLMInferenceTrace_conv_1week.csv").write_text(text + "\n")
        (trace,) = (workload for workload in study_workloads(2).values() if isinstance(workload, TraceBlocks))
        assert trace.trace.output_tokens.tolist() == [1001, 1002, 1003, 1004, 1005]
        assert study._seeds(trace, 10) == 2


class TestRunning:
    def test_a_cell_is_what_simulate_finds(self):
        cell = small_cells()[0]
        served = WORKLOADS[PROPRIETARY].workload(cell.seed)
        figures = cell.run_on(WORKLOADS).run()
        result = simulate(CLUSTER, served, baselines.make("jsq"), cell.seed)
        assert cell.setting.router == JSQ
        assert figures["imbalance_mean"] == result.metrics.imbalance_mean
        assert figures["envelope_token_steps"] == envelope_token_steps(result.steps)
        assert figures["envelope_token_steps_bound"] == lower_bound(CLUSTER, served).envelope_token_steps

    def test_processes_change_no_byte(self, stored, tmp_path):
        write_cells(stored[1], tmp_path / "one.csv")
        write_cells(run_all(tmp_path / "cells", jobs=2), tmp_path / "two.csv")
        assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
        assert "wall_s" not in (tmp_path / "one.csv").read_text()

    def test_what_is_stored_is_not_run_again(self, stored, monkeypatch):
        monkeypatch.setattr(Simulation, "run", lambda self: pytest.fail("run again"))
        assert run_all(stored[0]) == stored[1]

    def test_other_requests_make_another_cell(self):
        cell = small_cells()[0]
        keys = {key_of(cell.run_on(workloads_of(requests))) for requests in (29, 30)}
        keys |= {key_of(other.run_on(WORKLOADS)) for other in small_cells()}
        assert len(keys) == 1 + len(small_cells())

    def test_a_cell_that_fails_is_an_error_once_the_others_are_there(self, tmp_path, monkeypatch):
        ran = []

        def run(simulation):
            ran.append(simulation)
            if len(ran) == 2:
                raise RuntimeError("no such luck")
            return {"steps": 1}

        monkeypatch.setattr(Simulation, "run", run)
        with pytest.raises(
            ValueError, match=f"1 of {len(small_cells())} cells failed, the first with RuntimeError: no"
        ):
            run_all(tmp_path)
        assert len(ran) == len(small_cells()) == 10


class TestOutcomes:
    def test_estimates_refer_to_jsq_on_the_same_cluster(self, stored):
        outcomes = Outcomes(stored[1])
        setting = SETTINGS[0]
        assert outcomes.seeds(setting) == 2
        assert outcomes.ratio(setting.reference, "makespan_s").mean == 1.0
        assert outcomes.recovered(setting.reference).mean == 0.0
        values = [outcomes.values(one, "envelope_token_steps") for one in (setting.reference, setting)]
        bound = outcomes.values(setting, "envelope_token_steps_bound")
        shares = [recovered(*run) for run in zip(*values, bound, strict=True)]
        assert outcomes.recovered(setting).mean == pytest.approx(np.mean(shares))

    def test_throughput_of_the_whole_run_counts_all_tokens(self, stored):
        outcomes = Outcomes(stored[1])
        tokens = [WORKLOADS[PROPRIETARY].workload(seed).output_tokens.sum() for seed in range(2)]
        whole = outcomes.values(SETTINGS[0], "run_throughput_tok_s")
        assert whole * outcomes.values(SETTINGS[0], "makespan_s") == pytest.approx(tokens)

    def test_the_papers_columns_say_how_many_requests_are_active(self):
        assert PROPRIETARY_TRACE["jsq"].concurrency == pytest.approx(843 * 0.0832)


class TestReport:
    def test_markdown(self):
        assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"

    @pytest.mark.parametrize(("part", "stem"), [("tables", "tables"), ("all", "report")])
    def test_one_command_gives_one_folder(self, tmp_path, capsys, monkeypatch, part, stem):
        monkeypatch.setattr(study, "tables", lambda names, workers: tables(names, [8])[:2])
        monkeypatch.setattr(study, "sweeps", lambda: sweeps()[-1:])
        options = ["--part", part, "--requests", "20", "--seeds", "2", "--jobs", "1", "--out", str(tmp_path)]
        assert cli.main(["reproduce", "balance-route", *options]) == 0
        assert f"{stem}.md" in capsys.readouterr().out
        text = (tmp_path / f"{stem}.md").read_text()
        assert f"`brgym reproduce balance-route --part {part} --seeds 2 --requests 20` (brgym 0.1.0)" in text
        assert "215.1" in text
        assert "## Throughput" in text
        assert "at C = 0" not in text
        assert ("bf-io" in text) == (part == "all")
        assert (tmp_path / "tables.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"seeds": 0}, "seeds must be at least 1"),
            ({"requests": 0}, "requests"),
            ({"workers": [0]}, "workers"),
            ({"part": "some"}, "unknown part"),
        ],
    )
    def test_bad_parameters_are_refused_before_anything_is_written(self, tmp_path, changes, message):
        with pytest.raises(ValueError, match=message):
            reproduce(tmp_path / "out", **changes)
        assert not (tmp_path / "out").exists()

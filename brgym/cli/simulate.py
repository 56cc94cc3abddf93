"""`brgym simulate`: one run, its figures, and files of all that happened in it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import tyro

from brgym.cli.outputs import checked_outputs, print_lines, written_line
from brgym.cli.policy_options import named_policy
from brgym.cli.serving_options import ServingOptions
from brgym.plumbing.terminal import page, progress_console

if TYPE_CHECKING:
    from brgym.study.run_files import RunFile

_SERVING = ServingOptions()


def simulate(
    *,
    serving: tyro.conf.OmitArgPrefixes[ServingOptions] = _SERVING,
    policy: str = "br-0",
    predictor: str | None = None,
    seed: int = 0,
    slo: str | None = None,
    requests_table: Path | None = None,
    steps_table: Path | None = None,
    json: Path | None = None,
    perfetto: Path | None = None,
    plot: Path | None = None,
    timeline: Path | None = None,
    worker: int = 0,
    cluster_settings: tyro.conf.Suppress[Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Make one run: print its figures, and write what happened in it to files.

    Args:
        serving: The cluster and its requests.
        policy: One policy, written as for `brgym compare --policies`.
        predictor: As in `brgym compare`.
        seed: Decides the requests of a built-in workload and the policy's randomness.
        slo: As in `brgym compare`.
        requests_table: Write a row a request, what it was and what became of it, to this .parquet, .arrow or .csv file.
        steps_table: Write a row a decode step to this .parquet, .arrow or .csv file.
        json: Write the figures to this file.
        perfetto: Write the run as a trace for ui.perfetto.dev to this file; compressed if it ends in .gz.
        plot: Write a picture of all workers' loads under the envelope to this PNG, PDF or SVG file.
        timeline: Write a picture of one worker, who held which slot when, to this PNG, PDF or SVG file.
        worker: Whose timeline.
        cluster_settings: Other fields of the cluster's configuration, as `brgym.study.with_settings` reads them.
    """
    files = {
        "--requests-table": requests_table,
        "--steps-table": steps_table,
        "--json": json,
        "--perfetto": perfetto,
        "--plot": plot,
        "--timeline": timeline,
    }
    with progress_console().status("loading (the first run compiles for about half a minute)"):
        from brgym._checks import check_integer, check_seed
        from brgym.study import slo_of
        from brgym.study.run_console import request_figures_table, run_notes, step_figures_table
        from brgym.study.run_files import Run, write_run_file

        outputs = checked_outputs(files)
        check_seed("seed", seed)
        objective = None if slo is None else slo_of(slo)
        chosen, source = serving.served(cluster_settings)
        check_integer("worker", worker, minimum=0, maximum=chosen.workers - 1)
        choice = named_policy(policy, predictor, source)
        run = Run(chosen, source.workload(seed), lambda: choice.make(source, seed), seed, serving.oversize, objective)
        result = run.result
        for option, path in outputs.items():
            write_run_file(cast("RunFile", option.removeprefix("--")), run, path, worker=worker)
    console = page()
    console.print(step_figures_table(result))
    console.print(request_figures_table(result))
    notes = run_notes(result, policy=choice.label, workload=source.described, seed=seed)
    print_lines(console, [*notes, *map(written_line, outputs.values())])

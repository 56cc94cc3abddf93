"""`brgym saturate`: the highest load at which each router keeps to a service-level objective."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import tyro

from brgym.cli.outputs import checked_outputs, print_page
from brgym.cli.policy_options import named_policies
from brgym.cli.serving_options import ServingOptions
from brgym.plumbing.terminal import progress_console, study_bar

if TYPE_CHECKING:
    from rich.table import Table

    from brgym.study.saturation import Saturation

_SERVING = ServingOptions()


def saturate(
    *,
    serving: tyro.conf.OmitArgPrefixes[ServingOptions] = _SERVING,
    slo: str,
    policies: str = "jsq,least-kv,br-0,br-0:worker_choice=lowest-load,level:worker_choice=lowest-load",
    reference: str | None = None,
    predictor: str | None = None,
    seeds: int = 5,
    low: float = 0.3,
    high: float = 1.5,
    precision: float = 0.01,
    out: Path = Path("results/saturate"),
    jobs: int = -1,
    json: Path | None = None,
    csv: Path | None = None,
    cluster_settings: tyro.conf.Suppress[Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Find the highest load at which each router keeps to a service-level objective; goes on where it stopped.

    Args:
        serving: The cluster and its requests, without a load.
        slo: What a run must keep to, as `tpot_s_p95=0.05,ttft_s_p99=2`: figures as `brgym simulate --json` has them.
        policies: As in `brgym compare`.
        reference: The policy that the others are compared with; by default the first.
        predictor: As in `brgym compare`.
        seeds: How many seeds, from 0; a bisection each, for each policy.
        low: Lowest load, as a share of the cluster's capacity.
        high: Highest load.
        precision: How near the two ends of a bisection come to each other.
        out: Folder in which is kept what has been found.
        jobs: Bisections side by side; -1: as many as there are cores.
        json: Write everything that was found to this file.
        csv: Write a row a policy and seed to this file.
        cluster_settings: Other fields of the cluster's configuration, as `brgym.study.with_settings` reads them.
    """
    terminal = progress_console()
    with terminal.status("loading (the first run compiles for about half a minute)"):
        from brgym._checks import check_integer
        from brgym.plumbing.files import without_nan, write_document, write_rows
        from brgym.study.console import cluster_line
        from brgym.study.saturation import Objective, as_document, as_rows
        from brgym.study.saturation import saturate as find

        outputs = checked_outputs({"--json": json, "--csv": csv})
        objective = Objective.parse(slo)
        check_integer("seeds", seeds, minimum=1)
        chosen, source = serving.served(cluster_settings)
        routers = named_policies(policies, predictor, source)
    with study_bar(terminal) as on_progress:
        found = find(
            chosen,
            source,
            list(routers.values()),
            range(seeds),
            objective,
            out,
            reference=next(iter(routers)) if reference is None else reference,
            low=low,
            high=high,
            precision=precision,
            oversize=serving.oversize,
            jobs=jobs,
            on_progress=lambda now: on_progress(now.cells, now.done, now.failed),
        )
    for option, path in outputs.items():
        if option == "--json":
            write_document(without_nan(as_document(found, range(seeds))), path)
        else:
            write_rows(as_rows(found, range(seeds)), path)
    notes = [
        f"Objective: {found.objective}.",
        f"Load: share of the capacity, between {low:g} and {high:g}, to within {precision:g}.",
        f"Cluster: {cluster_line(chosen)}.",
        f"Workload: {source.described}; seeds: {seeds}, paired.",
        *_censored(found, low, high),
        *(f"{row.policy}: {row.note}" for row in found.rows if row.note and seeds > 1),
    ]
    print_page(_table(found), notes, outputs.values())


def _censored(found: "Saturation", low: float, high: float) -> list[str]:
    missed = [f"{policy} {count}" for policy, count in found.below.items() if count]
    kept = [f"{policy} {count}" for policy, count in found.above.items() if count]
    return [
        *([f"Not kept to even at {low:g}, by seeds: {', '.join(missed)}. Take a lower --low."] if missed else []),
        *([f"Still kept to at {high:g}, by seeds: {', '.join(kept)}. Take a higher --high."] if kept else []),
    ]


def _table(found: "Saturation") -> "Table":
    import numpy as np
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from brgym.study.report.league import with_interval

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("policy", overflow="fold")
    for header in ("highest load", "requests/s", "ratio", "difference stands"):
        table.add_column(header, justify="right")
    for row in found.rows:
        stands = "" if row.is_reference else "yes" if row.stands else "no"
        ratio = "1" if row.is_reference else with_interval(row.ratio)
        rate = f"{np.mean(found.rates_per_s[row.policy]):,.3g}"
        table.add_row(row.policy, with_interval(row.mean), rate, ratio, stands)
    return table

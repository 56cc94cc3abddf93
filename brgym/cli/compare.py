"""`brgym compare`: the same requests under several routing policies."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import tyro

from brgym.cli.outputs import checked_outputs, print_page
from brgym.cli.policy_options import named_policies
from brgym.cli.serving_options import ServingOptions
from brgym.plumbing.terminal import progress_bar, progress_console

if TYPE_CHECKING:
    from brgym.cluster import ClusterConfig, Oversize
    from brgym.study import Comparison, NamedWorkload, PolicyChoice

_SERVING = ServingOptions()


def compare(
    *,
    serving: tyro.conf.OmitArgPrefixes[ServingOptions] = _SERVING,
    policies: str = "random,round-robin,power-of-two,jsq,least-kv,br-0",
    reference: str | None = None,
    predictor: str | None = None,
    seeds: int = 3,
    slo: str | None = None,
    jobs: int = -1,
    json: Path | None = None,
    csv: Path | None = None,
    plot: Path | None = None,
    distribution: Path | None = None,
    of: Literal["ttft_s", "queueing_s", "tpot_s", "e2e_s"] = "tpot_s",
    cluster_settings: tyro.conf.Suppress[Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Serve the same requests with several routing policies and compare them.

    Args:
        serving: The cluster and its requests.
        policies: Names (`brgym policies`, or MODULE:CLASS) by commas, with parameters as in
            `jsq,br-0:order=arrival,subset_window=4`.
        reference: The policy that ratios refer to, written as among the policies; by default jsq, or the first.
        predictor: What br-h (and bf-io with a horizon) looks ahead with: a `train.py classifier` folder, "oracle",
            "noisy:auc=0.9", a name such as "survival", fitted for each seed, or MODULE:NAME.
        seeds: How many seeds, from 0; each draws its own requests from a built-in workload.
        slo: What a request is to be served within, as ttft_s=2,tpot_s=0.1: then its share and the goodput are shown.
        jobs: Runs side by side; -1: as many as there are cores. Routing times are cleanest with 1.
        json: Write everything that was found to this file.
        csv: Write one row a run to this file.
        plot: Write the imbalance over time to this PNG, PDF or SVG file, by its suffix.
        distribution: Write how a figure is spread over the requests of the first seed to this PNG, PDF or SVG file.
        of: Which figure that is.
        cluster_settings: Other fields of the cluster's configuration, as `brgym.study.with_settings` reads them.
    """
    terminal = progress_console()
    with terminal.status("loading (the first run compiles for about half a minute)"):
        from brgym import study
        from brgym._checks import check_integer
        from brgym.study import console

        outputs = checked_outputs({"--json": json, "--csv": csv, "--plot": plot, "--distribution": distribution})
        check_integer("seeds", seeds, minimum=1)
        objective = None if slo is None else study.slo_of(slo)
        chosen, source = serving.served(cluster_settings)
        routers = named_policies(policies, predictor, source)
        named = None if reference is None else _reference(reference, routers)
    with progress_bar(terminal) as (on_start, on_trial):
        on_start(seeds * len(routers))
        found = study.compare(
            chosen,
            source,
            routers,
            range(seeds),
            reference=named,
            oversize=serving.oversize,
            slo=objective,
            jobs=jobs,
            on_trial=on_trial,
        )
    for option, path in outputs.items():
        if option == "--distribution":
            _write_distribution(path, chosen, source, routers, oversize=serving.oversize, figure=of)
        else:
            _writer(option)(found, path)
    print_page(console.comparison_table(found), console.notes(found), outputs.values())


def _write_distribution(
    path: Path,
    cluster: "ClusterConfig",
    source: "NamedWorkload",
    routers: "Mapping[str, PolicyChoice]",
    *,
    oversize: "Oversize",
    figure: str,
) -> None:
    from brgym.study.plot import write_distribution

    makers = {name: partial(choice.make, source, 0) for name, choice in routers.items()}
    write_distribution(cluster, source.workload(0), makers, path, oversize=oversize, figure=figure)


def _writer(option: str) -> "Callable[[Comparison, Path], None]":
    if option == "--plot":
        from brgym.study.plot import write_plot  # matplotlib takes a second to import

        return write_plot
    from brgym.study.export import write_csv, write_json

    return write_json if option == "--json" else write_csv


def _reference(written: str, routers: "Mapping[str, PolicyChoice]") -> str:
    from baselines import Specification
    from brgym._checks import check_choice

    try:
        written = str(Specification.parse(written))
    except ValueError as error:
        raise ValueError(f"reference: {error}") from None
    return check_choice("reference", written, routers)

"""`brgym compare`: the same requests under several routing policies."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import tyro

from brgym.cli.outputs import checked_outputs, print_page
from brgym.plumbing.terminal import progress_bar, progress_console

if TYPE_CHECKING:
    from baselines import Specification
    from brgym.study import Comparison, PolicyFactory
    from classifiers import Predictor


def compare(
    *,
    cluster: str = "bf-io",
    workers: int | None = None,
    slots: int | None = None,
    candidates: int | Literal["all"] | None = None,
    workload: str = "proprietary-like",
    requests: int | None = None,
    rate_scale: float = 1.0,
    sort: bool = False,
    invalid: Literal["error", "drop"] = "error",
    time_unit: Literal["s", "ms", "us", "ns"] | None = None,
    spread: float | None = None,
    turns: Literal["drop", "keep"] = "drop",
    oversize: Literal["error", "drop"] = "error",
    policies: str = "random,round-robin,power-of-two,jsq,least-kv,br-0",
    reference: str | None = None,
    predictor: str | None = None,
    seeds: int = 3,
    jobs: int = -1,
    json: Path | None = None,
    csv: Path | None = None,
    plot: Path | None = None,
    cluster_settings: tyro.conf.Suppress[Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Serve the same requests with several routing policies and compare them.

    Args:
        cluster: Hardware preset, see `brgym clusters`; or `afd:illustrative` or `afd:FILE` for a bundle of attention
            workers and one FFN server, see `brgym afd`.
        workers: Data-parallel workers; by default 8, or the best ratio of an AFD bundle for the workload.
        slots: Requests that a worker decodes at once; by default the preset's, or 256 for an AFD bundle.
        candidates: How many of the oldest waiting requests a policy sees that binds from the pool; by default 32.
        workload: A name, see `brgym workloads`, or a trace file (CSV, JSONL, Parquet; plain or gzip).
        requests: Requests to draw from a built-in workload, or how many of a trace's first requests to take.
        rate_scale: How many times as fast the requests arrive.
        sort: Sort an unsorted trace by arrival.
        invalid: What to do with a trace's rows of less than one prompt or output token.
        time_unit: What a trace's time stamps count, where neither its format nor a column's name tells.
        spread: Resolution in seconds of a trace's coarse clock, over which its requests are spread; 0: none.
        turns: Whether requests of a trace that follow another are linked to it, or come at their own time stamps.
        oversize: What to do with requests that could never fit a worker's KV capacity.
        policies: Names separated by commas, see `brgym policies`; with parameters as in
            `jsq,br-0:order=arrival,subset_window=4`: a comma before a word with "=" goes on with the policy before it.
        reference: The policy that ratios refer to, written as among the policies; by default jsq, or the first.
        predictor: What br-h looks ahead with, and bf-io with a horizon: a folder that `train.py classifier` has saved,
            or "oracle".
        seeds: How many seeds, from 0; each draws its own requests from a built-in workload.
        jobs: Runs side by side; -1: as many as there are cores. Routing times are cleanest with 1.
        json: Write everything that was found to this file.
        csv: Write one row a run to this file.
        plot: Write the imbalance over time to this PNG file.
        cluster_settings: Other fields of the cluster's configuration, as `brgym.study.with_settings` reads them.
    """
    terminal = progress_console()
    with terminal.status("loading (the first run compiles for about a minute)"):
        from brgym import study
        from brgym._checks import check_integer
        from brgym.study import console

        outputs = checked_outputs({"--json": json, "--csv": csv, "--plot": plot})
        limits = {"slots": slots, "candidates": candidates}
        changes = {name: None if limit == "all" else limit for name, limit in limits.items() if limit is not None}
        routers = _routers(policies, predictor)
        named = None if reference is None else _reference(reference, routers)
        check_integer("seeds", seeds, minimum=1)
        reading: dict[str, Any] = {
            "sort": sort,
            "invalid": invalid,
            "unit": time_unit,
            "spread": spread,
            "turns": turns,
        }
        source = study.source_of(workload, requests=requests, rate_scale=rate_scale, **reading)
        chosen = study.cluster_of(cluster, source, workers=workers, **changes)
        chosen = study.with_settings(chosen, cluster_settings)
    with progress_bar(terminal) as (on_start, on_trial):
        on_start(seeds * len(routers))
        found = study.compare(
            chosen, source, routers, range(seeds), reference=named, oversize=oversize, jobs=jobs, on_trial=on_trial
        )
    for option, path in outputs.items():
        _writer(option)(found, path)
    print_page(console.comparison_table(found), console.notes(found), outputs.values())


def _writer(option: str) -> "Callable[[Comparison, Path], None]":
    if option == "--plot":
        from brgym.study.plot import write_plot  # matplotlib takes a second to import

        return write_plot
    from brgym.study.export import write_csv, write_json

    return write_json if option == "--json" else write_csv


def _routers(listed: str, predictor: str | None) -> "dict[str, PolicyFactory]":
    """How to make each policy, by its specification; each has been made once, so that mistakes show at once."""
    import baselines

    found = baselines.specifications(listed)
    names = [str(specification) for specification in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"policies names {name!r} twice")
    if any(specification.looks_ahead for specification in found) != (predictor is not None):
        raise ValueError(
            "br-h and --predictor DIR go together, and bf-io with a horizon: they look ahead with it, the other "
            "policies do not"
        )
    foresight = {} if predictor is None else {"predictor": _loaded(predictor)}
    routers = {str(specification): _maker(specification, foresight) for specification in found}
    for make in routers.values():
        make()
    return routers


def _maker(specification: "Specification", foresight: dict[str, Any]) -> "PolicyFactory":
    return partial(specification.make, **(foresight if specification.looks_ahead else {}))


def _reference(written: str, routers: "Mapping[str, PolicyFactory]") -> str:
    import baselines
    from brgym._checks import check_choice

    return check_choice("reference", str(baselines.Specification.parse(written)), routers)


def _loaded(predictor: str) -> "Predictor":
    import classifiers

    return classifiers.Oracle() if predictor == "oracle" else classifiers.load(Path(predictor))

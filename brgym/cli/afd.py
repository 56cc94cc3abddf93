"""`brgym afd`: how many attention workers one FFN server should feed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from brgym.cli.outputs import checked_outputs, print_page
from brgym.plumbing.terminal import progress_console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from brgym.afd import Provision, Sizing, Split
    from brgym.workload import Workload


def afd(
    *,
    coefficients: Path | None = None,
    workload: str = "azure-2023-conv-like",
    requests: int | None = None,
    sort: bool = False,
    invalid: Literal["error", "drop"] = "error",
    time_unit: Literal["s", "ms", "us", "ns"] | None = None,
    spread: float | None = None,
    turns: Literal["drop", "keep"] = "drop",
    batch: int = 256,
    microbatches: int = 3,
    method: Literal["mean-field", "gaussian", "gaussian-plug-in", "microbatch", "quasi-static"] = "quasi-static",
    attention_cost: float = 1.0,
    ffn_cost: float = 1.0,
    kv_capacity: int | None = None,
    tpot_limit: float | None = None,
    instances: int | None = None,
    nodes: int | None = None,
    instances_per_node: int = 8,
    simulate: bool = True,
    steps: int | None = None,
    seed: int = 0,
    json: Path | None = None,
    plot: Path | None = None,
) -> None:
    """Size an attention-FFN disaggregated deployment: the best ratio, how sure it is, and a simulation of it.

    Args:
        coefficients: TOML file of latency coefficients, see `examples/afd-illustrative.toml`; by default illustrative
            ones, measured on no hardware.
        workload: A name, see `brgym workloads`, or a trace file (CSV, JSONL, Parquet; plain or gzip).
        requests: Requests to draw from a built-in workload, or how many of a trace's first requests to take.
        sort: Sort an unsorted trace by arrival.
        invalid: What to do with a trace's rows of less than one prompt or output token.
        time_unit: What a trace's time stamps count, where neither its format nor a column's name tells.
        spread: Resolution in seconds of a trace's coarse clock, over which its requests are spread; 0: none.
        turns: Whether requests of a trace that follow another are linked to it, or come at their own time stamps.
        batch: Requests of one attention worker in one microbatch.
        microbatches: Microbatches in flight.
        method: How the cycle time is modelled.
        attention_cost: Cost of an attention instance: devices, money or watts.
        ffn_cost: Cost of an FFN instance, in the same unit.
        kv_capacity: Tokens of KV cache that fit on one attention worker.
        tpot_limit: Largest mean time per output token, in the coefficients' unit of time.
        instances: Split so many instances into equal bundles.
        nodes: Split so many nodes, each of which does attention or FFN.
        instances_per_node: Instances of a node.
        simulate: Simulate the bundle at ratios about the best.
        steps: Decode steps of a simulation; by default as many as the workload's lifetimes ask for.
        seed: Seed of a built-in workload, of the interval and of the simulations.
        json: Write everything that was found to this file.
        plot: Write the throughput along the ratio to this PNG, PDF or SVG file, by its suffix.
    """
    outputs = checked_outputs({"--json": json, "--plot": plot})
    with progress_console().status("running (the first run compiles for some seconds)"):
        from brgym import afd

        reading = {"sort": sort, "invalid": invalid, "unit": time_unit, "spread": spread, "turns": turns}
        served = _served(workload, requests, seed, reading)
        provision = afd.optimal_ratio(
            afd.Coefficients.illustrative() if coefficients is None else afd.read_coefficients(coefficients),
            batch=batch,
            load=afd.token_load(served.prompt_tokens, served.output_tokens, seed=seed),
            method=method,
            microbatches=microbatches,
            attention_cost=attention_cost,
            ffn_cost=ffn_cost,
            limits=afd.Limits(kv_capacity_tokens=kv_capacity, tpot=tpot_limit),
        )
        splits = _splits(provision, instances, nodes, instances_per_node)
        sizing = afd.confirm(provision, served, steps=steps, seed=seed) if simulate else afd.Sizing(provision)
        _write(sizing, workload, splits, outputs)
    print_page(_table(sizing), _notes(sizing, f"{workload}, {served.summary()}", splits), outputs.values())


def _served(name: str, requests: int | None, seed: int, reading: "Mapping[str, Any]") -> "Workload":
    from brgym._checks import check_seed
    from brgym.study import source_of

    check_seed("seed", seed)
    return source_of(name, requests=requests, **reading).workload(seed)


def _splits(provision: "Provision", instances: int | None, nodes: int | None, per_node: int) -> "dict[str, Split]":
    """The splits that were asked for, each by what it is a split of."""
    from brgym.afd import divisible_split, node_split

    splits = {}
    if instances is not None:
        splits[f"{instances} instances in equal bundles"] = divisible_split(provision, instances=instances)
    if nodes is not None:
        name = f"{nodes} nodes of {per_node} instances"
        splits[name] = node_split(provision, nodes=nodes, instances_per_node=per_node)
    return splits


def _write(sizing: "Sizing", workload: str, splits: "dict[str, Split]", outputs: dict[str, Path]) -> None:
    from dataclasses import asdict

    from brgym.afd.sizing import as_document
    from brgym.plumbing.files import write_document
    from brgym.plumbing.pictures import write_picture

    if "--json" in outputs:
        named = {name: asdict(split) | {"ratio": split.ratio} for name, split in splits.items()}
        write_document({"workload": workload} | as_document(sizing) | {"splits": named}, outputs["--json"])
    if "--plot" in outputs:
        from brgym.afd.plot import draw  # matplotlib takes a second to import

        write_picture(draw(sizing), outputs["--plot"])


def _notes(sizing: "Sizing", workload: str, splits: "dict[str, Split]") -> list[str]:
    from brgym.afd import colocated, headline

    return [
        f"Workload: {workload}.",
        *headline(sizing.provision),
        colocated(sizing.provision),
        *(
            f"Best split of {name}: {split.attention} attention, {split.ffn} FFN (ratio {split.ratio:.2f})."
            for name, split in splits.items()
        ),
    ]


def _table(sizing: "Sizing") -> "Table":
    """One row a ratio: what the formulas say, and beside it what the simulation says."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from brgym.afd import ratios_about

    p = sizing.provision
    unit = p.coefficients.time_unit
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    headers = ["ratio", f"tokens/{unit}\n/cost", "of best\n(%)", f"cycle\n({unit})", f"TPOT\n({unit})"]
    headers += ["attention\nidle (%)", "FFN\nidle (%)"]
    if sizing.simulated:
        headers += [f"simulated\ntokens/{unit}/instance", "attention\nidle (%)", "FFN\nidle (%)"]
    for header in headers:
        table.add_column(header, justify="right")
    simulated = {result.ratio: result for result in sizing.simulated}
    for ratio in ratios_about(p):
        throughput = float(p.throughput(ratio))
        row = [f"{ratio}{' *' if ratio == p.integer else '  '}", f"{throughput:.5g}"]
        row += [f"{100 * throughput / float(p.throughput(p.integer)):.1f}"]
        row += [f"{float(time):.5g}" for time in (p.cycle_time(ratio), p.tpot(ratio))]
        row += [f"{100 * float(idle):.1f}" for idle in (p.idle_attention(ratio), p.idle_ffn(ratio))]
        if ratio in simulated:
            q = simulated[ratio]
            half = (q.throughput_ci[1] - q.throughput_ci[0]) / 2
            row += [f"{q.throughput:.5g} ± {half:.2g}", f"{100 * q.idle_attention:.1f}", f"{100 * q.idle_ffn:.1f}"]
        table.add_row(*row)
    return table

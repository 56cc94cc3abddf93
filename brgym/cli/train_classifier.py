"""`python train.py classifier`: trains termination classifiers, evaluates them and tries them in BR-H."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from brgym.cli.outputs import print_lines
from brgym.plumbing.terminal import page, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from brgym.cluster import ClusterConfig, Reals
    from brgym.study import Comparison
    from brgym.workload import Workload
    from classifiers.evaluation import Evaluation, PermutationTest
    from classifiers.experiment import Experiment
    from classifiers.learned import Monitor

_PAGE_WIDTH = 190
"""Columns of the ranking where standard output is no terminal."""


def classifier(
    *,
    workload: str = "proprietary-like",
    model: str = "hist-gb",
    horizon: int = 80,
    out: Path = Path("runs/classifier"),
    requests: int | None = None,
    rate_scale: float = 1.0,
    sort: bool = False,
    invalid: Literal["error", "drop"] = "error",
    time_unit: Literal["s", "ms", "us", "ns"] | None = None,
    spread: float | None = None,
    turns: Literal["drop", "keep"] = "drop",
    held_out: float = 0.3,
    queueing: bool = False,
    seed: int = 0,
    routing_seeds: int = 3,
    routing_requests: int = 1500,
    workers: int = 8,
    projection: Literal["cut", "expected"] = "cut",
    routing_horizon: int | Literal["auto"] | None = None,
    refill: bool = False,
    noise: bool = False,
    tensorboard: bool = False,
    overwrite: bool = False,
) -> None:
    """Train, evaluate and save termination classifiers.

    Args:
        workload: A name, see `brgym workloads`, or a trace file.
        model: survival, exact-match, logistic, hist-gb, mlp-hazard, binned-hazard; or all, to rank them.
        horizon: Decode steps ahead, H.
        out: Folder for the predictor; with `--model all`, for one folder a model. What is there already is reused.
        requests: How many of the workload's first requests to take; by default all.
        rate_scale: How many times as fast the requests arrive.
        sort: Sort an unsorted trace by arrival.
        invalid: What to do with a trace's rows of less than one prompt or output token.
        time_unit: What a trace's time stamps count, where neither its format nor a column's name tells.
        spread: Resolution in seconds of a trace's coarse clock, over which its requests are spread; 0: none.
        turns: Whether requests of a trace that follow another are linked to it, or come at their own time stamps.
        held_out: Share of the requests, the latest, that is kept for the evaluation.
        queueing: Also learn from how long requests queued: their admissions are those of a run of all of them under jsq
            on the cluster of the routing study.
        seed: Decides all randomness of the models.
        routing_seeds: Seeds for BR-H with the predictor beside BR-0, Survival and the oracle; 0: no routing. Figures go
            to OUT/routing.json, a plot of imbalance against the classifier's AUC to OUT/routing.png.
        routing_requests: How many held-out requests each seed draws, with replacement, all waiting at time 0.
        workers: Workers of the routing study.
        projection: BR-H's projection of the active requests' loads.
        routing_horizon: Decode steps that BR-H looks ahead: a number, "auto", or by default the classifiers' horizon.
        refill: Let BR-H count slots that will empty as filled again.
        noise: Add oracles made worse on purpose to the routing study: error of the classifier against imbalance.
        tensorboard: Log the training to OUT-tensorboard, beside the predictors: a predictor's folder is replaced as a
            whole.
        overwrite: Train again what is there already.
    """
    from brgym import study
    from brgym._checks import check_integer
    from brgym.cluster import preset
    from classifiers.experiment import Experiment

    check_integer("routing_seeds", routing_seeds, minimum=0)
    check_integer("routing_requests", routing_requests, minimum=1)
    console = page(width=_PAGE_WIDTH)
    cluster = preset("bf-io", workers=workers)
    reading: dict[str, Any] = {"sort": sort, "invalid": invalid, "unit": time_unit, "spread": spread, "turns": turns}
    loaded = study.source_of(workload, requests=requests, rate_scale=rate_scale, **reading).workload(0)
    experiment = Experiment.of(
        workload,
        loaded,
        horizon=horizon,
        held_out=held_out,
        seed=seed,
        admit_s=admissions_under_jsq(cluster, loaded) if queueing else None,
    )
    chosen = experiment.models() if model == "all" else [model]
    folders = {name: out / name if model == "all" else out for name in chosen}
    log_folder = out.with_name(f"{out.name}-tensorboard") if tensorboard else None
    predictors, found = ranked(experiment, folders, overwrite=overwrite, log_folder=log_folder, console=console)
    if routing_seeds:
        setting = {
            "cluster": cluster,
            "seeds": routing_seeds,
            "requests": routing_requests,
            "horizon": horizon if routing_horizon is None else routing_horizon,
            "projection": projection,
            "refill": refill,
        }
        print_routing(routed(experiment, predictors, found, out, noise=noise, console=console, **setting), console)
    best = folders[min(folders, key=lambda name: found[name].figures["log_loss"].value)]
    use = f"brgym compare --workload {workload} --policies jsq,br-0,br-h --predictor {best}"
    print_lines(console, [f"To route with it: {use}"])


def admissions_under_jsq(cluster: "ClusterConfig", workload: "Workload") -> "Reals":
    """When each request is admitted, in seconds, if all are served under jsq.

    Raises:
        ValueError: If none of them queues.
    """
    import baselines
    from brgym.cluster import simulate
    from classifiers.snapshots import somebody_queues

    admit_s: Reals = simulate(cluster, workload, baselines.make("jsq")).requests["admit_s"]
    if not somebody_queues(workload, admit_s):
        raise ValueError(
            f"--queueing: on {cluster.workers} workers no request ever queues, so there is nothing to learn; a higher "
            "--rate-scale or fewer --workers makes them queue"
        )
    return admit_s


def ranked(
    experiment: "Experiment",
    folders: Mapping[str, Path],
    *,
    overwrite: bool,
    log_folder: Path | None,
    console: "Console",
) -> "tuple[dict[str, Any], dict[str, Evaluation]]":
    """Trains, evaluates, prints the ranking, and keeps the evaluations beside the predictors."""
    from brgym.cli.monitoring import monitoring

    with monitoring(console, log_folder) as monitor_of:
        predictors = trained(experiment, folders, overwrite=overwrite, monitor_of=monitor_of, console=console)
    found, tests = evaluated(experiment, predictors)
    console.print(ranking(found, tests))
    keep(experiment, found, tests, folders)
    return predictors, found


def trained(
    experiment: "Experiment",
    folders: Mapping[str, Path],
    *,
    overwrite: bool,
    monitor_of: "Callable[[str], Monitor]",
    console: "Console",
) -> dict[str, Any]:
    """Trains what is not there yet; the empirical Survival, to compare with, is always among the predictors."""
    import classifiers

    predictors: dict[str, Any] = {"survival": classifiers.Survival().fit(experiment.training)}
    for name, folder in folders.items():
        predictors[name], reused = experiment.trained(name, folder, overwrite=overwrite, monitor=monitor_of(name))
        print_lines(console, [f"{name}: {'taken from' if reused else 'trained and saved to'} {folder}"])
    return predictors


def evaluated(
    experiment: "Experiment", predictors: Mapping[str, Any]
) -> "tuple[dict[str, Evaluation], dict[str, PermutationTest]]":
    """Evaluates on the held-out requests, and tests whether the models know anything beyond the age."""
    from classifiers.evaluation import evaluate, permutation_test

    found = evaluate(predictors, experiment.snapshots, experiment.horizon, reference="survival")
    tests = {
        name: permutation_test(predictor, experiment.snapshots, experiment.horizon)
        for name, predictor in predictors.items()
        if name != "survival"
    }
    return found, tests


def ranking(found: "Mapping[str, Evaluation]", tests: "Mapping[str, PermutationTest]") -> Any:
    """The predictors by log loss on the held-out requests, as a table."""
    from rich.box import MARKDOWN
    from rich.table import Table

    ranged, plain = ("log_loss", "auc", "mae_steps"), ("average_precision", "brier", "ece", "concordance")
    headers = [name.replace("_", " ") for name in (*ranged, *plain)]
    table = Table("model", "log loss less Survival's", *headers, "permutation p", box=MARKDOWN)
    for name in sorted(found, key=lambda name: found[name].figures["log_loss"].value):
        figures = found[name].figures
        cells = [_with_interval(figures[figure]) for figure in ranged]
        cells += [f"{figures[figure].value:.3f}" for figure in plain]
        less = _with_interval(found[name].against["log_loss"]) if found[name].against else ""
        table.add_row(name, less, *cells, f"{tests[name].p_value:.2f}" if name in tests else "")
    return table


def keep(
    experiment: "Experiment",
    found: "Mapping[str, Evaluation]",
    tests: "Mapping[str, PermutationTest]",
    folders: Mapping[str, Path],
) -> None:
    """Writes each predictor's figures and reliability plot beside it."""
    from brgym.plumbing.files import without_nan, write_document
    from classifiers.experiment import EVALUATION
    from classifiers.reliability import write_reliability_plot

    for name, folder in folders.items():
        about = {"workload": experiment.name, "held_out_fingerprint": experiment.held_out.fingerprint()}
        p_value = {"permutation_p_value": tests[name].p_value} if name in tests else {}
        document = without_nan(about | found[name].as_dict() | p_value)
        write_document(document, folder / EVALUATION, indent=2, ascii_only=True)
        said = {"survival": found["survival"].predictions, name: found[name].predictions}
        write_reliability_plot(said, folder / "reliability.png")


def routed(
    experiment: "Experiment",
    predictors: "Mapping[str, Any]",
    found: "Mapping[str, Evaluation]",
    out: Path,
    *,
    noise: bool,
    console: "Console",
    **setting: Any,
) -> "Comparison":
    """Serves held-out requests with BR-H and each predictor; keeps the figures and the plot beside the predictors."""
    from brgym import study
    from brgym.study.prediction import compare_predictors, noisy_oracles, write_worth_plot

    asked = {**predictors, **(noisy_oracles() if noise else {})}
    with progress_bar(console) as (on_start, on_trial):
        on_start(setting["seeds"] * (len(asked) + 2))
        comparison = compare_predictors(experiment.name, experiment.held_out, asked, on_trial=on_trial, **setting)
    study.write_json(comparison, out / "routing.json")
    auc = {name: evaluation.figures["auc"].value for name, evaluation in found.items()}
    write_worth_plot(comparison, auc, out / "routing.png")
    return comparison


def print_routing(found: "Comparison", console: "Console") -> None:
    """Prints imbalance and throughput of each policy, with intervals over the seeds."""
    from rich.box import MARKDOWN
    from rich.table import Table

    table = Table("policy", "imbalance (tokens)", "of BR-0's", "throughput (tok/s)", "of BR-0's", box=MARKDOWN)
    for policy in found.policies:
        cells = []
        for figure in ("imbalance_mean", "throughput_tok_s"):
            mean, ratio = found.mean(policy, figure), found.ratio(policy, figure)
            cells += [
                f"{mean.mean:,.0f} ± {mean.half_width:,.0f}",
                f"{ratio.mean:.3f} ({ratio.low:.3f}..{ratio.high:.3f})",
            ]
        table.add_row(policy, *cells)
    console.print(table)


def _with_interval(interval: Any) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f}..{interval.high:.3f})"

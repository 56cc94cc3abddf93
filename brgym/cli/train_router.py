"""`python train.py router`: trains a router in the environment and tries it on requests that it has not seen."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import tyro

from brgym.cli.outputs import print_lines
from brgym.plumbing.terminal import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from brgym.learning.training import Plan
    from brgym.learning.trials import Case


def router(
    *,
    out: Path = Path("runs/router"),
    workload: str = "proprietary-like",
    cluster: str = "bf-io",
    workers: int = 8,
    requests: int = 8000,
    training_seeds: int = 12,
    validation_seeds: int = 4,
    teacher: str = "br-h-oracle",
    updates: int = 500,
    minutes: float = 90.0,
    environments: int = 64,
    decisions: int = 2000,
    learning_rate: float = 1e-3,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    trial_seeds: int = 10,
    trial_workers: tuple[int, ...] = (8, 16, 32),
    trial_traces: tuple[str, ...] = (),
    tensorboard: bool = False,
    cluster_settings: tyro.conf.Suppress[Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Train a router: imitation of another one, then masked PPO over the native vector environment.

    Args:
        out: Folder for the weights, the learning curve and the trials; what is there is replaced.
        workload: A built-in workload, see `brgym workloads`; seeds come in backlog and in waves by turns.
        cluster: Hardware preset, see `brgym clusters`.
        workers: Workers of the cluster to learn on.
        requests: Requests of a seed.
        training_seeds: How many seeds to learn on, from 0.
        validation_seeds: How many to choose the best weights by, from 900.
        teacher: Whom to imitate first: br-h-oracle; a policy that binds from the pool, with or without parameters, as
            `br-0:worker_choice=lowest-load`; or none.
        updates: Updates of PPO.
        minutes: When to stop, whatever is left.
        environments: Environments side by side.
        decisions: Decisions of an episode; fewer than there are requests for training.
        learning_rate: Of PPO, at the beginning.
        seed: Decides all randomness.
        device: Where the network learns; auto: CUDA where there is one.
        trial_seeds: Seeds of the trials beside br-0, jsq and level; 0: no trials.
        trial_workers: Numbers of workers to try it on.
        trial_traces: Traces to try it on, at high load and at half of that.
        tensorboard: Log the training to OUT/tensorboard.
        cluster_settings: Other fields of the cluster's configuration, as `brgym.study.with_settings` reads them.
    """
    from brgym._checks import check_integer
    from brgym.cluster import preset
    from brgym.learning.ppo import PPOSettings
    from brgym.learning.training import Plan
    from brgym.learning.training_ground import TrainingGround
    from brgym.learning.trials import FIRST_VALIDATION_SEED, TRACE_LOADS, synthetic_case, trace_case
    from brgym.study import with_settings
    from classifiers.hazard import device_of

    check_integer("trial_seeds", trial_seeds, minimum=0)
    for count in trial_workers:
        check_integer("trial_workers", count, minimum=1)
    chosen = with_settings(preset(cluster, workers=workers), cluster_settings)
    plan = Plan(
        ground=TrainingGround(cluster=chosen, workload=workload, requests=requests),
        training_seeds=range(training_seeds),
        validation_seeds=range(FIRST_VALIDATION_SEED, FIRST_VALIDATION_SEED + validation_seeds),
        teacher=teacher,
        updates=updates,
        minutes=minutes,
        environments=environments,
        decisions=decisions,
        ppo=PPOSettings(learning_rate=learning_rate),
        seed=seed,
        device=device_of(device).type,
    )
    cases = [synthetic_case(workload, chosen, count) for count in trial_workers]
    cases += [trace_case(trace, chosen, load) for trace in trial_traces for load in TRACE_LOADS]
    _run(plan, cases, out, trial_seeds=trial_seeds, tensorboard=tensorboard)


def _run(plan: "Plan", cases: "Sequence[Case]", out: Path, *, trial_seeds: int, tensorboard: bool) -> None:
    import baselines
    from brgym.cli.monitoring import monitoring
    from brgym.learning.plot import write_curve_plot
    from brgym.learning.training import WEIGHTS, Training
    from brgym.learning.trials import RIVALS

    console = page()
    out.mkdir(parents=True, exist_ok=True)
    with monitoring(console, out / "tensorboard" if tensorboard else None) as monitor_of:
        training = Training(plan, out, monitor_of("router"))
        training.run()
    rivals = {name: training.ratio(baselines.make(name)) for name in RIVALS}
    write_curve_plot(training.curve, rivals, out / "curve.png")
    best = training.best
    said = f"Best weights: after {best.update} updates, imbalance {best.ratio:.3f} of br-0's on the validation seeds."
    print_lines(console, [said])
    if trial_seeds:
        _try(out, cases, trial_seeds, console)
    print_lines(console, [f'To route with it: baselines.make("learned", weights="{out / WEIGHTS}")'])


def _try(out: Path, cases: "Sequence[Case]", seeds: int, console: "Console") -> None:
    from brgym.learning.training import WEIGHTS
    from brgym.learning.trials import figures, try_router
    from brgym.plumbing.files import write_rows

    rows = figures(try_router(out / WEIGHTS, cases, seeds=seeds))
    write_rows(rows, out / "trials.csv")
    console.print(_table(rows))


def _table(rows: "Sequence[Mapping[str, Any]]") -> "Table":
    from rich.box import MARKDOWN
    from rich.table import Table

    headers = ("case", "router", "imbalance (tokens)", "less br-0's", "ratio to br-0", "tok/s", "longest wait (s)")
    table = Table(*headers, box=MARKDOWN)
    for row in rows:
        table.add_row(
            row["case"],
            row["router"],
            f"{row['imbalance_tokens']:,.0f}",
            f"{row['difference']:,.0f} [{row['difference_low']:,.0f}, {row['difference_high']:,.0f}]",
            f"{row['ratio']:.3f} [{row['ratio_low']:.3f}, {row['ratio_high']:.3f}]",
            f"{row['throughput_tok_s']:,.0f}",
            f"{row['queueing_s_max']:.1f}",
        )
    return table

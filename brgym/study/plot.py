"""Pictures of a comparison: imbalance over time, and a figure's distribution over the requests."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from brgym._checks import check_choice
from brgym.cluster import ClusterConfig, Oversize, simulate
from brgym.plumbing.pictures import write_picture
from brgym.study.comparison import Comparison
from brgym.study.pictures import draw_distribution, draw_imbalance
from brgym.study.shown_figures import OF_REQUESTS
from brgym.study.trial import PolicyFactory
from brgym.workload import Workload


def write_plot(comparison: Comparison, path: Path) -> None:
    """Writes a picture: the imbalance over time under the first seed, one line a policy.

    Args:
        comparison: What to show.
        path: The file.

    Raises:
        OSError: If the file cannot be written.
    """
    write_picture(draw(comparison), path)


def draw(comparison: Comparison) -> Figure:
    """Draws what `write_plot` writes."""
    firsts = {policy: comparison.of_policy(policy)[0] for policy in comparison.policies}
    return draw_imbalance(
        {f"{policy} (mean {trial.metrics.imbalance_mean:,.0f})": trial.over_time for policy, trial in firsts.items()},
        title=f"{comparison.workload}, {comparison.cluster.workers} workers, seed {comparison.seeds[0]}; "
        "means over the measurement window",
    )


def write_distribution(
    cluster: ClusterConfig,
    workload: Workload,
    policies: Mapping[str, PolicyFactory],
    path: Path,
    *,
    figure: str,
    oversize: Oversize = "error",
    seed: int = 0,
) -> None:
    """Writes a picture: the share of requests at or below each value of a figure, a line a policy.

    Args:
        cluster: The cluster.
        workload: The requests.
        policies: How to make each policy, by what the legend calls it; each serves the requests once.
        path: The file.
        figure: One of "ttft_s", "queueing_s", "tpot_s", "e2e_s".
        oversize: As in `simulate`.
        seed: As in `simulate`.

    Raises:
        ValueError: If there is no such figure, or as `simulate`.
        OSError: If the file cannot be written.
    """
    known = {one.name: one for one in OF_REQUESTS}
    one = known[check_choice("figure", figure, known)]
    values = {}
    for name, make in policies.items():
        table = simulate(cluster, workload, make(), seed, oversize=oversize).requests_table()
        values[name] = table.column(figure).to_numpy() * one.scale
    write_picture(draw_distribution(values, label=one.header), path)

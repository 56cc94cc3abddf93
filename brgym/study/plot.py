"""Imbalance over time as a picture."""

from pathlib import Path

from matplotlib.figure import Figure

from brgym.plumbing.pictures import write_picture
from brgym.study.comparison import Comparison


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
    figure = Figure(figsize=(9, 5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for policy in comparison.policies:
        first = comparison.of_policy(policy)[0]
        over_time = first.over_time
        mean = first.metrics.imbalance_mean
        axes.stairs(
            over_time.imbalance_tokens,
            over_time.edge_s,
            baseline=None,
            linewidth=1.2,
            label=f"{policy} (mean in the measurement window {mean:,.0f})",
        )
    axes.set_title(f"{comparison.workload}, {comparison.cluster.workers} workers, seed {comparison.seeds[0]}")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("imbalance $G\\,M - \\sum_g L_g$ (tokens)")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    return figure

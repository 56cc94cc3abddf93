"""Imbalance over time as a picture."""

from pathlib import Path

from matplotlib.figure import Figure

from brgym.plumbing.pictures import write_picture
from brgym.study.comparison import Comparison
from brgym.study.pictures import draw_imbalance


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

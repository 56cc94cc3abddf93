"""The imbalance of several policies over time."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from brgym.plumbing.picture_style import for_paper, legend_below, new_figure, series
from brgym.study.pictures.units import in_thousands
from brgym.study.trial import ImbalanceOverTime


@for_paper
def draw_imbalance(curves: Mapping[str, ImbalanceOverTime], *, title: str = "") -> Figure:
    """Draws the imbalance I = G M - sum_g L_g over time, a line a policy.

    Args:
        curves: By what the legend calls them, see `ImbalanceOverTime.of`.
        title: What stands above.

    Raises:
        ValueError: If there is no curve.
    """
    if not curves:
        raise ValueError("curves is empty: nothing to draw")
    figure = new_figure(2, height_in=2.4)
    axes = figure.add_subplot()
    for number, (label, curve) in enumerate(curves.items()):
        look = series(number)
        axes.stairs(
            curve.imbalance_tokens,
            curve.edge_s,
            baseline=None,
            color=look.color,
            linestyle=look.linestyle,
            linewidth=1.1,
            label=label,
        )
    axes.set_title(title)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("imbalance $I$ (thousand tokens)")
    in_thousands(axes.yaxis)
    axes.set_xlim(0, max(float(curve.edge_s[-1]) for curve in curves.values()))
    axes.set_ylim(bottom=0)
    legend_below(figure, axes)
    return figure

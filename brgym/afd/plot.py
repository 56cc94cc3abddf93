"""Throughput along the ratio: the model, its regimes, and the simulations."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from brgym.afd.provisioning import Provision
from brgym.afd.report import RATIO_NAMES
from brgym.afd.sizing import Sizing

_COLOURS = {"attention": "C0", "communication": "C1", "ffn": "C2", "pipeline": "C4"}
_GRID = 400
_REACH = 6
"""The plot goes from the best ratio divided by so much to so many times it."""


def draw(sizing: Sizing) -> Figure:
    """Throughput per unit of cost along the ratio: every regime shaded where it binds, the best ratio marked."""
    p = sizing.provision
    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    ratios = np.geomspace(max(0.5, p.ratio / _REACH), _REACH * p.ratio, _GRID)
    _shade_regimes(axes, p, ratios)
    axes.plot(ratios, p.throughput(ratios), color="black", label=f"predicted ({p.method})")
    axes.axvline(p.ratio, color="black", linestyle="--", linewidth=1, label=f"best ratio {p.ratio:.2f}")
    for regime, ratio in p.regime_ratios.items():
        if ratios[0] < ratio < ratios[-1]:
            label = f"{RATIO_NAMES[regime]} {ratio:.2f}"
            axes.axvline(ratio, color=_COLOURS[regime], linestyle=":", linewidth=1.5, label=label)
    _plot_simulated(axes, sizing)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_xlim(ratios[0], ratios[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("attention workers per FFN server, r")
    axes.set_ylabel(f"tokens per {p.coefficients.time_unit} and unit of cost")
    source = f" ({p.coefficients.label})" if p.coefficients.label else ""
    axes.set_title(f"batch {p.batch}, {p.microbatches} microbatches{source}", fontsize="medium")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _shade_regimes(axes: Axes, provision: Provision, ratios: np.typing.NDArray[np.float64]) -> None:
    """Shades, regime by regime, the stretches of the ratio in which it sets the cycle."""
    binding = np.array([provision.regime_at(ratio) for ratio in ratios])
    for regime in dict.fromkeys(binding):
        axes.fill_between(
            ratios,
            0,
            1,
            where=binding == regime,
            transform=axes.get_xaxis_transform(),
            color=_COLOURS[regime],
            alpha=0.15,
            linewidth=0,
            label=f"{regime} sets the cycle",
        )


def _plot_simulated(axes: Axes, sizing: Sizing) -> None:
    """Simulated throughputs with their intervals; unequal costs of the instances are put in afterwards."""
    if not sizing.simulated:
        return
    ratios = np.array([result.ratio for result in sizing.simulated])
    per_cost = (ratios + 1) / (sizing.provision.attention_cost * ratios + sizing.provision.ffn_cost)
    throughput = per_cost * [result.throughput for result in sizing.simulated]
    ends = per_cost * np.transpose([result.throughput_ci for result in sizing.simulated])
    axes.errorbar(ratios, throughput, yerr=np.abs(ends - throughput), fmt="o", color="C3", capsize=3, label="simulated")

"""A provisioning result in words and figures."""

import numpy as np

from brgym.afd.cycle import Regime
from brgym.afd.provisioning import Provision

RATIO_NAMES: dict[Regime, str] = {"attention": "r_A", "communication": "r_C", "ffn": "r_peak"}
"""The paper's names of `Provision.regime_ratios`."""


def describe(provision: Provision) -> str:
    """Explains a result: the ratio and how sure it is, which regime binds, how far the next is, throughput along r."""
    return "\n".join([*headline(provision), "", *_table(provision), colocated(provision)])


def headline(p: Provision) -> list[str]:
    """The ratio and how sure it is, what was asked, which regime binds and how far the next is: a sentence a line."""
    interval = p.interval()
    sure = f" (95 % interval {interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    label = f" ({p.coefficients.label})" if p.coefficients.label else ""
    lines = [
        f"Best ratio: {p.ratio:.2f} attention workers per FFN server{sure}; as an integer {p.integer}.",
        f"Method {p.method}, batch {p.batch}, {p.microbatches} microbatches, "
        f"token load {p.load.theta:.1f} +- {p.load.nu:.1f} a slot.",
        f"Coefficients in {p.coefficients.time_unit}{label}.",
    ]
    if p.limited:
        lines.append(f"The TPOT limit of {p.limits.tpot:g} sets the ratio: larger ones are slower than it allows.")
    return [*lines, _regime(p)]


def _regime(p: Provision) -> str:
    ratios = ", ".join(f"{RATIO_NAMES[regime]} {ratio:.2f}" for regime, ratio in p.regime_ratios.items())
    cut, following = p.margin
    if following is None:
        return f"Regime: {p.regime} ({ratios}); no other regime is near."
    return f"Regime: {p.regime} ({ratios}); {following} would bind if that phase took {cut:.1%} less time."


def _table(p: Provision) -> list[str]:
    ratios = np.unique(np.clip([1, p.integer // 2, *range(p.integer - 2, p.integer + 3), 2 * p.integer], 1, None))
    columns = (p.throughput(ratios), p.cycle_time(ratios), p.tpot(ratios), p.idle_attention(ratios), p.idle_ffn(ratios))
    best = float(p.throughput(p.integer))
    rows = [
        f"{r:>6}{throughput:>14.5g}{throughput / best:>9.1%}{cycle:>12.5g}{tpot:>12.5g}{idle_a:>11.1%}{idle_f:>10.1%}"
        for r, throughput, cycle, tpot, idle_a, idle_f in zip(ratios, *columns, strict=True)
    ]
    return [
        f"{'r':>6}{'tokens/cost':>14}{'of best':>9}{'cycle':>12}{'TPOT':>12}{'idle att.':>11}{'idle FFN':>10}",
        *rows,
    ]


def colocated(p: Provision) -> str:
    """What instances that are not disaggregated would do, in a sentence."""
    throughput = p.colocated_throughput(cost=p.attention_cost)
    share = throughput / float(p.throughput(p.integer))
    return f"Not disaggregated, on instances that cost what attention's do: {throughput:.5g}, {share:.1%} of best."

"""A provisioning result with the simulations that confirm it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from brgym._checks import check_type
from brgym.afd.bundle import BundleResult, check_ratios, simulate_ratios
from brgym.afd.provisioning import Provision
from brgym.afd.requests import Lengths, Sampler
from brgym.plumbing.files import without_nan

_MOST_POINTS = 7
"""Ratios simulated by default."""


@dataclass(frozen=True)
class Sizing:
    """What the formulas say, and what simulations say at some ratios.

    Attributes:
        provision: The formulas' answer.
        simulated: One simulation a ratio, by ascending ratio; none if none was asked for.
    """

    provision: Provision
    simulated: tuple[BundleResult, ...] = ()

    @property
    def best_simulated(self) -> BundleResult | None:
        """The simulation of most throughput per instance."""
        return max(self.simulated, key=lambda result: result.throughput, default=None)


def ratios_about(provision: Provision) -> list[int]:
    """Integer ratios from half of the best to twice it, in equal proportions; the best is among them."""
    best = provision.integer
    spread = np.geomspace(max(1.0, best / 2), max(2.0, 2 * best), _MOST_POINTS)
    return sorted({best, *(round(ratio) for ratio in spread)})


def confirm(
    provision: Provision,
    workload: Lengths | Sampler,
    *,
    ratios: Sequence[int] | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> Sizing:
    """Simulates the bundle of a provisioning result at several ratios, on the same loads, its phases pipelined.

    Args:
        provision: The formulas' answer.
        workload: What they were asked about; see `simulate_bundle`.
        ratios: Ratios to simulate; by default `ratios_about`.
        steps: As in `simulate_bundle`.
        seed: Seed of every simulation.

    Raises:
        ValueError: As `simulate_bundle`.
    """
    check_type("provision", provision, Provision)
    results = simulate_ratios(
        provision.coefficients,
        workload,
        ratios=sorted(ratios_about(provision) if ratios is None else check_ratios(ratios)),
        batch=provision.batch,
        microbatches=provision.microbatches,
        steps=steps,
        seed=seed,
    )
    return Sizing(provision, tuple(results))


def as_document(sizing: Sizing) -> dict[str, Any]:
    """Everything that a sizing found, in types that JSON knows; times are in the coefficients' unit."""
    p = sizing.provision
    ratios = ratios_about(p)
    columns = {
        "throughput": p.throughput(ratios),
        "cycle_time": p.cycle_time(ratios),
        "tpot": p.tpot(ratios),
        "idle_attention": p.idle_attention(ratios),
        "idle_ffn": p.idle_ffn(ratios),
    }
    document = {
        "coefficients": asdict(p.coefficients),
        "batch": p.batch,
        "microbatches": p.microbatches,
        "method": p.method,
        "attention_cost": p.attention_cost,
        "ffn_cost": p.ffn_cost,
        "limits": asdict(p.limits),
        "load": {
            "theta": p.load.theta,
            "theta_interval": p.load.theta_interval(),
            "nu": p.load.nu,
            "nu_interval": p.load.nu_interval(),
            "skewness": p.load.skewness,
        },
        "ratio": p.ratio,
        "ratio_interval": p.interval(),
        "integer": p.integer,
        "limited": p.limited,
        "regime": p.regime,
        "regime_ratios": p.regime_ratios,
        "margin": p.margin._asdict(),
        "predicted": [
            {"ratio": ratio} | {name: float(values[row]) for name, values in columns.items()}
            for row, ratio in enumerate(ratios)
        ],
        "colocated_throughput": p.colocated_throughput(cost=p.attention_cost),
        "simulated": [asdict(result) for result in sizing.simulated],
    }
    finite: dict[str, Any] = without_nan(document)  # JSON knows no infinity
    return finite

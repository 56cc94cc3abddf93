"""The highest load at which a router keeps to a service-level objective, by bisection, seed by seed (`brgym saturate`).

Under one seed every policy meets the same requests, with arrivals that come from the same draws and are only stretched
in time, so that differences between policies are paired. Each bisection is a cell of the study engine: what has been
found is kept, and a run that was killed goes on.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from brgym._checks import check_choice, check_integer, check_real
from brgym._specification import split_parameters
from brgym.cluster import ClusterConfig, Oversize, Reals
from brgym.study.engine import Figures, Progress, run_whole
from brgym.study.named_workload import NamedWorkload
from brgym.study.policy_choice import PolicyChoice
from brgym.study.shown_figures import rated_figures, shown
from brgym.study.simulation import Simulation
from brgym.study.summary import PolicySummary, summarise


@dataclass(frozen=True)
class Objective:
    """What a run must keep to: bounds of its figures, upper ones where lower is better, lower ones elsewhere.

    Attributes:
        bounds: Names of figures and their bounds, in the figures' own units (s, tokens, ...).
    """

    bounds: tuple[tuple[str, float], ...]

    @classmethod
    def parse(cls, text: str) -> "Objective":
        """Reads `tpot_s_p95=0.05,ttft_s_p99=2`.

        Raises:
            ValueError: If a figure is unknown, or a bound is no number.
        """
        try:
            read = split_parameters(text)
        except ValueError as error:
            raise ValueError(f"slo: {error}") from None
        bounds = []
        for name, written in read.items():
            check_choice("figure in slo", name, rated_figures())
            try:
                bounds.append((name, check_real(f"slo: {name}", float(written))))
            except ValueError:
                raise ValueError(f"slo: {name} must be a number, got {written!r}") from None
        return cls(tuple(bounds))

    def met_by(self, figures: Mapping[str, Any]) -> bool:
        """Whether a run keeps to all of it; a figure that is not there is not kept to."""
        return all(_keeps(name, figures[name], bound) for name, bound in self.bounds)

    def __str__(self) -> str:
        signs = {True: "<=", False: ">="}
        return ", ".join(f"{name} {signs[_lower(name)]} {bound:g}" for name, bound in self.bounds)


@dataclass(frozen=True, kw_only=True)
class Search:
    """One bisection: a policy under one seed.

    Attributes:
        cluster: The cluster.
        source: The requests, without a load.
        policy: The policy.
        seed: Seed of requests and policy.
        objective: What must be kept to.
        low: Lowest load, as a share of capacity.
        high: Highest load.
        precision: How near the two ends come to each other.
        oversize: As in `simulate`.
    """

    cluster: ClusterConfig
    source: NamedWorkload
    policy: PolicyChoice
    seed: int
    objective: Objective
    low: float
    high: float
    precision: float
    oversize: Oversize

    @property
    def specification(self) -> Mapping[str, Any]:
        """All that decides what is found."""
        return {
            "study": "saturation",
            "at the low end": dict(self._at(self.low).specification),
            "objective": [list(bound) for bound in self.objective.bounds],
            "ends": [self.low, self.high, self.precision],
        }

    @property
    def shares(self) -> Hashable:
        """The requests."""
        return self.source, self.seed

    @property
    def interpreted(self) -> bool:
        """As that of its runs."""
        return self._at(self.low).interpreted

    def run(self) -> Figures:
        """The bisection.

        Returns:
            `kept`, the highest load found to keep to the objective, and `missed`, the lowest found not to; None where
            the ends do not enclose them. `rate_per_s`: requests per second at the former.
        """
        if not self._keeps_at(self.low):
            return {"kept": None, "missed": self.low, "rate_per_s": 0.0}
        if self._keeps_at(self.high):
            return {"kept": self.high, "missed": None, "rate_per_s": self._rate_per_s(self.high)}
        kept, missed = self.low, self.high
        while missed - kept > self.precision:
            middle = (kept + missed) / 2
            kept, missed = (middle, missed) if self._keeps_at(middle) else (kept, middle)
        return {"kept": kept, "missed": missed, "rate_per_s": self._rate_per_s(kept)}

    def _keeps_at(self, load: float) -> bool:
        return self.objective.met_by(self._at(load).run())

    def _rate_per_s(self, load: float) -> float:
        return load * self.source.unplaced().workload(self.seed).capacity(self.cluster)

    def _at(self, load: float) -> Simulation:
        source = replace(self.source, load=load).on(self.cluster)
        return Simulation(self.cluster, source, self.policy, self.seed, self.oversize)


@dataclass(frozen=True)
class Saturation:
    """What was found.

    Attributes:
        objective: What had to be kept to.
        loads: The highest load of each policy, shape (seeds,); the low end's where not even that keeps to it.
        rates_per_s: The same in requests per second; 0 where not even the low end keeps to it.
        below: How many seeds of each policy miss the objective at the low end: their loads are too high.
        above: How many keep to it at the high end: their loads are too low.
        rows: Means, ratios and differences of the loads, with what may be claimed.
    """

    objective: Objective
    loads: dict[str, Reals]
    rates_per_s: dict[str, Reals]
    below: dict[str, int]
    above: dict[str, int]
    rows: tuple[PolicySummary, ...]


def saturate(
    cluster: ClusterConfig,
    source: NamedWorkload,
    policies: Sequence[PolicyChoice],
    seeds: Sequence[int],
    objective: Objective,
    out: Path,
    *,
    reference: str,
    low: float = 0.3,
    high: float = 1.5,
    precision: float = 0.01,
    oversize: Oversize = "error",
    jobs: int = -1,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Saturation:
    """Finds the highest load of each policy under each seed.

    Args:
        cluster: The cluster.
        source: The requests, without a load.
        policies: The policies.
        seeds: Seeds of requests and policies.
        objective: What must be kept to.
        out: Folder in which is kept what has been found.
        reference: Label of the policy that the others are compared with.
        low: Lowest load, as a share of capacity, above 0.
        high: Highest load, above `low`.
        precision: How near the two ends of a bisection come to each other, above 0.
        oversize: As in `simulate`.
        jobs: Bisections side by side; -1: as many as there are cores.
        on_progress: As `brgym.study.engine.run_into`.

    Raises:
        ValueError: If an argument is out of range, the requests have a load already, or a run fails.
        OSError: If the folder cannot be written.
    """
    check_real("low", low, minimum=0.0, exclusive=True)
    check_real("high", high, minimum=low, exclusive=True)
    check_real("precision", precision, minimum=1e-6)
    for seed in seeds:
        check_integer("seeds", seed, minimum=0)
    if source.load is not None or source.rate_scale != 1.0:
        raise ValueError("load and rate_scale have no place here: the load is what is looked for")
    labels = [policy.label for policy in policies]
    check_choice("reference", reference, labels)
    searches = [
        Search(
            cluster=cluster,
            source=source,
            policy=policy,
            seed=seed,
            objective=objective,
            low=low,
            high=high,
            precision=precision,
            oversize=oversize,
        )
        for policy in policies
        for seed in seeds
    ]
    found = run_whole(out, searches, jobs=jobs, on_progress=on_progress)
    by_policy = {label: found[place * len(seeds) : (place + 1) * len(seeds)] for place, label in enumerate(labels)}
    loads = {
        label: np.array([low if run["kept"] is None else run["kept"] for run in runs])
        for label, runs in by_policy.items()
    }
    return Saturation(
        objective=objective,
        loads=loads,
        rates_per_s={label: np.array([run["rate_per_s"] for run in runs]) for label, runs in by_policy.items()},
        below={label: sum(run["kept"] is None for run in runs) for label, runs in by_policy.items()},
        above={label: sum(run["missed"] is None for run in runs) for label, runs in by_policy.items()},
        rows=summarise(loads, reference),
    )


def as_rows(found: Saturation, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """A row a policy and seed: the load and the rate."""
    return [
        {"policy": label, "seed": seed, "load": float(load), "rate_per_s": float(rate)}
        for label in found.loads
        for seed, load, rate in zip(seeds, found.loads[label], found.rates_per_s[label], strict=True)
    ]


def as_document(found: Saturation, seeds: Sequence[int]) -> dict[str, Any]:
    """Everything that was found, in types that JSON knows."""
    return {
        "objective": dict(found.objective.bounds),
        "policies": [
            asdict(row) | {"below": found.below[row.policy], "above": found.above[row.policy]} for row in found.rows
        ],
        "runs": as_rows(found, seeds),
    }


def _lower(figure: str) -> bool:
    return shown(figure).better == "lower"


def _keeps(figure: str, value: float | None, bound: float) -> bool:
    if value is None or math.isnan(value):
        return False
    return value <= bound if _lower(figure) else value >= bound

"""Runs several policies under the same seeds."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from brgym._checks import check_choice, check_seed, shown
from brgym.cluster import ClusterConfig, Oversize, Slo
from brgym.study.comparison import Comparison
from brgym.study.engine import run_cells
from brgym.study.named_workload import NamedWorkload
from brgym.study.policy_choice import PolicyChoice
from brgym.study.trial import PolicyFactory, Trial, TrialCell
from brgym.study.workload_source import WorkloadSource


def compare(
    cluster: ClusterConfig,
    source: WorkloadSource,
    policies: Mapping[str, PolicyFactory | PolicyChoice],
    seeds: Sequence[int],
    *,
    reference: str | None = None,
    oversize: Oversize = "error",
    slo: Slo | None = None,
    jobs: int = -1,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> Comparison:
    """Serves each seed's requests once with each policy.

    Seeds are paired: under one seed every policy meets the same requests. The runs go side by side in threads, for the
    cluster and its policies are compiled code that needs no interpreter; where a policy decides in Python, in
    processes. The outcome does not depend on it, but for the routing times, which are wall-clock times.

    Args:
        cluster: The cluster.
        source: Gives the requests of each seed.
        policies: How to make each policy, by the name that it bears in the results; a `PolicyChoice` has its predictor
            made for each seed, for which `source` must be a `NamedWorkload`.
        seeds: Seeds of requests and policies, each at least 0.
        reference: The policy that ratios refer to; by default "jsq", or the first where it is not among them.
        oversize: What happens to requests that could never fit a worker: "error" or "drop" (left out and counted).
        slo: As in `simulate`.
        jobs: How many runs go side by side; -1: as many as there are cores.
        on_trial: Told of each run that has ended, in order.

    Raises:
        TypeError: If `seeds` or `jobs` is of the wrong type, or a `PolicyChoice` meets another source.
        ValueError: If there is no policy or no seed, a seed is negative or comes twice, `jobs` is neither -1 nor in
            1..1024, `reference` is not among the policies, or as `brgym.cluster.simulate`.
    """
    _check_seeds(seeds)
    named = _reference(policies, reference)
    check_choice("oversize", oversize, ("error", "drop"))
    workloads = [source.workload(seed) for seed in (seeds if source.drawn_per_seed else seeds[:1])]
    cells = [
        TrialCell(cluster, workload, policy, _factory(make, source, seed), seed, oversize, slo)
        for seed, workload in zip(seeds, itertools.cycle(workloads), strict=False)
        for policy, make in policies.items()
    ]
    trials = run_cells(cells, jobs=jobs, on_outcome=on_trial)
    return Comparison(
        cluster=cluster,
        workload=source.described if isinstance(source, NamedWorkload) else source.name,
        drawn_per_seed=source.drawn_per_seed,
        fingerprints=tuple(workload.fingerprint() for workload in workloads),
        summaries=tuple(workload.summary() for workload in workloads),
        oversize=oversize,
        seeds=tuple(seeds),
        reference=named,
        trials=tuple(trials),
    )


def _factory(policy: PolicyFactory | PolicyChoice, source: WorkloadSource, seed: int) -> PolicyFactory:
    if not isinstance(policy, PolicyChoice):
        return policy
    if not isinstance(source, NamedWorkload):
        raise TypeError(f"policy {policy.label} needs a NamedWorkload, got {source!r}")
    return functools.partial(policy.make, source, seed)


def _check_seeds(seeds: Sequence[int]) -> None:
    if isinstance(seeds, str | bytes) or np.ndim(seeds) != 1:
        raise TypeError(f"seeds must be a sequence of whole numbers, got {shown(seeds)}")
    if len(seeds) == 0:
        raise ValueError("seeds is empty: at least one is needed")
    for seed in seeds:
        check_seed("seeds", seed)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ, got {list(seeds)}")


def _reference(policies: Mapping[str, object], reference: str | None) -> str:
    if not policies:
        raise ValueError("policies is empty: at least one is needed")
    if reference is not None:
        return check_choice("reference", reference, policies)
    return "jsq" if "jsq" in policies else next(iter(policies))

"""Serves the cells of the study: what is stored already is read, the rest runs side by side in processes."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from joblib import Parallel, delayed

import baselines
from brgym.cluster import Policy, envelope_token_steps, lower_bound, servable, simulate
from brgym.study.reproduce.balance_route.settings import Cell, PredictorSpec, Router
from brgym.study.reproduce.balance_route.workloads import StudyWorkload
from brgym.study.reproduce.store import Figures, Store
from brgym.workload import Workload
from classifiers import ExactMatch, Noisy, Oracle, Predictor, Survival


def run_cells(
    cells: Sequence[Cell],
    workloads: Mapping[str, StudyWorkload],
    store: Store,
    *,
    code: str,
    jobs: int,
    on_cell: Callable[[Cell], None],
) -> dict[Cell, Figures]:
    """The figures of every cell, in the order of the cells, whatever is stored and however many run side by side.

    Args:
        cells: The cells.
        workloads: The workloads that they name.
        store: Where results are found and kept.
        code: Digest of the code that runs (`digest_of_modules`); results of other code are not reused.
        jobs: Processes; -1: as many as there are cores. (BR-H asks its predictor in Python, which threads would share.)
        on_cell: Told of each cell that is done.

    Raises:
        ValueError: If a stored file is another cell's, or as `brgym.cluster.simulate`.
        OSError: If a result cannot be written.
    """
    requests = _Requests(workloads)
    specifications = {cell: requests.specification(cell) | {"code": code} for cell in cells}
    found = {cell: store.load(specification) for cell, specification in specifications.items()}
    pending = [cell for cell in cells if found[cell] is None]
    for cell in cells:
        if found[cell] is not None:
            on_cell(cell)
    tasks = (delayed(_run_into)(store, specifications[cell], cell, *requests.of(cell)) for cell in pending)
    for cell, figures in zip(pending, Parallel(n_jobs=jobs, return_as="generator")(tasks), strict=True):
        found[cell] = figures
        on_cell(cell)
    return {cell: figures for cell, figures in found.items() if figures is not None}


def run_cell(cell: Cell, served: Workload, training: Workload | None) -> Figures:
    """Runs one cell.

    Args:
        cell: The cell.
        served: The requests.
        training: What a predictor that learns is fitted on.

    Returns:
        The figures of `Metrics.as_dict`, and beside them what `recovered` and throughput of the whole run need.
    """
    cluster = cell.setting.cluster
    policy = make_policy(cell.setting.router, training, cell.seed)
    result = simulate(cluster, served, policy, cell.seed, oversize="drop")
    bound = lower_bound(cluster, served.take(servable(cluster, served)))
    figures = result.metrics.as_dict() | {
        "output_tokens": int(served.output_tokens[result.requests["worker"] >= 0].sum()),
        "envelope_token_steps": envelope_token_steps(result.steps),
        "envelope_token_steps_bound": bound.envelope_token_steps,
        "makespan_s_bound": bound.makespan_s,
    }
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def make_policy(router: Router, training: Workload | None, seed: int) -> Policy:
    """Makes the policy of a run; noise in its predictor is decided by the run's seed."""
    if router.predictor is None:
        return baselines.make(router.policy, **dict(router.options))
    predictor = _make_predictor(router.predictor, training, seed)
    return baselines.make(router.policy, predictor=predictor, **dict(router.options))


def _make_predictor(spec: PredictorSpec, training: Workload | None, seed: int) -> Predictor:
    options: dict[str, Any] = dict(spec.options)
    if spec.kind == "noisy":
        return Noisy(seed=seed, **options)
    if spec.kind == "oracle":
        return Oracle()
    assert training is not None
    return (Survival() if spec.kind == "survival" else ExactMatch()).fit(training)


def _run_into(
    store: Store, specification: dict[str, Any], cell: Cell, served: Workload, training: Workload | None
) -> Figures:
    figures = run_cell(cell, served, training)
    store.save(specification, figures)
    return figures


class _Requests:
    """The requests of each cell, kept while they are likely to be asked for again."""

    def __init__(self, workloads: Mapping[str, StudyWorkload]) -> None:
        self._served = lru_cache(maxsize=64)(lambda name, seed: workloads[name].served(seed))
        self._training = lru_cache(maxsize=64)(lambda name, seed: workloads[name].training(seed))

    def of(self, cell: Cell) -> tuple[Workload, Workload | None]:
        """What a cell serves, and what its predictor learns from."""
        setting = cell.setting
        learns = setting.router.predictor is not None and setting.router.predictor.learns
        training = self._training(setting.workload, cell.seed) if learns else None
        return self._served(setting.workload, cell.seed), training

    def specification(self, cell: Cell) -> dict[str, Any]:
        """All that defines a cell, the requests by their fingerprints."""
        served, training = self.of(cell)
        prints = {"served": served.fingerprint(), "training": None if training is None else training.fingerprint()}
        return cell.as_dict() | {"requests": prints}

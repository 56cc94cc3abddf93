"""What prediction is worth in balance: BR-H with predictors of any quality, beside BR-0 and the oracle."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

import baselines
from baselines.balance_route.br_h import Projection
from brgym._checks import check_integer
from brgym.cluster import ClusterConfig
from brgym.plumbing.pictures import write_picture
from brgym.study.compare import compare
from brgym.study.comparison import Comparison
from brgym.study.pictures import Predicted, draw_prediction
from brgym.study.trial import Trial
from brgym.study.workload_source import Drawn
from brgym.workload import Workload
from classifiers import Noisy, Oracle, Predictor

NOISE_AUC = (0.6, 0.8, 0.9, 0.95, 0.99)
"""Areas under the ROC curve of the oracles that are made worse on purpose."""

REFERENCE = "br-0"
"""The policy that predicts nothing."""

ORACLE = "oracle"


def policy_name(predictor: str) -> str:
    """What BR-H with a predictor is called in the results."""
    return f"br-h, {predictor}"


def noisy_oracles() -> dict[str, Noisy]:
    """Oracles made worse on purpose, by name, from the worst to the best."""
    return {f"noisy, AUC {auc:g}": Noisy(auc=auc) for auc in NOISE_AUC}


def compare_predictors(
    name: str,
    pool: Workload,
    predictors: Mapping[str, Predictor],
    *,
    cluster: ClusterConfig,
    requests: int,
    seeds: int,
    horizon: int | Literal["auto"],
    projection: Projection,
    refill: bool = False,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> Comparison:
    """Serves requests with BR-H and each predictor, beside BR-0 and BR-H with the oracle, under paired seeds.

    Args:
        name: What to call the workload.
        pool: The requests, none of which the predictors have learned from.
        predictors: By name, see `policy_name`.
        cluster: The cluster.
        requests: How many each seed draws from the pool, with replacement so that seeds differ even where it has fewer;
            all wait at time 0, in their order.
        seeds: Number of seeds, at least 1.
        horizon: H, in steps, or "auto".
        projection: BR-H's projection.
        refill: Whether BR-H counts slots that will empty as filled again.
        on_trial: Told of each run that has ended.

    Raises:
        ValueError: If a parameter is out of range.
    """
    check_integer("seeds", seeds, minimum=1)
    check_integer("requests", requests, minimum=1)

    def draw(seed: int) -> Workload:
        return pool.take(np.sort(np.random.default_rng(seed).integers(len(pool), size=requests))).backlog()

    options = {"horizon": horizon, "projection": projection, "refill": refill}
    policies = {REFERENCE: partial(baselines.make, REFERENCE)} | {
        policy_name(known): partial(baselines.make, "br-h", predictor=predictor, **options)
        for known, predictor in {**predictors, ORACLE: Oracle()}.items()
    }
    source = Drawn(name, draw)
    return compare(
        cluster, source, policies, range(seeds), reference=REFERENCE, oversize="drop", jobs=1, on_trial=on_trial
    )


def write_worth_plot(comparison: Comparison, auc: Mapping[str, float], path: Path) -> None:
    """Writes a picture: imbalance of BR-0's against the area under the ROC curve of "ends within the horizon".

    Args:
        comparison: What `compare_predictors` found.
        auc: Of the predictors that have learned, by name; the noisy oracles among the policies form the curve.
        path: The file.

    Raises:
        OSError: If the file cannot be written.
    """
    on_curve = {noisy: predictor.auc or 0.5 for noisy, predictor in noisy_oracles().items()} | {ORACLE: 1.0}
    points = [
        Predicted(name, at, comparison.ratio(policy_name(name), "imbalance_mean"), family)
        for family, known in (("oracle, made worse by noise", on_curve), ("learned", auc))
        for name, at in known.items()
        if policy_name(name) in comparison.policies
    ]
    drawn = draw_prediction(
        points,
        error_label="AUC of ending within the horizon",
        label=f"imbalance of BR-H, ratio to {comparison.reference}",
        levels={comparison.reference: 1.0},
        columns=2,
    )
    write_picture(drawn, path)

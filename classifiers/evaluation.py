"""What a predictor is worth on requests that it has not seen: figures with intervals, by age, and a permutation test.

The ages of one request depend on each other, so the bootstrap draws requests, not snapshots: each replicate weighs a
request's snapshots by how often the request was drawn. All predictors meet the same snapshots and the same replicates,
and their differences are taken replicate by replicate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from brgym._checks import check_integer, check_seed
from brgym.cluster import Integers, Reals
from brgym.workload import Workload
from classifiers.interface import FromThePast
from classifiers.scores import LOWER_IS_BETTER, Predictions, Scorer, log_losses, predictions_of
from classifiers.snapshots import OF_ADMISSION, Snapshots, check_both_classes, sample_snapshots

CONFIDENCE = 0.95
"""Probability of the intervals."""

AGE_EDGES = (0, 16, 64, 256, 1024, 4096)
"""Ages, in tokens, at which the buckets begin."""


@dataclass(frozen=True)
class Interval:
    """A figure and its bootstrap interval (percentiles)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """What one predictor is worth.

    Attributes:
        figures: Every figure of `LOWER_IS_BETTER`.
        against: The same figures less those of the reference, paired; empty where there is none.
        by_age: The figures' values by age bucket; the key is the age in tokens at which it begins.
        share_by_age: Share of the snapshots in each bucket.
        predictions: What was said of each snapshot.
    """

    figures: dict[str, Interval]
    against: dict[str, Interval]
    by_age: dict[int, dict[str, float]]
    share_by_age: dict[int, float]
    predictions: Predictions

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain numbers, for JSON."""
        return {
            "figures": {name: vars(interval) for name, interval in self.figures.items()},
            "against_survival": {name: vars(interval) for name, interval in self.against.items()},
            "by_age": {str(age): figures for age, figures in self.by_age.items()},
            "share_by_age": {str(age): share for age, share in self.share_by_age.items()},
        }


def held_out_snapshots(
    workload: Workload, horizon: int, *, count: int = 20_000, seed: int = 1, admit_s: Reals | None = None
) -> Snapshots:
    """Snapshots of held-out requests, whose ends are known to whoever evaluates.

    Raises:
        ValueError: If all of them end within the horizon, or none does; or as `sample_snapshots`.
    """
    snapshots = sample_snapshots(workload, count, seed=seed, step_s=None, admit_s=admit_s)
    check_both_classes(snapshots, horizon)
    return snapshots


def evaluate(
    predictors: Mapping[str, FromThePast],
    snapshots: Snapshots,
    horizon: int,
    *,
    reference: str | None = None,
    replicates: int = 200,
    seed: int = 0,
) -> dict[str, Evaluation]:
    """Evaluates predictors side by side.

    Args:
        predictors: Fitted predictors by name.
        snapshots: Of requests that none of them has seen, with known ends, see `held_out_snapshots`.
        horizon: H, in steps.
        reference: Whose figures are taken off those of the others; none by default.
        replicates: Bootstrap replicates, at least 20.
        seed: Decides the replicates.

    Raises:
        ValueError: If a parameter is out of range or `reference` is not among the predictors.
    """
    check_integer("replicates", replicates, minimum=20)
    check_seed("seed", seed)
    if reference is not None and reference not in predictors:
        raise ValueError(f"reference {reference!r} is not among the predictors: {', '.join(predictors)}")
    weights = _request_weights(snapshots.request, replicates, np.random.default_rng(seed))
    said = {name: predictions_of(predictor, snapshots, horizon) for name, predictor in predictors.items()}
    tables = {name: _score_table(predictions, weights) for name, predictions in said.items()}
    base = None if reference is None else tables[reference]
    return {
        name: Evaluation(
            figures=_intervals(table),
            against={} if base is None or name == reference else _intervals(table - base),
            by_age=_by_age(said[name], snapshots),
            share_by_age=_shares(snapshots),
            predictions=said[name],
        )
        for name, table in tables.items()
    }


@dataclass(frozen=True)
class PermutationTest:
    """Whether what a predictor knows beyond the age helps.

    Attributes:
        log_loss: Its log loss on held-out snapshots.
        permuted: The same after each permutation, shape (permutations,).
    """

    log_loss: float
    permuted: Reals

    @property
    def p_value(self) -> float:
        """Chance of a log loss as low if what is known at admission said nothing about the output."""
        return float((1 + np.count_nonzero(self.permuted <= self.log_loss)) / (1 + len(self.permuted)))


def permutation_test(
    predictor: FromThePast, snapshots: Snapshots, horizon: int, *, permutations: int = 99, seed: int = 0
) -> PermutationTest:
    """Tests whether there is anything to be learned beyond the age.

    Under the null hypothesis that outputs do not depend on what is known of a request at its admission, held-out
    requests may exchange prompt, hash, arrival and admission without any difference; the age of a snapshot and what
    came of it stay. Whole requests exchange, for the snapshots of one depend on each other.
    """
    check_integer("permutations", permutations, minimum=1)
    rng = np.random.default_rng(check_seed("seed", seed))
    requests, first, member = np.unique(snapshots.request, return_index=True, return_inverse=True)

    def loss(giver: Integers) -> float:
        source = first[giver][member]
        exchanged = replace(snapshots, **{name: getattr(snapshots, name)[source] for name in OF_ADMISSION})
        ending = 1.0 - predictor.survival(exchanged, horizon)[:, -1]
        return float(log_losses(ending, snapshots.seen_steps <= horizon).mean())

    permuted = [loss(rng.permutation(len(requests))) for _ in range(permutations)]
    return PermutationTest(loss(np.arange(len(requests))), np.array(permuted))


def _request_weights(request: Integers, replicates: int, rng: np.random.Generator) -> list[Reals]:
    """Weights of the snapshots: all 1 first, then one set a replicate."""
    _, member = np.unique(request, return_inverse=True)
    count = int(member.max()) + 1
    drawn = (np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(replicates))
    return [np.ones(len(request)), *(times[member].astype(np.float64) for times in drawn)]


def _score_table(predictions: Predictions, weights: list[Reals]) -> Reals:
    """Figures by row of weights, shape (1 + replicates, figures)."""
    scorer = Scorer(predictions)
    return np.array([list(scorer.scores(weight).values()) for weight in weights])


def _intervals(table: Reals) -> dict[str, Interval]:
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.nanquantile(table[1:], [tail, 1.0 - tail], axis=0)
    return {
        name: Interval(float(table[0, column]), float(low[column]), float(high[column]))
        for column, name in enumerate(LOWER_IS_BETTER)
    }


def _buckets(snapshots: Snapshots) -> Integers:
    return np.searchsorted(AGE_EDGES, snapshots.active_generated_tokens, side="right") - 1


def _shares(snapshots: Snapshots) -> dict[int, float]:
    counts = np.bincount(_buckets(snapshots), minlength=len(AGE_EDGES))
    return {age: float(count / len(snapshots)) for age, count in zip(AGE_EDGES, counts, strict=True) if count}


def _by_age(predictions: Predictions, snapshots: Snapshots) -> dict[int, dict[str, float]]:
    scorer, bucket = Scorer(predictions), _buckets(snapshots)
    return {AGE_EDGES[place]: scorer.scores((bucket == place).astype(np.float64)) for place in np.unique(bucket)}

"""A comparison as JSON (everything) and CSV (one row a run)."""

import dataclasses
from pathlib import Path
from typing import Any

import brgym
from brgym.plumbing.files import without_nan, write_document, write_rows
from brgym.study.comparison import Comparison
from brgym.study.statistics import CONFIDENCE, Estimate
from brgym.study.trial import Trial

WALL_CLOCK = ("routing_time_p50_s", "routing_time_p99_s")
"""The figures that differ from one repetition of a study to the next."""


def write_json(comparison: Comparison, path: Path) -> None:
    """Writes `as_document`; NaN, which JSON does not know, becomes null.

    Raises:
        OSError: If the file cannot be written.
    """
    write_document(as_document(comparison), path)


def write_csv(comparison: Comparison, path: Path) -> None:
    """Writes one row a run: policy, seed, every figure, and in the last columns the wall-clock routing times.

    Raises:
        OSError: If the file cannot be written.
    """
    rows = [
        {"policy": trial.policy, "seed": trial.seed} | trial.metrics.as_dict() | _wall_clock(trial)
        for trial in comparison.trials
    ]
    write_rows(rows, path)


def as_document(comparison: Comparison) -> dict[str, Any]:
    """Everything that a comparison found, in types that JSON knows.

    The same study gives the same document on any number of processes, but for the part `wall_clock`.
    """
    document = {
        "brgym": brgym.__version__,
        "cluster": dataclasses.asdict(comparison.cluster),
        "workload": {
            "name": comparison.workload,
            "drawn_per_seed": comparison.drawn_per_seed,
            "fingerprints": list(comparison.fingerprints),
            "summaries": [dataclasses.asdict(summary) for summary in comparison.summaries],
            "oversize": comparison.oversize,
        },
        "seeds": list(comparison.seeds),
        "reference": comparison.reference,
        "confidence": CONFIDENCE,
        "summary": [
            {"policy": policy, "figure": figure} | _estimates(comparison, policy, figure)
            for policy in comparison.policies
            for figure in comparison.figures
        ],
        "trials": [
            {"policy": trial.policy, "seed": trial.seed, "figures": trial.metrics.as_dict()}
            for trial in comparison.trials
        ],
        "wall_clock": [
            {"policy": trial.policy, "seed": trial.seed} | _wall_clock(trial) for trial in comparison.trials
        ],
    }
    finite: dict[str, Any] = without_nan(document)
    return finite


def _wall_clock(trial: Trial) -> dict[str, float]:
    return {name: getattr(trial.metrics, name) for name in WALL_CLOCK}


def _estimates(comparison: Comparison, policy: str, figure: str) -> dict[str, Any]:
    return {
        "mean": _interval(comparison.mean(policy, figure)),
        "difference": _interval(comparison.difference(policy, figure)),
        "ratio": _interval(comparison.ratio(policy, figure)),
    }


def _interval(estimate: Estimate) -> dict[str, float]:
    return {"estimate": estimate.mean, "low": estimate.low, "high": estimate.high}

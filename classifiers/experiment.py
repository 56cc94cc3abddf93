"""One experiment: hold out the latest requests, train on the others, keep what was trained, and take it up again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brgym._checks import check_integer, check_real
from brgym.cluster import Reals
from brgym.workload import Workload
from classifiers import registry, storage
from classifiers.evaluation import held_out_snapshots
from classifiers.learned import MAX_RANDOM_STATE, LearnedPredictor, Monitor
from classifiers.snapshots import Snapshots, training_fingerprint

EVALUATION = "evaluation.json"
"""File beside a predictor's own, with its figures on the held-out requests."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What the predictors of one experiment share.

    Attributes:
        name: What to call the workload.
        training: The earlier requests.
        held_out: The later ones, which no predictor sees before it is evaluated.
        horizon: H, in steps.
        seed: Random state of the models.
        snapshots: Of the held-out requests.
        admit_s: Admissions of the training requests in a run, see `classifiers.snapshots.admissions`; None: no run.
    """

    name: str
    training: Workload
    held_out: Workload
    horizon: int
    seed: int
    snapshots: Snapshots
    admit_s: Reals | None = None

    @classmethod
    def of(
        cls,
        name: str,
        workload: Workload,
        *,
        horizon: int,
        held_out: float = 0.3,
        seed: int = 0,
        admit_s: Reals | None = None,
    ) -> "Experiment":
        """Splits a workload, and the admissions of its requests, by time; `held_out` is a share of the requests.

        Raises:
            ValueError: If a parameter is out of range, if a part of the split would be empty, or if the held-out
                requests all end within the horizon or none does.
        """
        check_integer("horizon", horizon, minimum=1)
        check_integer("seed", seed, minimum=0, maximum=MAX_RANDOM_STATE)
        share = check_real("held_out", held_out, minimum=0.0, maximum=1.0, exclusive=True)
        if share == 1.0:
            raise ValueError("held_out must be below 1, got 1: no request would be left to learn from")
        training, later = workload.split_by_time(1.0 - share)
        longest = int(training.output_tokens.max())
        if horizon >= longest:
            raise ValueError(
                f"horizon {horizon} is not shorter than the longest output of the training requests ({longest} tokens)"
            )
        admitted, admitted_later = (None, None) if admit_s is None else np.split(admit_s, [len(training)])
        return cls(
            name=name,
            training=training,
            held_out=later,
            horizon=horizon,
            seed=seed,
            snapshots=held_out_snapshots(later, horizon, admit_s=admitted_later),
            admit_s=admitted,
        )

    def models(self) -> list[str]:
        """Names of all models that can learn from the workload: exact-match needs prompt hashes."""
        hashed = self.training.prompt_hash is not None
        return [name for name in registry.names() if hashed or name != "exact-match"]

    def trained(self, model: str, folder: Path, *, overwrite: bool, monitor: Monitor) -> tuple[Any, bool]:
        """Trains a model and saves it; or loads it where that was done before.

        Returns:
            The predictor, and whether it was there already.

        Raises:
            ValueError: If the folder holds another predictor and `overwrite` is not set, or as `fit`.
        """
        predictor = registry.make(model, **self._parameters(model))
        learned = isinstance(predictor, LearnedPredictor)  # the others know no admissions and have no rounds
        if not overwrite and (folder / storage.METADATA).is_file():
            self._check_same(predictor, model, folder, self.admit_s if learned else None)
            return storage.load(folder), True
        if learned:
            predictor.fit(self.training, admit_s=self.admit_s, monitor=monitor)
        else:
            predictor.fit(self.training)
        storage.save(predictor, folder)
        return predictor, False

    def _parameters(self, model: str) -> dict[str, int]:
        shared = {"horizon": self.horizon, "random_state": self.seed}
        known = registry.class_of(model)().get_params()
        return {name: value for name, value in shared.items() if name in known}

    def _check_same(self, predictor: Any, model: str, folder: Path, admit_s: Reals | None) -> None:
        metadata = storage.read_metadata(folder)
        there = metadata["model"], metadata["parameters"], metadata["workload_fingerprint"]
        if there != (model, predictor.get_params(), training_fingerprint(self.training, admit_s)):
            raise ValueError(
                f"{folder} holds a predictor of another model, workload or setting ({metadata['model']}, "
                f"{metadata['parameters']}): name another folder or overwrite it"
            )

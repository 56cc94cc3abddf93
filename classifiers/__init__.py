"""Termination predictors: how long will each active request go on?

`import classifiers` is light; scikit-learn and torch are imported when a predictor that needs them is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from classifiers.interface import ActiveRequests, Predictor

if TYPE_CHECKING:
    from classifiers.binned_hazard import BinnedHazard
    from classifiers.boosting import HistGB
    from classifiers.empirical import ExactMatch, Survival
    from classifiers.evaluation import evaluate
    from classifiers.logistic import Logistic
    from classifiers.mlp_hazard import MLPHazard
    from classifiers.noisy import Noisy
    from classifiers.oracle import Oracle
    from classifiers.registry import make, names
    from classifiers.storage import StorageError, load, save

_HOME = {
    "BinnedHazard": "binned_hazard",
    "ExactMatch": "empirical",
    "HistGB": "boosting",
    "Logistic": "logistic",
    "MLPHazard": "mlp_hazard",
    "Noisy": "noisy",
    "Oracle": "oracle",
    "StorageError": "storage",
    "Survival": "empirical",
    "evaluate": "evaluation",
    "load": "storage",
    "make": "registry",
    "names": "registry",
    "save": "storage",
}

__all__ = [
    "ActiveRequests",
    "BinnedHazard",
    "ExactMatch",
    "HistGB",
    "Logistic",
    "MLPHazard",
    "Noisy",
    "Oracle",
    "Predictor",
    "StorageError",
    "Survival",
    "evaluate",
    "load",
    "make",
    "names",
    "save",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"classifiers.{_HOME[name]}"), name)
    raise AttributeError(f"module 'classifiers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""The predictors that learn, by name."""

import importlib
from typing import Any

from brgym._checks import check_choice

_HOME = {
    "survival": ("classifiers.empirical", "Survival"),
    "exact-match": ("classifiers.empirical", "ExactMatch"),
    "logistic": ("classifiers.logistic", "Logistic"),
    "hist-gb": ("classifiers.boosting", "HistGB"),
    "mlp-hazard": ("classifiers.mlp_hazard", "MLPHazard"),
    "binned-hazard": ("classifiers.binned_hazard", "BinnedHazard"),
}


def names() -> list[str]:
    """The names that `make` knows."""
    return list(_HOME)


def class_of(name: str) -> type[Any]:
    """The class of a name; imports what it needs.

    Raises:
        ValueError: If the name is unknown; the message holds the nearest one.
    """
    module, attribute = _HOME[check_choice("model", name, _HOME)]
    found: type[Any] = getattr(importlib.import_module(module), attribute)
    return found


def name_of(predictor: object) -> str:
    """The name under which `make` makes such a predictor.

    Raises:
        TypeError: If it makes none of that class.
    """
    for name, home in _HOME.items():
        if home == (type(predictor).__module__, type(predictor).__name__):
            return name
    raise TypeError(f"{type(predictor).__name__} learns nothing from workloads; those that do: {', '.join(_HOME)}")


def make(name: str, **parameters: Any) -> Any:
    """Makes an unfitted predictor.

    Args:
        name: One of `names()`.
        **parameters: Its own parameters, see its class.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it has no such parameter.
    """
    return class_of(name)(**parameters)

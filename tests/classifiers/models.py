"""Every predictor that learns, small enough to be fitted many times."""

from typing import Any

import classifiers

HORIZON = 20
SMALL: dict[str, dict[str, Any]] = {
    "survival": {},
    "exact-match": {},
    "logistic": {"horizon": HORIZON, "samples": 4000},
    "hist-gb": {"horizon": HORIZON, "samples": 4000, "max_trees": 8, "min_samples_leaf": 40},
    "mlp-hazard": {"horizon": HORIZON, "samples": 4000, "max_epochs": 3, "device": "cpu"},
    "binned-hazard": {"horizon": HORIZON, "samples": 4000, "max_epochs": 3, "bins": 6, "device": "cpu"},
}
LEARNED = [name for name in SMALL if name not in ("survival", "exact-match")]


def small(name, **parameters):
    return classifiers.make(name, **SMALL[name] | parameters)

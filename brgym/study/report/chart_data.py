"""What the charts are drawn from: every figure of every cell, and its estimates, as one JSON document.

Scripts of the page only place these numbers; the statistics are made here.
"""

import math
from typing import Any

import numpy as np

from brgym.cluster import Reals
from brgym.study.report.standing import mean_of, ratio_of, value_text, words
from brgym.study.results import Results
from brgym.study.shown_figures import figures_of, shown
from brgym.study.statistics import Estimate

_DIGITS = 6  # more than a picture shows, and half the bytes


def chart_data(found: Results) -> dict[str, Any]:
    """The document.

    Returns:
        `policies`, `reference`, `seeds`; `varied`: each setting that differs, with its values and whether two or more
        are numbers (others, as a load of "backlog", are null then); `settings`: of each the index of its value of each
        of `varied`, and its `names`; `figures`: name, title, unit, and arrays by setting and policy: `values` (a number
        a seed), `mean` and `ratio` (estimate, lower and upper end); null where there is none.
    """
    varied = [_varied(found, key) for key in found.telling]
    places = [
        [_key(setting.get(key), of) for key, of in zip(found.telling, varied, strict=True)]
        for setting in found.settings
    ]
    return {
        "policies": list(found.policies),
        "reference": found.reference,
        "seeds": list(found.seeds),
        "varied": [{key: value for key, value in one.items() if key != "keys"} for one in varied],
        "settings": places,
        "names": [words(found, setting) for setting in range(len(found.settings))],
        "figures": [_figure(found, name) for name in figures_of(found) if _differs(found, name)],
    }


def _varied(found: Results, key: str) -> dict[str, Any]:
    values: list[Any] = list({repr(setting.get(key)): setting.get(key) for setting in found.settings}.values())
    numbers = [value if _is_number(value) else None for value in values]
    numeric = sum(number is not None for number in numbers) > 1
    texts = [value_text(value) for value in values]
    return {
        "name": key,
        "numeric": numeric,
        "values": [None if number is None else float(number) for number in numbers] if numeric else texts,
        "texts": texts,
        "keys": [repr(value) for value in values],
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _key(value: object, varied: dict[str, Any]) -> int:
    place: int = varied["keys"].index(repr(value))
    return place


def _differs(found: Results, figure: str) -> bool:
    """Whether there is anything to see; requests served, for one, are mostly the same everywhere."""
    values = np.concatenate([_values(found, setting, figure).ravel() for setting in range(len(found.settings))])
    there = values[np.isfinite(values)]
    return len(there) > 0 and bool((there != there[0]).any())


def _values(found: Results, setting: int, figure: str) -> Reals:
    """Shape (policies, seeds)."""
    return np.array([found.values(setting, policy, figure) for policy in found.policies], np.float64)


def _figure(found: Results, name: str) -> dict[str, Any]:
    one = shown(name)
    settings = range(len(found.settings))
    return {
        "name": name,
        "title": one.title,
        "unit": one.unit,
        "better": one.better,
        "values": [[[_short(x) for x in row] for row in _values(found, s, name) * one.scale] for s in settings],
        "mean": [
            [_estimate(mean_of(found, s, policy, name), one.scale) for policy in found.policies] for s in settings
        ],
        "ratio": [[_estimate(ratio_of(found, s, policy, name), 1.0) for policy in found.policies] for s in settings],
    }


def _estimate(estimate: Estimate, scale: float) -> list[float | None]:
    return [_short(x * scale) for x in (estimate.mean, estimate.low, estimate.high)]


def _short(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None

"""Pictures of a study's results: a figure along a setting, as the load or the number of workers."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeGuard

import numpy as np
from matplotlib.figure import Figure

from brgym._checks import check_choice
from brgym.study.knee import knee_at_limit, knee_of_shape
from brgym.study.pictures import Line, draw_against_load, draw_load_panels, draw_scaling
from brgym.study.results import Results
from brgym.study.shown_figures import figures_of, shown

LOAD, WORKERS = "workload.load", "cluster.workers"


def lines_along(
    found: Results,
    key: str,
    figure: str,
    *,
    where: Mapping[str, str] | None = None,
    policies: Sequence[str] | None = None,
) -> list[Line]:
    """A line a policy: a figure, in the unit that it is shown in, along a setting whose values are numbers.

    Settings with another value, as the load "backlog", are left out, and so are policies without any figure.

    Args:
        found: The results.
        key: Dotted name of the setting.
        figure: One of the study's figures.
        where: What other settings must be, by dotted name, written as in the table.
        policies: Which policies, by label; by default all.

    Raises:
        ValueError: If there is no such setting, figure or policy, if none or more than one setting is left for a value
            of `key`, or if `key` has no numbers.
    """
    check_choice("along", key, found.varied)
    check_choice("figure", figure, figures_of(found))
    for policy in policies or ():
        check_choice("policy", policy, found.policies)
    chosen = _settings(found, key, where or {})
    scale = shown(figure).scale
    lines = []
    for policy in policies or found.policies:
        means = [found.mean(setting, policy, figure) for setting in chosen.values()]
        there = np.array([np.isfinite(mean.mean) for mean in means])
        if there.any():
            at, mean, low, high = (
                np.array(column)[there]
                for column in (
                    list(chosen),
                    [one.mean * scale for one in means],
                    [one.low * scale for one in means],
                    [one.high * scale for one in means],
                )
            )
            lines.append(Line(policy, at, mean, low, high))
    if not lines:
        raise ValueError(f"there is no {figure} yet: the study's cells have not been run")
    return lines


def draw_along(
    found: Results,
    key: str,
    figure: str,
    *,
    where: Mapping[str, str] | None = None,
    panels: str | None = None,
    policies: Sequence[str] | None = None,
    limit: float | None = None,
    knees: bool = True,
    scale: Literal["linear", "log"] = "linear",
    columns: Literal[1, 2] = 1,
) -> Figure:
    """Draws `lines_along`; against the load with the knees, against the workers with every doubling as wide.

    Args:
        found: The results.
        key: As in `lines_along`.
        figure: As in `lines_along`.
        where: As in `lines_along`.
        panels: A setting of whose every value there is a panel, over the width of a page; None for one picture.
        policies: As in `lines_along`.
        limit: What the figure should keep to, in the unit that is shown; knees are then where lines cross it.
        knees: Whether they are drawn, where `key` is the load.
        scale: Of the figure's axis.
        columns: How many columns of a paper the picture spans.

    Raises:
        ValueError: As `lines_along`.
    """
    label = shown(figure).header
    load_label = "load (share of capacity)" if key == LOAD else key
    bends = _no_knees if not knees or key != LOAD else partial(_knees, limit=limit)
    if panels is not None:
        check_choice("panels", panels, found.varied)
        titles = dict.fromkeys(_written(setting.get(panels)) for setting in found.settings)
        drawn = {
            title: lines_along(found, key, figure, where={**(where or {}), panels: title}, policies=policies)
            for title in titles
        }
        of_panels = {title: bends(lines) for title, lines in drawn.items()}
        return draw_load_panels(drawn, label=label, load_label=load_label, knees=of_panels, limit=limit, scale=scale)
    lines = lines_along(found, key, figure, where=where, policies=policies)
    if key == WORKERS:
        return draw_scaling(lines, label=label, scale=scale, columns=columns)
    return draw_against_load(
        lines, label=label, load_label=load_label, knees=bends(lines), limit=limit, scale=scale, columns=columns
    )


def _knees(lines: Sequence[Line], *, limit: float | None) -> dict[str, float]:
    found = {line.label: knee_of_shape(line) if limit is None else knee_at_limit(line, limit) for line in lines}
    return {label: knee for label, knee in found.items() if knee is not None}


def _no_knees(lines: Sequence[Line]) -> dict[str, float]:
    return {}


def _settings(found: Results, key: str, where: Mapping[str, str]) -> dict[float, int]:
    """The setting of each number that `key` takes, rising."""
    for other, wanted in where.items():
        check_choice("where", other, found.varied)
        check_choice(other, wanted, dict.fromkeys(_written(setting.get(other)) for setting in found.settings))
    chosen: dict[float, int] = {}
    for place, setting in enumerate(found.settings):
        at = setting.get(key)
        if any(_written(setting.get(other)) != wanted for other, wanted in where.items()) or not _is_number(at):
            continue
        if at in chosen:
            first = found.settings[chosen[at]]
            differs = [k for k in found.telling if k not in where and first.get(k) != setting.get(k)]
            raise ValueError(f"where must say {' and '.join(differs)}: the study has several settings for {key} = {at}")
        chosen[at] = place
    if not chosen:
        raise ValueError(f"along: {key} has no numbers there")
    return dict(sorted(chosen.items()))


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

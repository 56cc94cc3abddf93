"""Where a figure that rises with the load turns from flat to steep."""

import numpy as np

from brgym.study.pictures.lines import Line

_LEAST_BEND = 0.1
"""How far the curve must hang below its chord, as a share of its height, to have a knee (our choice)."""

_LEAST_RISE = 1.5
"""How many times its beginning the end of the curve must be (our choice)."""


def knee_at_limit(line: Line, limit: float) -> float | None:
    """The load up to which a figure keeps to a limit: the first crossing, on straight lines between the points.

    Args:
        line: The figure along the load.
        limit: What it must not exceed.

    Returns:
        The load; None where the line begins above the limit, or never exceeds it.
    """
    at, mean = np.asarray(line.at), np.asarray(line.mean)
    over = np.flatnonzero(mean > limit)
    if len(over) == 0 or over[0] == 0:
        return None
    place = over[0]
    share = (limit - mean[place - 1]) / (mean[place] - mean[place - 1])
    return float(at[place - 1] + share * (at[place] - at[place - 1]))


def knee_of_shape(line: Line) -> float | None:
    """The load where a rising curve hangs furthest below its chord (Satopaa et al. 2011, "Kneedle", without smoothing).

    Args:
        line: The figure along the load.

    Returns:
        The load of one of its points; None where there are fewer than three, the line does not rise by half from end to
        end, or it bends by less than a tenth.
    """
    at, mean = np.asarray(line.at), np.asarray(line.mean)
    if len(at) < 3 or not mean[-1] > _LEAST_RISE * mean[0] > 0:
        return None
    below = (at - at[0]) / (at[-1] - at[0]) - (mean - mean[0]) / (mean[-1] - mean[0])
    place = int(np.argmax(below))
    return float(at[place]) if below[place] >= _LEAST_BEND else None

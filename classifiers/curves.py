"""Survival curves over the coming steps, from what the models give: (p, mu) pairs or hazards by interval.

Beyond the last step that a model was made for, requests go on ending at a constant rate (our choice).
"""

from functools import lru_cache

import numpy as np

from brgym._compile import compiled
from brgym.cluster import Integers, Reals

_GRID = 257


class EndingCurve:
    """P(remaining > h) from p = P(remaining <= H) and mu = E[remaining | remaining <= H]: 1 - p F(h).

    F is the distribution on 1..H of largest entropy among those with mean mu, a truncated geometric one (Jaynes,
    Information Theory and Statistical Mechanics, 1957), on a grid of means; between two of the grid it is the mixture
    that has exactly the mean asked for. So E[min(remaining, H + 1)] = (1 - p)(H + 1) + p mu, as BalanceRoute has it.
    Beyond H, survivors end at the rate that would have let as many survive the first H steps.

    Args:
        horizon: H, at least 1.
    """

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self._ended = _truncated_geometric(horizon)

    def survival(self, ending: Reals, mean_steps: Reals, horizon: int) -> Reals:
        """P(remaining > h), h = 0..horizon, shape (len(ending), horizon + 1).

        Args:
            ending: p, in 0..1.
            mean_steps: mu, in 1..H.
            horizon: Steps ahead, at least 0; may differ from H.
        """
        curves = np.empty((len(ending), horizon + 1))
        _ending_curves(self._ended, ending, mean_steps, curves)
        return curves

    def expected(self, ending: Reals, mean_steps: Reals, horizon: int) -> Reals:
        """E[min(remaining, horizon + 1)], shape (len(ending),); arguments as `survival`."""
        if horizon < self.horizon:
            return self.survival(ending, mean_steps, horizon).sum(axis=1)
        within = (1.0 - ending) * (self.horizon + 1.0) + ending * mean_steps
        return within + _beyond(1.0 - ending, (1.0 - ending) ** (1.0 / self.horizon), horizon - self.horizon)


def _beyond(alive: Reals, stays: Reals, steps: int) -> Reals:
    """Steps survived: alive x (stays + stays^2 + ... + stays^steps)."""
    ends = 1.0 - stays
    series = np.divide(stays * (1.0 - stays**steps), ends, out=np.full_like(ends, steps), where=ends > 1e-9)
    return alive * series


@lru_cache(maxsize=16)
def _truncated_geometric(horizon: int) -> Reals:
    """F(h) at h = 0..horizon for means on an even grid over 1..horizon, shape (grid, horizon + 1)."""
    steps = np.arange(1, horizon + 1)
    means = np.linspace(1.0, horizon, _GRID)
    low, high = np.full(_GRID, -60.0), np.full(_GRID, 60.0)  # of the log of the ratio of neighbouring probabilities
    for _ in range(80):
        middle = (low + high) / 2.0
        above = _tilted(middle, steps) @ steps > means
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    share = _tilted((low + high) / 2.0, steps)
    share[0], share[-1] = steps == 1, steps == horizon
    return np.concatenate([np.zeros((_GRID, 1)), np.cumsum(share, axis=1)], axis=1)


def _tilted(log_ratio: Reals, steps: Integers) -> Reals:
    exponent = log_ratio[:, None] * steps
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


@compiled
def _ending_curves(ended: Reals, ending: Reals, mean_steps: Reals, curves: Reals) -> None:
    last = ended.shape[1] - 1
    for row in range(len(ending)):
        place = (mean_steps[row] - 1.0) / max(last - 1.0, 1.0) * (_GRID - 1)
        lower = min(int(place), _GRID - 2)
        upper_share = place - lower
        for h in range(min(curves.shape[1], last + 1)):
            share = (1.0 - upper_share) * ended[lower, h] + upper_share * ended[lower + 1, h]
            curves[row, h] = 1.0 - ending[row] * share
        stays = (1.0 - ending[row]) ** (1.0 / last)
        for h in range(last + 1, curves.shape[1]):
            curves[row, h] = curves[row, h - 1] * stays


@compiled
def hazard_curves(hazard: Reals, interval: Integers, offset: Integers, curves: Reals) -> None:
    """Writes P(remaining > h), h = 0, 1, ...: a request that stands at an interval's step ends there with its hazard.

    Args:
        hazard: Probability to end with the step, by request and interval, shape (requests, intervals).
        interval: Interval of each step, shape (steps,); later steps belong to the last interval.
        offset: The step at which each request stands now, shape (requests,).
        curves: Receives the curves, shape (requests, horizon + 1).
    """
    for row in range(len(hazard)):
        alive = 1.0
        curves[row, 0] = alive
        for h in range(1, curves.shape[1]):
            alive *= 1.0 - hazard[row, interval[min(offset[row] + h - 1, len(interval) - 1)]]
            curves[row, h] = alive


@compiled
def hazard_sums(hazard: Reals, interval: Integers, offset: Integers, horizon: int, expected: Reals) -> None:
    """Writes E[min(remaining, horizon + 1)], shape (requests,): the sums of `hazard_curves` without the curves.

    Takes an interval at a time, not a step, so the steps of each interval have to stand side by side.
    """
    last = len(interval) - 1
    stop = np.zeros(hazard.shape[1], np.int64)
    for step in range(len(interval)):
        stop[interval[step]] = step + 1
    for row in range(len(hazard)):
        alive, total = 1.0, 1.0
        step, left = min(offset[row], last), horizon
        while left > 0:
            within = interval[step]
            steps = left if within == interval[last] else min(left, stop[within] - step)
            survived, stays = _geometric(1.0 - hazard[row, within], steps)
            total += alive * survived
            alive *= stays
            step, left = min(step + steps, last), left - steps
        expected[row] = total


@compiled
def _geometric(ratio: float, terms: int) -> tuple[float, float]:
    """The sum ratio + ... + ratio^terms and its last term, by doubling: few products that wait for each other."""
    total, power = 0.0, 1.0
    doubled_total, doubled_power = ratio, ratio
    while terms > 0:
        if terms & 1:
            total += power * doubled_total
            power *= doubled_power
        doubled_total += doubled_power * doubled_total
        doubled_power *= doubled_power
        terms >>= 1
    return total, power

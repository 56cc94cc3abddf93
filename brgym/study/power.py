"""How many seeds a claim needs: the power of the paired t test, and a sentence where there are too few.

The deviation of the differences is itself estimated from the seeds at hand: from 5 of them it may be off by a factor of
two, and the number of seeds by four. An effect that was observed tends to be too large where it was just found. So the
number is an order of magnitude to plan with, and no promise.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import nctdtr, nctdtrinc, stdtrit

from brgym._checks import check_integer, check_real
from brgym.study.multiplicity import LEVEL, paired_p_values
from brgym.study.statistics import paired_difference

POWER = 0.8
"""Probability with which a study should find an effect that is there."""

MAX_SEEDS = 10_000
"""Nobody runs more: the search for the number of seeds ends here."""


def power_of(effect: float, sd: float, seeds: int, *, level: float = LEVEL) -> float:
    """Probability that a two-sided paired t test finds a difference.

    Args:
        effect: The true mean difference, in the unit of the values; its sign does not matter.
        sd: Standard deviation of the differences over the seeds, same unit, above 0.
        seeds: Number of pairs, at least 2.
        level: Level of the test; under Holm's correction as in `multiplicity.next_level`.

    Raises:
        ValueError: If an argument is out of range.
    """
    size = abs(check_real("effect", effect))
    spread = check_real("sd", sd, minimum=0.0, exclusive=True)
    count = check_integer("seeds", seeds, minimum=2)
    critical = float(stdtrit(count - 1, 1 - _level(level) / 2))
    shift = size / spread * math.sqrt(count)
    below, missed = nctdtr(count - 1, shift, [-critical, critical])
    return float(1 - np.nan_to_num(missed) + np.nan_to_num(below))  # NaN: too small for nctdtr, below 1e-13


def seeds_needed(effect: float, sd: float, *, power: float = POWER, level: float = LEVEL) -> int | None:
    """The least number of seeds with which a paired t test finds a difference with that power.

    Args:
        effect: As in `power_of`.
        sd: As in `power_of`.
        power: Probability of finding it, between 0 and 1.
        level: As in `power_of`.

    Returns:
        At least 2; None where `MAX_SEEDS` are not enough, as they never are for an effect of 0.

    Raises:
        ValueError: If an argument is out of range.
    """
    wanted = _power(power)
    if power_of(effect, sd, MAX_SEEDS, level=level) < wanted:
        return None
    too_few, enough = 1, MAX_SEEDS
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if power_of(effect, sd, middle, level=level) >= wanted else (middle, enough)
    return enough


def detectable_effect(sd: float, seeds: int, *, power: float = POWER, level: float = LEVEL) -> float:
    """The least difference that a paired t test over so many seeds finds with that power; arguments as `power_of`.

    A significant difference of the wrong sign is not counted as found; at a power of 0.8 that changes nothing.

    Raises:
        ValueError: If an argument is out of range.
    """
    wanted = _power(power)
    spread = check_real("sd", sd, minimum=0.0, exclusive=True)
    count = check_integer("seeds", seeds, minimum=2)
    critical = float(stdtrit(count - 1, 1 - _level(level) / 2))
    shift = float(nctdtrinc(count - 1, 1 - wanted, critical))
    return max(0.0, shift) * spread / math.sqrt(count)


def seeds_note(
    values: npt.ArrayLike,
    reference: npt.ArrayLike,
    *,
    smallest: float | None = None,
    power: float = POWER,
    level: float = LEVEL,
) -> str:
    """One sentence where the seeds cannot support a difference, with the number that would; empty where they do.

    Args:
        values: One value a seed, shape (seeds,).
        reference: The reference's values under the same seeds, in the same order.
        smallest: The smallest difference of interest, in the unit of the values, above 0; by default the one observed.
        power: As in `seeds_needed`.
        level: As in `power_of`.

    Raises:
        ValueError: If the shapes differ or an argument is out of range.
    """
    found = paired_difference(values, reference)
    wanted, bar = _power(power), _level(level)
    effect = abs(found.mean) if smallest is None else check_real("smallest", smallest, minimum=0.0, exclusive=True)
    if math.isnan(found.mean):
        return "There is no difference to test: a value is missing."
    if found.seeds < 2:
        return "One seed says nothing of the spread, so it supports no claim: take at least 5."
    p_value = float(paired_p_values(values, reference))
    if math.isnan(p_value):
        return f"All {found.seeds} seeds give the same difference, {found.mean:.4g}: there is no spread to test it by."
    if p_value <= bar:
        return ""
    differences = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    sd = float(differences.std(ddof=1))
    needed = seeds_needed(effect, sd, power=wanted, level=bar)
    aim = f"a difference of {effect:.4g}" + ("" if smallest is None else ", the smallest of interest")
    chance = f"with {100 * wanted:.0f} % power"
    tested = f"p = {p_value:.2g} where {bar:.2g} is needed"
    opening = f"{found.seeds} seeds do not support a difference of {found.mean:.4g} ({tested}): "
    if needed is None:
        least = detectable_effect(sd, found.seeds, power=wanted, level=bar)
        return f"{opening}{aim} takes more than {MAX_SEEDS:,}; these would find one of {least:.4g}, {chance}."
    if needed <= found.seeds:
        return f"{opening}these would have found {aim}, {chance}."
    return f"{opening}about {needed:,} would find {aim}, {chance}."


def _level(level: float) -> float:
    return _probability("level", level)


def _power(power: float) -> float:
    return _probability("power", power)


def _probability(name: str, value: float) -> float:
    number = check_real(name, value, minimum=0.0, maximum=1.0, exclusive=True)
    if number == 1.0:
        raise ValueError(f"{name} must be below 1, got {number}")
    return number

"""How a baseline completes a choice: the worker for a given candidate, the candidate for a given worker."""

from collections.abc import Callable, Mapping

import numpy as np

from baselines import f_score
from brgym._checks import check_choice
from brgym.cluster import RouterView

Rule = Callable[[RouterView, int], int]
"""Given the view and one choice that fits somewhere, returns the other choice, one that fits."""


def lowest_load(view: RouterView, candidate: int) -> int:
    """The worker with the lowest load among those on which the candidate fits; ties: the lowest index."""
    return int(np.argmin(np.where(view.fits()[candidate], view.load_tokens, np.iinfo(np.int64).max)))


def most_free_slots(view: RouterView, candidate: int) -> int:
    """The worker with the most free slots among those; ties: the lowest load, then the lowest index (DESIGN 2.6)."""
    workers = np.flatnonzero(view.fits()[candidate])
    order = np.lexsort((view.load_tokens[workers], -view.free_slots[workers]))
    return int(workers[order[0]])


def oldest(view: RouterView, worker: int) -> int:
    """The oldest candidate that fits the worker."""
    return int(np.argmax(view.fits()[:, worker]))


def best_f(view: RouterView, worker: int) -> int:
    """The candidate with the largest F among those that fit the worker; ties: the older (DESIGN 2.6)."""
    margin = view.load_tokens.max() - view.load_tokens[worker]
    score = f_score(view.candidate_context_tokens, margin, view.workers)
    return int(np.argmax(np.where(view.fits()[:, worker], score, -np.inf)))


WORKER_RULES: dict[str, Rule] = {"lowest-load": lowest_load, "most-free-slots": most_free_slots}
CANDIDATE_RULES: dict[str, Rule] = {"oldest": oldest, "best-f": best_f}


def rule_of(rule: str | Rule, known: Mapping[str, Rule]) -> Rule:
    """The rule of a name; a function is one already.

    Raises:
        TypeError: If it is neither a name nor a function.
        ValueError: If the name is unknown.
    """
    if isinstance(rule, str):
        return known[check_choice("rule", rule, known)]
    if not callable(rule):
        raise TypeError(f"rule must be one of {', '.join(known)} or a function of a view and a choice, got {rule!r}")
    return rule

"""Routing policies: textbook ones, those of real serving systems, BalanceRoute."""

from baselines.balance_route import f_score
from baselines.registry import about, make, names

__all__ = ["about", "f_score", "make", "names"]

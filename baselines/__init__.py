"""Routing policies: textbook ones, those of real serving systems, BalanceRoute."""

from baselines.balance_route import f_score
from baselines.registry import about, make, names
from baselines.specification import Specification, from_spec, specifications

__all__ = ["Specification", "about", "f_score", "from_spec", "make", "names", "specifications"]

"""BalanceRoute (arXiv 2605.06113): which waiting request to admit to which worker, and when."""

from baselines.balance_route.br0 import BR0
from baselines.balance_route.br_h import BRH
from baselines.balance_route.f_score import f_score

__all__ = ["BR0", "BRH", "f_score"]

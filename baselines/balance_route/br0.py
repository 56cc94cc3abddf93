"""BR-0: BalanceRoute without prediction."""

from typing import Literal

from baselines.balance_route.plan import begin_decision, find_envelope, plan_memory, plan_of
from baselines.balance_route.stages import next_admission
from baselines.balance_route.subsets import ORDERS
from baselines.choice import WORKER_CHOICES, WorkerChoice
from baselines.compiled import CompiledPoolPolicy
from brgym._checks import check_choice, check_integer
from brgym.cluster import ClusterConfig, Integers, Memory, View, compiled_kernel

Order = Literal["arrival", "prompt-ascending", "prompt-descending"]

DEFAULT_GREEDY_ABOVE = 7
DEFAULT_SUBSET_WINDOW = 8
MAX_SUBSET_WINDOW = 16
"""Subsets are enumerated, so their number doubles with each candidate in the window."""


@compiled_kernel
def _br0(view: View, memory: Memory, pairs: Integers) -> int:
    plan = plan_of(memory)
    if begin_decision(view, plan):
        plan.projection[:, 0] = view.load_tokens
        find_envelope(plan)
    return next_admission(view, plan, pairs)


class BR0(CompiledPoolPolicy):
    """Admits what lowers the imbalance most: F_g(Q) = Delta - G max(0, Delta - m_g) (BalanceRoute, arXiv 2605.06113).

    While many slots are free, the worker with the most free slots gets the single candidate with the largest F. When
    few are, it gets the best subset of a short window of candidates; if no subset lowers the imbalance, the best single
    one all the same, so that no slot stays empty while something fits.

    Args:
        greedy_above: Free slots of all workers together above which single requests are admitted (our choice; the
            paper's value was not recovered). 0 always admits single requests.
        subset_window: Candidates whose subsets are tried, 1..16 (our choice; the paper's timing table has 4).
        order: Which candidates the window takes first: "arrival", "prompt-ascending" or "prompt-descending", the prompt
            being the context that would be admitted; the older first on ties.
        worker_choice: Which worker is next: "most-free-slots" (the paper; ties: lowest load) or "lowest-load" (ours;
            ties: most free slots), among those with a free slot; the lowest index on further ties.

    Raises:
        ValueError: If a parameter is outside its range.
    """

    kernel = staticmethod(_br0)

    def __init__(
        self,
        *,
        greedy_above: int = DEFAULT_GREEDY_ABOVE,
        subset_window: int = DEFAULT_SUBSET_WINDOW,
        order: Order = "arrival",
        worker_choice: WorkerChoice = "most-free-slots",
    ) -> None:
        self.greedy_above = check_integer("greedy_above", greedy_above, minimum=0)
        self.subset_window = check_integer("subset_window", subset_window, minimum=1, maximum=MAX_SUBSET_WINDOW)
        self.order = check_choice("order", order, ORDERS)
        self.worker_choice = check_choice("worker_choice", worker_choice, WORKER_CHOICES)

    def initial_memory(self, cluster: ClusterConfig, seed: int) -> Memory:
        """The parameters and the scratch space."""
        return plan_memory(
            cluster.workers,
            greedy_above=self.greedy_above,
            subset_window=self.subset_window,
            order=ORDERS.index(self.order),
            worker_choice=WORKER_CHOICES.index(self.worker_choice),
        )

"""BF-IO as a policy: exact at each boundary, and slow."""

from typing import ClassVar, Literal

import numpy as np

from baselines.bf_io.programme import DEFAULT_NODE_LIMIT, optimal_assignment
from baselines.bf_io.projection import check_horizon, projected_loads
from brgym._checks import check_integer, check_real
from brgym.cluster import ClusterConfig, Integers, RouterView, is_clairvoyant
from classifiers import Predictor


class BFIO:
    """Admits by the integer programme that minimises the predicted imbalance of the coming steps (arXiv 2601.17855).

    At each question it assigns as many of the candidates it sees as slots and KV allow, for the least sum of G M_h -
    sum_g L_{g,h} over h = 0..H (see `baselines.bf_io.programme`). With fewer candidates than free slots, it assigns all
    of them and is asked again about those that refill the window; what it admitted before is then active like the rest.

    A reference, not a router for production: a question costs milliseconds with one free slot, up to seconds with many.

    Args:
        horizon: H, the steps looked ahead beyond the coming one, 0..65,536; 0 needs no prediction.
        predictor: Says how long the active requests go on; needed where `horizon` is above 0. With a clairvoyant
            predictor the policy is clairvoyant.
        node_limit: Branch-and-bound nodes after which the best assignment found is taken; at least 1. Large windows in
            front of many free slots seldom end by proof, and a limit in nodes keeps runs the same on every machine.
        time_limit_s: Seconds after which the same happens; None for no limit. With it, runs depend on the machine.

    Raises:
        TypeError: If a parameter is of the wrong type.
        ValueError: If a parameter is outside its range or `predictor` is missing.
    """

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(
        self,
        *,
        horizon: int = 0,
        predictor: Predictor | None = None,
        node_limit: int = DEFAULT_NODE_LIMIT,
        time_limit_s: float | None = None,
    ) -> None:
        self.horizon = check_horizon(horizon, predictor)
        self.predictor = predictor
        self.node_limit = check_integer("node_limit", node_limit, minimum=1)
        self.time_limit_s = (
            None if time_limit_s is None else check_real("time_limit_s", time_limit_s, minimum=0.0, exclusive=True)
        )
        self.clairvoyant = is_clairvoyant(predictor)

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Nothing to forget: each question is answered from what the view shows."""

    def admit(self, view: RouterView) -> Integers:
        """Returns (candidate, worker) rows to admit, the oldest candidate first, shape (k, 2)."""
        assignment = optimal_assignment(
            projected_loads(view, self.horizon, self.predictor),
            view.candidate_context_tokens,
            view.free_slots,
            spare_tokens=spare_tokens(view),
            node_limit=self.node_limit,
            time_limit_s=self.time_limit_s,
        )
        admitted = np.flatnonzero(assignment.worker >= 0)
        return np.column_stack([admitted, assignment.worker[admitted]])


def spare_tokens(view: RouterView) -> Integers | None:
    """`RouterView.spare_tokens`; None for no limit."""
    return None if view.kv_capacity is None else view.spare_tokens

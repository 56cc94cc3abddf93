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
            kv_tokens=kv_tokens(view),
            up=view.up,
            node_limit=self.node_limit,
            time_limit_s=self.time_limit_s,
        )
        admitted = np.flatnonzero(assignment.worker >= 0)
        if len(admitted) == 0:
            return _first_that_fits(view)
        return np.column_stack([admitted, assignment.worker[admitted]])


def spare_tokens(view: RouterView) -> Integers | None:
    """KV tokens of each worker that neither load nor reserves take, shape (workers,); None for no limit."""
    if view.kv_capacity is None:
        return None
    return np.floor(view.spare_tokens - view.kv_reserve_share * view.arrays.allowed_tokens).astype(np.int64)


def kv_tokens(view: RouterView) -> Integers:
    """What each candidate takes of them, shape (candidates,): whole tokens, so that no solver's tolerance decides."""
    share = np.ceil(view.kv_reserve_share * view.candidate_allowed_tokens).astype(np.int64)
    return np.asarray(view.candidate_context_tokens + view.kv_reserve_tokens + share)


def _first_that_fits(view: RouterView) -> Integers:
    """An empty worker takes a single request that the programme's room does not hold (DESIGN 2.12)."""
    candidate, worker = np.nonzero(view.fits())
    return np.column_stack([candidate[:1], worker[:1]])

"""What the active requests alone will weigh at the coming steps: BR-H's "cut" projection (DESIGN 2.7) as an array."""

import numpy as np

from baselines.balance_route.plan import plan_memory, plan_of
from baselines.balance_route.projection import project_cut
from brgym.cluster import Reals, RouterView
from classifiers import Predictor


def projected_loads(view: RouterView, horizon: int, predictor: Predictor | None) -> Reals:
    """P_g(h): what worker g's active requests weigh at the h-th step from now, in tokens, shape (workers, horizon + 1).

    A request that weighs w now adds w + h at h = 0 and at every h below its expected remaining steps.

    Args:
        view: What the router sees; its own active requests, those admitted earlier at this boundary included.
        horizon: H, the steps looked ahead beyond the coming one.
        predictor: Says how long the active requests go on; not asked where `horizon` is 0.
    """
    if horizon == 0 or predictor is None:
        return view.load_tokens[:, None].astype(np.float64)
    memory = plan_memory(view.workers, greedy_above=0, subset_window=1, order=0, horizon=horizon)
    plan = plan_of(memory)
    project_cut(view.arrays, plan, predictor.expected_remaining(view, horizon))
    return plan.projection

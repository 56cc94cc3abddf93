"""What the active requests alone will weigh at the coming steps: BR-H's "cut" projection (DESIGN 2.7) as an array."""

import numpy as np

from baselines.balance_route.plan import plan_memory, plan_of
from baselines.balance_route.projection import project_cut
from brgym._checks import check_integer, shown
from brgym.cluster import Reals, RouterView
from classifiers import Predictor

_MAX_HORIZON = 2**16


def check_horizon(horizon: int, predictor: Predictor | None) -> int:
    """Returns a horizon, and checks that there is a predictor for it.

    Raises:
        TypeError: If `horizon` is not a whole number, or `predictor` neither a `Predictor` nor None.
        ValueError: If `horizon` is not in 0..65,536, or is above 0 without a predictor.
    """
    steps = check_integer("horizon", horizon, minimum=0, maximum=_MAX_HORIZON)
    if predictor is not None and not isinstance(predictor, Predictor):
        raise TypeError(f"predictor must have expected_remaining and survival, got {shown(predictor)}")
    if steps > 0 and predictor is None:
        raise ValueError(f"horizon {steps} needs a predictor")
    return steps


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

"""BR-H: BalanceRoute with a short lookahead fed by a termination predictor."""

from typing import ClassVar, Literal

from baselines.balance_route.br0 import DEFAULT_GREEDY_ABOVE, DEFAULT_SUBSET_WINDOW, MAX_SUBSET_WINDOW, Order
from baselines.balance_route.forecast import FORMS, Forecast, Form
from baselines.balance_route.horizon import (
    AUTO,
    auto_horizon,
    knows_mean_output,
    mean_output_tokens,
    warn_if_too_far,
)
from baselines.balance_route.plan import Plan, plan_memory, plan_of
from baselines.balance_route.projection import project_cut, project_expected
from baselines.balance_route.stages import next_admission
from baselines.balance_route.subsets import ORDERS
from baselines.choice import WORKER_CHOICES, WorkerChoice
from brgym._checks import check_choice, check_flag, check_integer, check_real
from brgym.cluster import ClusterConfig, Integers, RouterView, room_for_pairs
from classifiers import Predictor

Projection = Literal["cut", "expected"]
PROJECTIONS = ("cut", "expected")

DEFAULT_HORIZON = 80
DEFAULT_GAMMA = 0.98

_MAX_WEIGHT = 1e100  # times any tokens and steps it is finite
_MAX_STEPS = 2**30  # two of them added are a number of 31 bits


class BRH:
    """Admits what lowers the imbalance most, now and over the next steps (BalanceRoute, arXiv 2605.06113).

    F_g(Q) = alpha (sum_h gamma^h) Delta - beta sum_h gamma^h max(0, Delta - m_{g,h}), h = 0..H, over the margins under
    the projected loads of the active requests. Stages, worker choice and forced admission are those of `BR0`; with
    horizon 0 and the default alpha and beta it decides as `BR0` does.

    Args:
        predictor: Says how long active requests will go on; see `classifiers`.
        horizon: Steps ahead, H (the paper's best at its lengths is 40 to 80); "auto" (ours, DESIGN 2.7) takes
            `auto_horizon` of the mean output that the predictor learned from (`mean_output_tokens`) or, if it is
            clairvoyant, of the run's. One longer than the mean output warns (`HorizonWarning`): there it costs balance.
        gamma: Discount of a step, 0..1 (our choice; the paper's was not recovered).
        alpha: Weight of the tokens admitted, at least 0 (our choice: 1, as in BR-0).
        beta: Weight of what exceeds the margins, at least 0; None for the number of workers (our choice, as in BR-0).
        projection: "cut" lets a request weigh fully until its estimated end (the paper); "expected" weighs it by its
            probability of surviving so long (our choice).
        form: What "cut" takes for the end: "blend", E[min(remaining, H + 1)] (the paper), or "threshold", see
            `Forecast` (a reader's account of the paper).
        refresh_every: Decode steps for which a prediction is kept and aged, at least 1.
        greedy_above: As in `BR0`.
        subset_window: As in `BR0`.
        order: As in `BR0`.
        worker_choice: As in `BR0`.
        refill: Whether a slot that empties within the horizon counts as filled again, by a request of the candidates'
            mean context, and what is admitted as growing by a token a step (ours, DESIGN 2.7).

    Raises:
        TypeError: If `predictor` is not a `Predictor`, or cannot say what "auto" needs.
        ValueError: If a parameter is outside its range.
    """

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(
        self,
        *,
        predictor: Predictor,
        horizon: int | Literal["auto"] = DEFAULT_HORIZON,
        gamma: float = DEFAULT_GAMMA,
        alpha: float = 1.0,
        beta: float | None = None,
        projection: Projection = "cut",
        form: Form = "blend",
        refresh_every: int = 1,
        greedy_above: int = DEFAULT_GREEDY_ABOVE,
        subset_window: int = DEFAULT_SUBSET_WINDOW,
        order: Order = "arrival",
        worker_choice: WorkerChoice = "most-free-slots",
        refill: bool = False,
    ) -> None:
        if not isinstance(predictor, Predictor):
            raise TypeError(f"predictor must have expected_remaining and survival, got {predictor!r}")
        if horizon == AUTO and not knows_mean_output(predictor):
            raise TypeError(
                "horizon='auto' needs a predictor with mean_output_tokens, which ours have once fitted; "
                f"got {predictor!r}"
            )
        self.predictor = predictor
        self.horizon: int | Literal["auto"] = (
            horizon if horizon == AUTO else check_integer("horizon", horizon, minimum=0, maximum=_MAX_STEPS)
        )
        self.gamma = check_real("gamma", gamma, minimum=0.0, maximum=1.0)
        self.alpha = check_real("alpha", alpha, minimum=0.0, maximum=_MAX_WEIGHT)
        self.beta = None if beta is None else check_real("beta", beta, minimum=0.0, maximum=_MAX_WEIGHT)
        self.projection = check_choice("projection", projection, PROJECTIONS)
        check_choice("form", form, FORMS)
        self.form = form
        self.refresh_every = check_integer("refresh_every", refresh_every, minimum=1, maximum=_MAX_STEPS)
        self.greedy_above = check_integer("greedy_above", greedy_above, minimum=0)
        self.subset_window = check_integer("subset_window", subset_window, minimum=1, maximum=MAX_SUBSET_WINDOW)
        self.order = check_choice("order", order, ORDERS)
        self.worker_choice = check_choice("worker_choice", worker_choice, WORKER_CHOICES)
        self.refill = check_flag("refill", refill)

    @property
    def clairvoyant(self) -> bool:
        """Whether the predictor knows what is hidden."""
        return bool(getattr(self.predictor, "clairvoyant", False))

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Forgets everything before a new run on `cluster`; nothing here is random."""
        self._cluster = cluster
        self._pairs = room_for_pairs(cluster)
        self._plan: Plan | None = None
        self._boundary = 0

    def admit(self, view: RouterView) -> Integers:
        """Returns (candidate, worker) rows to admit, shape (k, 2); none runs the decode step."""
        plan = self._plan or self._begin(view)
        boundary = view.boundary
        if boundary != self._boundary:
            self._boundary = boundary
            if self.projection == "cut":
                project_cut(view.arrays, plan, self._forecast.remaining(view))
            else:
                project_expected(view.arrays, plan, self._forecast.survival(view))
        return self._pairs[: next_admission(view.arrays, plan, self._pairs)]

    def _begin(self, view: RouterView) -> Plan:
        """Plans for the run that begins with this view: how far to look ahead may depend on it."""
        mean = mean_output_tokens(self.predictor, view)
        if self.horizon == AUTO:
            assert mean is not None, "the constructor asks for it"
            horizon = auto_horizon(mean)
        else:
            horizon = self.horizon
            warn_if_too_far(horizon, mean)
        self._memory = plan_memory(
            self._cluster.workers,
            greedy_above=self.greedy_above,
            subset_window=self.subset_window,
            order=ORDERS.index(self.order),
            worker_choice=WORKER_CHOICES.index(self.worker_choice),
            refill=self.refill,
            horizon=horizon,
            gamma=self.gamma,
            alpha=self.alpha,
            beta=self.beta,
        )
        self._forecast = Forecast(self.predictor, horizon=horizon, form=self.form, refresh_every=self.refresh_every)
        self._plan = plan_of(self._memory)
        return self._plan

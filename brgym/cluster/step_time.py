"""How long one decode step takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from brgym._checks import check_type, keep_reals, shown
from brgym.cluster.figures import step_seconds
from brgym.cluster.ranges import MAX_COEFFICIENT_S, MIN_STEP_S


@dataclass(frozen=True, kw_only=True)
class StepTimeRow:
    """One affine bound on the duration of a decode step.

    The row stands for something that all workers share or wait for: it takes `max_g f_g (base_s + per_token_s * L_g +
    per_worker_active_s * n_g + per_prefill_token_s * p_g) + per_active_s * sum_g n_g`, where `L_g` is the load of
    worker `g` in tokens, `n_g` the number of requests active on it, `p_g` the context that it recomputes in this step
    for requests that had lost it, and `f_g` its slow-down. What one worker does, it does for its own load and its own
    requests, so the largest is taken over workers, not term by term.

    Attributes:
        base_s: Time that an empty step takes, in seconds.
        per_token_s: Seconds for each token of KV cache on a worker.
        per_worker_active_s: Seconds for each active request of a worker.
        per_active_s: Seconds for each active request of the whole cluster.
        per_prefill_token_s: Seconds for each token of context that a worker recomputes.

    Raises:
        ValueError: If a coefficient is not in 0..1e6.
    """

    base_s: float = 0.0
    per_token_s: float = 0.0
    per_worker_active_s: float = 0.0
    per_active_s: float = 0.0
    per_prefill_token_s: float = 0.0

    def __post_init__(self) -> None:
        keep_reals(self, *vars(self), minimum=0.0, maximum=MAX_COEFFICIENT_S)


@dataclass(frozen=True)
class StepTime:
    """The duration of a decode step: the largest of its rows (our choice of form; DESIGN 2.4).

    One row with `base_s` and `per_token_s` is the DP barrier of BalanceRoute (arXiv 2605.06113); three rows are
    attention-FFN disaggregation (arXiv 2601.21351): attention, communication, FFN.

    Attributes:
        rows: The rows, at least one.

    Raises:
        ValueError: If there is no row, or if a step takes next to no time, so that time could not pass.
    """

    rows: Sequence[StepTimeRow]

    def __post_init__(self) -> None:
        rows: Any = self.rows
        if not isinstance(rows, Iterable):
            raise TypeError(f"rows must be a sequence of StepTimeRow, got {shown(rows)}")
        object.__setattr__(self, "rows", tuple(check_type("rows", row, StepTimeRow) for row in rows))
        if not self.rows:
            raise ValueError("step_time needs at least one row")
        if not self.as_array().any():
            raise ValueError("step_time must take some time: every coefficient is zero")
        shortest_s = self.seconds([1], [1])
        if shortest_s < MIN_STEP_S:
            raise ValueError(
                f"step_time must be at least {MIN_STEP_S:g} s for a single request of one token, got {shortest_s:g}"
            )

    @classmethod
    def barrier(cls, *, base_s: float, per_token_s: float) -> Self:
        """The DP barrier `dt = base_s + per_token_s * M` (BalanceRoute and its predecessor, arXiv 2601.17855)."""
        return cls([StepTimeRow(base_s=base_s, per_token_s=per_token_s)])

    def as_array(self) -> npt.NDArray[np.float64]:
        """The coefficients, shape (rows, 5), columns in the order of `StepTimeRow`'s attributes."""
        return np.array([list(vars(row).values()) for row in self.rows], dtype=np.float64)

    def seconds(self, load_tokens: npt.ArrayLike, active: npt.ArrayLike) -> float:
        """The duration of a step in seconds.

        Args:
            load_tokens: Load of each worker in tokens, shape (workers,).
            active: Active requests of each worker, shape (workers,).
        """
        load, count = np.ascontiguousarray(load_tokens, np.int64), np.ascontiguousarray(active, np.int64)
        return float(step_seconds(self.as_array(), load, count, load.max(), count.max(), count.sum()))

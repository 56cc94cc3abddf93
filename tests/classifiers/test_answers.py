"""What BR-H takes from a predictor: its shape, its type and its values, or one error that names the predictor."""

from typing import Any

import numpy as np
import pytest

from baselines.balance_route import BRH
from brgym.cluster import ClusterConfig, simulate
from brgym.workload import Workload
from classifiers.answers import checked_remaining, checked_survival


class _Constant:
    """Answers what a predictor should, then changed."""

    def __init__(self, change: Any) -> None:
        self._change = change

    def expected_remaining(self, view: Any, horizon: int) -> Any:
        return self._change(np.full(len(view.running), horizon + 1.0))

    def survival(self, view: Any, horizon: int) -> Any:
        return self._change(np.ones((len(view.running), horizon + 1)))


def _with(value: float) -> Any:
    def change(answer: Any) -> Any:
        answer[...] = value
        return answer

    return change


@pytest.mark.parametrize("refresh_every", [1, 3])
@pytest.mark.parametrize("form", ["blend", "threshold"])
@pytest.mark.parametrize("projection", ["cut", "expected"])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda a: a[:-1], "the shape is"),
        (lambda a: a[..., :-1], "the shape is"),
        (lambda a: np.concatenate([a, a]), "the shape is"),
        (lambda a: a[..., None], "the shape is"),
        (lambda a: None, "the shape is"),
        (lambda a: a.astype(np.int64), "and not float"),
        (lambda a: a.astype(object), "and not float"),
        (_with(np.nan), "is nan"),
        (_with(np.inf), "is inf"),
        (_with(-5.0), r"is -5\.0"),
        (_with(7000.0), r"is 7000\.0"),
    ],
)
def test_br_h_refuses_what_is_no_answer(
    change: Any, error: str, projection: Any, form: Any, refresh_every: int
) -> None:
    policy = BRH(predictor=_Constant(change), horizon=5, projection=projection, form=form, refresh_every=refresh_every)
    workload = Workload(np.arange(6.0) / 1e6, [10] * 6, [200] * 6)
    with pytest.raises((TypeError, ValueError), match=rf"_Constant\.\w+\(view, {5 + refresh_every - 1}\).*{error}"):
        simulate(ClusterConfig(workers=2, slots=2), workload, policy)


def test_a_curve_that_rises_or_starts_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[1, 2\] is 0\.6 after 0\.5"):
        checked_survival(None, [[1.0, 0.5, 0.5], [1.0, 0.5, 0.6]], active=2, horizon=2)
    with pytest.raises(ValueError, match=r"\[0, 0\] is 0\.9"):
        checked_survival(None, [[0.9, 0.5]], active=1, horizon=1)


def test_rounding_and_narrow_floats_pass_as_they_are() -> None:
    assert checked_remaining(None, np.array([1.0, 3.0], np.float32), active=2, horizon=2).tolist() == [1.0, 3.0]
    assert checked_survival(None, [[1.0, 0.5, 0.5 + 1e-9]], active=1, horizon=2).shape == (1, 3)
    assert checked_remaining(None, np.zeros(0), active=0, horizon=2).shape == (0,)

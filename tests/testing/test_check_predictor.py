"""Every predictor of ours conforms; broken ones fail, and the message names the rule."""

import doctest
from typing import Any

import numpy as np
import pytest

import brgym.testing
import classifiers
from brgym import RouterView
from brgym.testing import ConformanceError, check_predictor
from brgym.testing.scenarios import requests
from tests.classifiers.models import SMALL, small
from tests.testing.peeking import hidden_output_tokens

PAST = requests(600, pace_s=0.1, seed=9)


@pytest.mark.parametrize("name", SMALL)
def test_a_predictor_that_learns_conforms(name: str) -> None:
    check_predictor(small(name).fit(PAST))


@pytest.mark.parametrize("predictor", [classifiers.Oracle(), classifiers.Noisy(log_error=0.5)])
def test_a_clairvoyant_predictor_conforms(predictor: Any) -> None:
    check_predictor(predictor)


def test_noisy_by_auc_falls_short() -> None:
    """Its survival lets requests end evenly over the horizon, and its mean is another: two models in one."""
    with pytest.raises(ConformanceError, match=r"Noisy breaks DESIGN 2\.9 \(expected_remaining is the sum of survival"):
        check_predictor(classifiers.Noisy(auc=0.9))


class Constant:
    """Each request ends after any step with the same probability."""

    stays = 0.9

    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return self.survival(view, horizon).sum(axis=1)

    def survival(self, view: RouterView, horizon: int) -> Any:
        return np.tile(self.stays ** np.arange(horizon + 1), (len(view.running), 1))


def test_a_class_in_place_of_a_predictor_is_told_so() -> None:
    with pytest.raises(ConformanceError, match="it is the class Constant itself; give an object of it"):
        check_predictor(Constant)  # type: ignore[arg-type]


def test_a_sound_predictor_conforms() -> None:
    check_predictor(Constant())


class Speechless:
    def survival(self, view: RouterView, horizon: int) -> Any: ...


class OneTooMany(Constant):
    def survival(self, view: RouterView, horizon: int) -> Any:
        return np.ones((len(view.running), horizon + 2))


class Scalar(Constant):
    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return 1.0


class Whole(Constant):
    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return np.ones(len(view.running), int)


class Nan(Constant):
    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return np.full(len(view.running), np.nan)


class Long(Constant):
    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return np.full(len(view.running), horizon + 2.0)


class Rising(Constant):
    def survival(self, view: RouterView, horizon: int) -> Any:
        curve = super().survival(view, horizon)
        curve[:, 10:] += 0.2
        return curve


class DeadAlready(Constant):
    def survival(self, view: RouterView, horizon: int) -> Any:
        return self.stays * super().survival(view, horizon)


class TwoMinds(Constant):
    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return np.full(len(view.running), 1.0)


class Moody(Constant):
    def survival(self, view: RouterView, horizon: int) -> Any:
        self.stays = 1.4 - self.stays
        return super().survival(view, horizon)

    def expected_remaining(self, view: RouterView, horizon: int) -> Any:
        return Constant.survival(self, view, horizon).sum(axis=1)


class OnlyFull(Constant):
    def survival(self, view: RouterView, horizon: int) -> Any:
        return super().survival(view, horizon) * view.active_prompt_tokens.min() / view.active_prompt_tokens.min()


class Vandal(Constant):
    def survival(self, view: RouterView, horizon: int) -> Any:
        view.load_tokens[:] = 0
        return super().survival(view, horizon)


class Peeks(Constant):
    def survival(self, view: RouterView, horizon: int) -> Any:
        left = hidden_output_tokens(view.running["request"]) - view.active_generated_tokens
        return (left[:, None] > np.arange(horizon + 1)).astype(float)


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (Speechless(), r"Speechless breaks DESIGN 2\.9 \(a predictor has"),
        (Scalar(), r"Scalar breaks DESIGN 2\.9 \(expected_remaining is.*the shape is \(\)"),
        (Whole(), r"Whole breaks DESIGN 2\.9 \(expected_remaining is.*int64, and not float"),
        (Nan(), r"Nan breaks DESIGN 2\.9 \(expected_remaining is.*expected_remaining\[0\] is nan"),
        (Long(), r"Long breaks DESIGN 2\.9 \(expected_remaining is.*expected_remaining\[0\] is .*2\.0"),
        (OneTooMany(), r"OneTooMany breaks DESIGN 2\.9 \(expected_remaining|\(survival is.*the shape is"),
        (Rising(), r"Rising breaks DESIGN 2\.9 \(survival is.*survival\[0, 10\] is .* after .*not above"),
        (DeadAlready(), r"DeadAlready breaks DESIGN 2\.9 \(expected_remaining|\(survival is.*survival\[0, 0\] is"),
        (
            TwoMinds(),
            r"TwoMinds breaks DESIGN 2\.9 \(expected_remaining is the sum.*the difference\[0\] is -?\d",
        ),
        (Moody(), r"Moody breaks DESIGN 2\.9 \((deterministic|expected_remaining is the sum)"),
        (OnlyFull(), r"OnlyFull breaks DESIGN 2\.9 \(it answers for any.*0 active requests"),
        (Vandal(), r"Vandal breaks DESIGN 2\.9 \(it answers.*read-only"),
        (Peeks(), r"Peeks breaks DESIGN 2\.8 \(hidden output lengths"),
    ],
)
def test_a_broken_predictor_is_told_the_rule(predictor: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=f"(?s){message}"):
        check_predictor(predictor)


def test_the_example_in_the_docstring_works() -> None:
    outcome = doctest.testmod(brgym.testing)
    assert outcome.attempted > 0
    assert outcome.failed == 0

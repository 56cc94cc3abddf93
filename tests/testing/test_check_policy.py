"""Every policy of ours conforms; broken ones fail, and the message names the rule."""

import random
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import baselines
import classifiers
from brgym import ClusterConfig, RouterView
from brgym.testing import ConformanceError, check_policy
from brgym.testing.scenarios import requests
from tests.policies import make_policy
from tests.testing.peeking import hidden_output_tokens

SURVIVAL = classifiers.Survival().fit(requests(500, pace_s=0.1, seed=9))


@pytest.mark.parametrize("name", baselines.names())
def test_a_baseline_conforms(name: str) -> None:
    check_policy(make_policy(name))


@pytest.mark.parametrize("predictor", [SURVIVAL, classifiers.Oracle()])
@pytest.mark.parametrize("projection", ["cut", "expected"])
def test_br_h_conforms(predictor: Any, projection: str) -> None:
    check_policy(baselines.make("br-h", predictor=predictor, projection=projection, horizon=12))


class Sound:
    """The oldest candidate that fits, where it fits first."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.asked = 0

    def admit(self, view: RouterView) -> Any:
        fits = np.argwhere(view.fits())
        self.asked += 1
        return [self.choose(view, fits)] if len(fits) else []

    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        return fits[0]


class AtRandom(Sound):
    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        return self.rng.choice(fits)


class OnArrival:
    binding: ClassVar[Literal["arrival"]] = "arrival"

    def reset(self, cluster: ClusterConfig, seed: int) -> None: ...

    def bind(self, view: RouterView) -> int:
        return int(np.argmin(view.load_tokens))


@pytest.mark.parametrize("policy", [Sound(), AtRandom(), OnArrival()])
def test_a_sound_policy_in_python_conforms(policy: Any) -> None:
    check_policy(policy)


class NoBinding(Sound):
    binding = "sometime"  # type: ignore[assignment]


class Everywhere(Sound):
    def admit(self, view: RouterView) -> Any:
        return [(0, 0)]


class Twice(Sound):
    def admit(self, view: RouterView) -> Any:
        return np.repeat(np.argwhere(view.fits())[:1], 2, axis=0)


class Holds(Sound):
    def admit(self, view: RouterView) -> Any:
        return []


class Stumbles(Sound):
    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        return fits[self.asked]


class Vandal(Sound):
    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        view.load_tokens[0] = 0
        return fits[0]


class GlobalLuck(Sound):
    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        return fits[np.random.randint(len(fits))]  # noqa: NPY002


class PythonsLuck(Sound):
    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        return random.choice(list(fits))


class Remembers(Sound):
    def __init__(self) -> None:
        self.asked = 0

    def reset(self, cluster: ClusterConfig, seed: int) -> None: ...

    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        return fits[self.asked % 7 % len(fits)]


class Peeks(Sound):
    def choose(self, view: RouterView, fits: np.ndarray) -> Any:
        output = hidden_output_tokens(view.candidates["request"])
        return min(fits, key=lambda pair: output[pair[0]])


class DeclaresIt(Peeks):
    clairvoyant = True


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (NoBinding(), r"NoBinding breaks DESIGN 2\.9 \(a policy has reset.*got"),
        (Everywhere(), r"Everywhere breaks DESIGN 2\.2 .*requests coming and going.*routes candidate 0 to worker 0"),
        (Twice(), r"Twice breaks DESIGN 2\.2 .*named twice"),
        (Holds(), r"Holds breaks DESIGN 2\.2 .*time cannot pass"),
        (Stumbles(), r"Stumbles breaks DESIGN 2\.2 .*IndexError"),
        (Vandal(), r"Vandal breaks DESIGN 2\.2 .*read-only"),
        (GlobalLuck(), r"GlobalLuck breaks DESIGN 2\.9 \(deterministic"),
        (PythonsLuck(), r"PythonsLuck breaks DESIGN 2\.9 \(deterministic"),
        (Remembers(), r"Remembers breaks DESIGN 2\.9 \(deterministic"),
        (Peeks(), r"Peeks breaks DESIGN 2\.8 \(hidden output lengths.*when the future is another"),
    ],
)
def test_a_broken_policy_is_told_the_rule(policy: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=f"(?s){message}"):
        check_policy(policy)


def test_who_declares_clairvoyance_may_look() -> None:
    check_policy(DeclaresIt())


def test_two_faces_are_one_too_many() -> None:
    class Janus(type(baselines.make("least-kv"))):  # type: ignore[misc]
        def admit(self, view: RouterView) -> Any:
            fits = np.argwhere(view.fits())
            return [fits[-1]] if len(fits) else []

    with pytest.raises(ConformanceError, match=r"Janus breaks DESIGN 2\.9 \(the compiled decision"):
        check_policy(Janus())


def test_global_generators_are_left_as_they_were() -> None:
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    check_policy(Sound())
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


def test_a_class_in_place_of_a_policy_is_told_so() -> None:
    with pytest.raises(ConformanceError, match="it is the class Sound itself; give an object of it"):
        check_policy(Sound)  # type: ignore[arg-type]

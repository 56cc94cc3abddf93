"""BR-H's horizon from how long outputs are, and the warning where one is longer than they."""

import warnings

import numpy as np
import pytest

import baselines
import classifiers
from baselines.balance_route.horizon import HorizonWarning, auto_horizon
from brgym import ClusterConfig, RouterView, Workload, simulate

CLUSTER = ClusterConfig(workers=3, slots=6)


def requests_of(mean_output: int, count: int = 120) -> Workload:
    """Requests whose outputs have this mean."""
    rng = np.random.default_rng(mean_output)
    outputs = rng.permutation(np.linspace(1, 2 * mean_output - 1, count).round().astype(np.int64))
    return Workload(np.zeros(count), rng.integers(1, 2000, count), outputs)


@pytest.mark.parametrize(("mean", "steps"), [(1, 0), (57, 0), (200, 5), (1200, 80), (5000, 80)])
def test_the_measured_optima(mean: int, steps: int) -> None:
    assert auto_horizon(mean) == steps


@pytest.mark.parametrize("projection", ["cut", "expected"])
@pytest.mark.parametrize("refill", [False, True])
@pytest.mark.parametrize("predictor", [classifiers.Survival().fit(requests_of(200)), classifiers.Oracle()])
def test_auto_is_the_horizon_of_the_mean_output(
    projection: str, refill: bool, predictor: classifiers.Predictor
) -> None:
    requests = requests_of(200)
    options = {"predictor": predictor, "projection": projection, "refill": refill}
    auto = simulate(CLUSTER, requests, baselines.make("br-h", horizon="auto", **options))
    fixed = simulate(CLUSTER, requests, baselines.make("br-h", horizon=auto_horizon(200), **options))
    assert auto.requests.tobytes() == fixed.requests.tobytes()


def test_auto_follows_the_run_where_the_predictor_sees_it() -> None:
    policy = baselines.make("br-h", predictor=classifiers.Oracle(), horizon="auto")
    for mean in (57, 400):
        fixed = baselines.make("br-h", predictor=classifiers.Oracle(), horizon=auto_horizon(mean))
        requests = requests_of(mean)
        auto, asked = (simulate(CLUSTER, requests, router) for router in (policy, fixed))
        assert auto.requests.tobytes() == asked.requests.tobytes()


def test_a_horizon_longer_than_the_mean_output_warns() -> None:
    predictor = classifiers.Survival().fit(requests_of(57))
    policy = baselines.make("br-h", predictor=predictor, horizon=58)
    with pytest.warns(HorizonWarning, match=r"BR-H looks 58 steps ahead.*mean output of 57 tokens.*would be 0"):
        simulate(CLUSTER, requests_of(57), policy)


@pytest.mark.parametrize("horizon", [57, 0, "auto"])
def test_any_other_does_not(horizon: int | str) -> None:
    policy = baselines.make("br-h", predictor=classifiers.Oracle(), horizon=horizon)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulate(CLUSTER, requests_of(57), policy)


def test_auto_needs_to_know_how_long_outputs_are() -> None:
    class Half:
        def expected_remaining(self, view: RouterView, horizon: int) -> np.ndarray:
            return np.full(len(view.running), 1.0 + horizon / 2)

        def survival(self, view: RouterView, horizon: int) -> np.ndarray:
            return np.ones((len(view.running), horizon + 1))

    with pytest.raises(TypeError, match="horizon='auto' needs a predictor with mean_output_tokens"):
        baselines.make("br-h", predictor=Half(), horizon="auto")
    simulate(CLUSTER, requests_of(57), baselines.make("br-h", predictor=Half()))


def test_other_words_are_refused() -> None:
    with pytest.raises((TypeError, ValueError), match="horizon"):
        baselines.make("br-h", predictor=classifiers.Oracle(), horizon="far")

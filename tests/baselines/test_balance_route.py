"""BR-0 and BR-H against the plain reference, decision for decision, and against each other."""

from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines
import classifiers
from baselines.balance_route.forecast import Forecast
from baselines.balance_route.horizon import HorizonWarning
from brgym import ClusterConfig, RouterView, Workload, load_workload, simulate
from tests.cluster.test_equals_reference import assert_same_run, run_kernel
from tests.reference.cluster import Request, simulate_reference
from tests.reference.policies import BalanceRoute0, BalanceRouteH, Level, oracle_remaining, oracle_survival
from tests.reference.strategies import scenarios

RANDOM_SCENARIOS = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])

# Sums of discounts that are powers of 1/2 are exact in any order, so that equal scores tie here as they do there.
EXACT_GAMMA = st.sampled_from([1.0, 0.5])


@RANDOM_SCENARIOS
@given(
    scenario=scenarios(),
    horizon=st.integers(0, 6),
    gamma=EXACT_GAMMA,
    alpha=st.sampled_from([1.0, 0.5, 2.0]),
    beta=st.sampled_from([None, 1.0, 4.0]),
    greedy_above=st.sampled_from([0, 2, 7]),
    projection=st.sampled_from(["cut", "expected"]),
)
def test_br_h_with_oracle_equals_reference(scenario: dict[str, Any], projection: str, **parameters: Any) -> None:
    predict = oracle_remaining if projection == "cut" else oracle_survival
    reference = BalanceRouteH(predict=predict, projection=projection, **parameters)  # type: ignore[arg-type]
    policy = baselines.make("br-h", predictor=classifiers.Oracle(), projection=projection, **parameters)
    assert_same_run(run_kernel(scenario, policy), simulate_reference(**scenario, policy=reference))


@st.composite
def whole_means(draw: st.DrawFn) -> dict[str, Any]:
    """Scenarios in which the mean context of any window is a whole number, so that sums are exact in any order."""
    scenario = draw(scenarios())
    prompts = [840 * tokens for tokens in scenario["prompt_tokens"]]  # 840 = lcm(1..8)
    return scenario | {"prompt_tokens": prompts, "kv_capacity": None, "candidates": draw(st.sampled_from([1, 2, 3, 8]))}


@RANDOM_SCENARIOS
@given(
    scenario=whole_means(),
    horizon=st.integers(0, 6),
    gamma=EXACT_GAMMA,
    alpha=st.sampled_from([1.0, 0.5]),
    greedy_above=st.sampled_from([0, 2, 7]),
    projection=st.sampled_from(["cut", "expected"]),
    worker_choice=st.sampled_from(["most-free-slots", "lowest-load"]),
)
def test_br_h_with_refill_equals_reference(scenario: dict[str, Any], projection: str, **parameters: Any) -> None:
    predict = oracle_remaining if projection == "cut" else oracle_survival
    reference = BalanceRouteH(predict=predict, projection=projection, refill=True, **parameters)  # type: ignore[arg-type]
    policy = baselines.make("br-h", predictor=classifiers.Oracle(), projection=projection, refill=True, **parameters)
    assert_same_run(run_kernel(scenario, policy), simulate_reference(**scenario, policy=reference))


@pytest.mark.parametrize(("name", "plain"), [("br-0", BalanceRoute0), ("level", Level)])
@RANDOM_SCENARIOS
@given(scenario=scenarios())
def test_the_lowest_load_first_equals_reference(name: str, plain: Any, scenario: dict[str, Any]) -> None:
    policy = baselines.make(name, worker_choice="lowest-load")
    reference = plain(worker_choice="lowest-load")
    assert_same_run(run_kernel(scenario, policy), simulate_reference(**scenario, policy=reference))


def test_below_saturation_the_lowest_load_halves_the_imbalance() -> None:
    """At 0.9 of capacity free slots say nothing of the loads (DESIGN 2.6)."""
    cluster = ClusterConfig(workers=8, slots=72)
    backlog_run = simulate(cluster, load_workload("proprietary-like", count=3000), baselines.make("br-0"))
    requests = load_workload("proprietary-like", count=4000, seed=1)
    per_s = 0.9 * backlog_run.metrics.throughput_tok_s / requests.output_tokens.mean()
    arrival_s = np.cumsum(np.random.default_rng(1).exponential(1.0 / per_s, len(requests)))
    arriving = Workload(arrival_s, requests.prompt_tokens, requests.output_tokens)
    paper, ours = (
        simulate(cluster, arriving, baselines.make("br-0", worker_choice=choice)).metrics.imbalance_mean
        for choice in ("most-free-slots", "lowest-load")
    )
    assert ours <= paper / 2


@RANDOM_SCENARIOS
@given(scenario=scenarios(), training=st.lists(st.integers(1, 40), min_size=1, max_size=20), gamma=EXACT_GAMMA)
def test_br_h_with_survival_equals_reference(scenario: dict[str, Any], training: list[int], gamma: float) -> None:
    def predict(active: list[Request], horizon: int) -> list[float]:
        return [expected_remaining(training, request.generated, horizon) for request in active]

    survival = classifiers.Survival().fit(backlog(training))
    policy = baselines.make("br-h", predictor=survival, horizon=5, gamma=gamma)
    reference = BalanceRouteH(predict=predict, horizon=5, gamma=gamma)
    assert_same_run(run_kernel(scenario, policy), simulate_reference(**scenario, policy=reference))


@RANDOM_SCENARIOS
@given(scenario=scenarios(), order=st.sampled_from(["arrival", "prompt-ascending", "prompt-descending"]))
def test_br_h_without_horizon_is_br0_decision_for_decision(scenario: dict[str, Any], order: str) -> None:
    br_h = baselines.make("br-h", predictor=classifiers.Oracle(), horizon=0, order=order)
    first, second = run_kernel(scenario, br_h), run_kernel(scenario, baselines.make("br-0", order=order))
    assert first.requests.tobytes() == second.requests.tobytes()
    assert first.steps.tobytes() == second.steps.tobytes()


@pytest.mark.parametrize("projection", ["cut", "expected"])
def test_kept_predictions_age_by_the_step(projection: str) -> None:
    """The oracle's predictions stay right while they are kept; what came since the refresh outlasts the horizon."""
    compared = []

    class Spy:
        binding: ClassVar[Literal["pool"]] = "pool"
        clairvoyant = True

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            self.forecast = Forecast(classifiers.Oracle(), horizon=6, form="blend", refresh_every=4)
            self.fallback: Any = baselines.make("br-0")
            self.fallback.reset(cluster, seed)
            self.boundary = self.refreshed_step = -4
            self.known: set[int] = set()

        def admit(self, view: Any) -> Any:
            if view.boundary > self.boundary:
                self.boundary = view.boundary
                self.compare(view)
            return self.fallback.admit(view)

        def compare(self, view: Any) -> None:
            requests = view.running["request"].tolist()
            if view.step - self.refreshed_step >= 4:
                self.refreshed_step, self.known = view.step, set(requests)
            known = np.array([request in self.known for request in requests], bool)
            left = np.where(known, view.active_remaining_tokens, 99)
            if projection == "cut":
                np.testing.assert_array_equal(self.forecast.remaining(view), np.minimum(left, 7))
            else:
                np.testing.assert_array_equal(self.forecast.survival(view), left[:, None] > np.arange(7))
            compared.append((known.sum(), (~known).sum()))

    rng = np.random.default_rng(2)
    workload = Workload(np.sort(rng.uniform(0, 5, 200)), rng.integers(1, 90, 200), rng.integers(1, 20, 200))
    simulate(ClusterConfig(workers=3, slots=6), workload, Spy())
    assert np.all(np.sum(compared, axis=0) > 100), "both kinds were met"


@pytest.mark.parametrize("projection", ["cut", "expected"])
@pytest.mark.parametrize("refill", [False, True])
def test_with_one_worker_the_older_goes_first(projection: str, refill: bool) -> None:
    """F is then 0 for all, whatever the discount."""
    rng = np.random.default_rng(4)
    workload = Workload(np.zeros(300), rng.integers(1, 9000, 300), rng.integers(1, 60, 300))
    policy = baselines.make("br-h", predictor=classifiers.Oracle(), projection=projection, refill=refill)
    with pytest.warns(HorizonWarning):
        admitted_s = simulate(ClusterConfig(workers=1, slots=9), workload, policy).requests["admit_s"]
    assert (np.diff(admitted_s) >= 0.0).all()


def test_threshold_form_cuts_only_what_probably_ends() -> None:
    """Outputs 1, 1, 9 in training: two of three end at once, and after a token the rest goes on to 9."""
    seen: list[np.ndarray] = []

    class Spy:
        binding: ClassVar[Literal["pool"]] = "pool"

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            self.policy: Any = baselines.make("br-h", predictor=survival, horizon=3, form="threshold")
            self.policy.reset(cluster, seed)

        def admit(self, view: RouterView) -> Any:
            seen.append(np.stack([view.active_generated_tokens, forecast.remaining(view)]))
            return self.policy.admit(view)

    survival = classifiers.Survival().fit(backlog([1, 1, 9]))
    forecast = Forecast(survival, horizon=3, form="threshold", refresh_every=1)
    workload = Workload([0, 0.01], [5, 5], [8, 8])
    simulate(ClusterConfig(workers=1, slots=2), workload, Spy())
    generated, remaining = seen[-1][:, 0]
    assert generated == 1
    assert remaining == 4.0, "ending within 3 steps is impossible, so H + 1"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": -1}, "horizon must be at least 0"),
        ({"gamma": 1.5}, "gamma must be finite and in 0..1"),
        ({"alpha": -1.0}, "alpha must be finite and at least 0"),
        ({"beta": float("nan")}, "beta must be finite"),
        ({"projection": "expect"}, "unknown projection 'expect'; did you mean 'expected'"),
        ({"form": "blur"}, "unknown form 'blur'"),
        ({"refresh_every": 0}, "refresh_every must be at least 1"),
        ({"predictor": 3}, "predictor must have expected_remaining and survival"),
    ],
)
def test_bad_br_h_parameter_is_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        baselines.make("br-h", **({"predictor": classifiers.Oracle()} | parameters))


def test_blind_policy_cannot_use_the_oracle() -> None:
    class Blind:
        binding: ClassVar[Literal["pool"]] = "pool"

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            pass

        def admit(self, view: RouterView) -> Any:
            return classifiers.Oracle().expected_remaining(view, 5)

    with pytest.raises(TypeError, match="not clairvoyant"):
        simulate(ClusterConfig(), backlog([1, 2]), Blind())
    assert simulate(
        ClusterConfig(), backlog([1, 2]), baselines.make("br-h", predictor=classifiers.Oracle())
    ).clairvoyant


def expected_remaining(training: list[int], generated: int, horizon: int) -> float:
    """E[min(O - a, H + 1) | O > a] over the training outputs; H + 1 where none is so long."""
    left = [min(output - generated, horizon + 1) for output in training if output > generated]
    return sum(left) / len(left) if left else horizon + 1.0


def backlog(output_tokens: list[int]) -> Workload:
    return Workload(np.zeros(len(output_tokens)), np.full(len(output_tokens), 5), output_tokens)

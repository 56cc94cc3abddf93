"""BF-IO: its programme against the enumeration of all assignments, its runs, and the gap of other policies."""

from itertools import permutations, product
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines
import classifiers
from baselines.bf_io import BFIO, optimal_assignment, optimality_gap, predicted_imbalance, projected_loads
from brgym import ClusterConfig, RouterView, StepTime, Workload, simulate
from brgym.cluster import ClairvoyantView
from tests.policies import pooled
from tests.reference.strategies import scenarios

FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
BARRIER = StepTime.barrier(base_s=0.01, per_token_s=1e-4)


@st.composite
def boundaries(draw: st.DrawFn) -> dict[str, Any]:
    """Up to 3 workers, 5 candidates and 3 steps ahead; KV unlimited, tight, or overdrawn before a preemption."""
    workers, steps = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    load = st.lists(st.integers(0, 60), min_size=steps, max_size=steps)
    room = st.lists(st.integers(-9, 60), min_size=workers, max_size=workers)
    return {
        "projection": np.array(draw(st.lists(load, min_size=workers, max_size=workers)), dtype=np.float64),
        "contexts": np.array(draw(st.lists(st.integers(1, 30), max_size=5)), dtype=np.int64),
        "free_slots": np.array(draw(st.lists(st.integers(0, 3), min_size=workers, max_size=workers))),
        "spare_tokens": draw(st.none() | room.map(np.array)),
    }


def allowed(boundary: dict[str, Any], worker: np.ndarray) -> bool:
    for g in range(len(boundary["projection"])):
        here = worker == g
        if here.sum() > boundary["free_slots"][g]:
            return False
        room = boundary["spare_tokens"]
        if room is not None and (boundary["contexts"][here] + 1).sum() > max(room[g], 0):
            return False
    return True


def every_assignment(boundary: dict[str, Any]) -> list[np.ndarray]:
    choices = product(range(-1, len(boundary["projection"])), repeat=len(boundary["contexts"]))
    candidates = (np.array(choice, dtype=np.int64) for choice in choices)
    return [worker for worker in candidates if allowed(boundary, worker)]


def imbalance(boundary: dict[str, Any], worker: np.ndarray) -> float:
    """The objective, written out."""
    total = 0.0
    for ahead in range(boundary["projection"].shape[1]):
        load = boundary["projection"][:, ahead].tolist()
        for context, g in zip(boundary["contexts"].tolist(), worker.tolist(), strict=True):
            if g >= 0:
                load[g] += context + ahead
        total += len(load) * max(load) - sum(load)
    return total


@FEW
@given(boundary=boundaries())
def test_programme_equals_enumeration(boundary: dict[str, Any]) -> None:
    """It admits as many as can be admitted and of all ways to do so takes one with the least imbalance."""
    everything = every_assignment(boundary)
    most = max(int(np.count_nonzero(worker >= 0)) for worker in everything)
    least = min(imbalance(boundary, worker) for worker in everything if np.count_nonzero(worker >= 0) == most)

    found = optimal_assignment(**boundary)
    assert allowed(boundary, found.worker)
    assert np.count_nonzero(found.worker >= 0) == most
    assert found.imbalance == imbalance(boundary, found.worker) == least
    assert found.proven


@FEW
@given(boundary=boundaries(), data=st.data())
def test_programme_with_a_given_number_equals_enumeration(boundary: dict[str, Any], data: st.DataObject) -> None:
    everything = every_assignment(boundary)
    count = data.draw(st.integers(0, max(int(np.count_nonzero(worker >= 0)) for worker in everything)))
    least = min(imbalance(boundary, worker) for worker in everything if np.count_nonzero(worker >= 0) == count)
    assert optimal_assignment(**boundary, count=count).imbalance == least


@pytest.mark.parametrize("horizon", [0, 20])
def test_programme_is_exact_at_the_size_of_the_papers_cluster(horizon: int) -> None:
    """8 workers with some 250,000 tokens each, 32 candidates, two slots free: 992 assignments."""
    rng = np.random.default_rng(horizon)
    for _ in range(5):
        load = rng.integers(230_000, 260_000, 8)
        drift = rng.integers(-2000, 72, (8, horizon)).cumsum(axis=1)
        projection = np.hstack([load[:, None], load[:, None] + drift]).astype(np.float64)
        contexts = rng.integers(1, 9000, 32)
        ways = (
            np.where(np.arange(32) == i, 2, np.where(np.arange(32) == j, 5, -1)) for i, j in permutations(range(32), 2)
        )
        least = min(predicted_imbalance(projection, contexts, worker) for worker in ways)
        found = optimal_assignment(projection, contexts, np.array([0, 0, 1, 0, 0, 1, 0, 0]))
        assert found.proven
        assert found.imbalance == least


def test_programme_worked_by_hand() -> None:
    """Loads 10 and 4, a free slot each. 2 to worker 0 and 8 to worker 1 make 12 and 12."""
    found = optimal_assignment(np.array([[10.0], [4.0]]), np.array([8, 2, 5]), np.array([1, 1]))
    assert found.worker.tolist() == [1, 0, -1]
    assert found.imbalance == 0


def test_lookahead_prefers_the_worker_that_is_about_to_be_relieved() -> None:
    """Now worker 0 has more, one step later nothing."""
    projection = np.array([[11.0, 0.0, 0.0], [10.0, 11.0, 12.0]])
    one, free = np.array([1]), np.array([1, 1])
    assert optimal_assignment(projection[:, :1], one, free).worker.tolist() == [1]
    assert optimal_assignment(projection, one, free).worker.tolist() == [0]


def test_more_than_can_be_admitted_is_refused() -> None:
    with pytest.raises(ValueError, match="2 of 2 candidates cannot be admitted together"):
        optimal_assignment(np.zeros((2, 1)), np.array([5, 5]), np.array([1, 0]), count=2)
    with pytest.raises(ValueError, match=r"count must be in 0\.\.2, got 3"):
        optimal_assignment(np.zeros((2, 1)), np.array([5, 5]), np.array([9, 9]), count=3)


class Asked:
    """Lets BF-IO decide and looks at every question and answer."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, policy: BFIO, check: Any) -> None:
        self.policy = policy
        self.clairvoyant = policy.clairvoyant
        self.check = check
        self.reset = policy.reset

    def admit(self, view: RouterView) -> Any:
        pairs = self.policy.admit(view)
        self.check(view, pairs)
        return pairs


def served(scenario: dict[str, Any], policy: Any) -> Any:
    constants = ("workers", "slots", "kv_capacity", "candidates", "recompute_s_per_token")
    cluster = ClusterConfig(**{key: scenario[key] for key in constants}, step_time=BARRIER)
    workload = Workload(scenario["arrival_s"], scenario["prompt_tokens"], scenario["output_tokens"])
    return simulate(cluster, workload, policy)


@settings(FEW, max_examples=12)
@given(scenario=scenarios(max_requests=8), horizon=st.sampled_from([0, 3]))
def test_policy_serves_everything_and_never_leaves_a_usable_slot(scenario: dict[str, Any], horizon: int) -> None:
    def check(view: RouterView, pairs: Any) -> None:
        assert len(pairs) > 0, "it is asked only while something fits"
        if scenario["kv_capacity"] is None:
            assert len(pairs) == min(len(view.candidates), view.free_slots.sum())

    predictor = classifiers.Oracle() if horizon else None
    result = served(scenario, Asked(BFIO(horizon=horizon, predictor=predictor, node_limit=50), check))
    assert np.isfinite(result.requests["finish_s"]).all()
    assert result.clairvoyant == (horizon > 0)


@settings(FEW, max_examples=30)
@given(scenario=scenarios(max_requests=12), horizon=st.integers(0, 6))
def test_projection_equals_the_sum_over_requests(scenario: dict[str, Any], horizon: int) -> None:
    """Requests that end within the horizon leave at their last step: exact, with an oracle."""

    class Projects:
        binding: ClassVar[Literal["pool"]] = "pool"
        clairvoyant = True

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            self.others: Any = baselines.make("least-kv")
            self.others.reset(cluster, seed)

        def admit(self, view: ClairvoyantView) -> Any:
            expected = np.zeros((view.workers, horizon + 1))
            weight = view.active_prompt_tokens + view.active_generated_tokens
            for g, w, left in zip(view.active_worker, weight, view.active_remaining_tokens, strict=True):
                for ahead in range(min(left, horizon + 1)):
                    expected[g, ahead] += w + ahead
            np.testing.assert_array_equal(projected_loads(view, horizon, classifiers.Oracle()), expected)
            return self.others.admit(view)

    served(scenario, Projects())


BACKLOG = Workload(np.zeros(60), np.arange(60) * 37 % 101 + 1, np.arange(60) * 23 % 47 + 1)
CLUSTER = ClusterConfig(workers=3, slots=3, candidates=6, step_time=BARRIER)


def test_gap_of_bf_io_itself_is_zero() -> None:
    """With the whole pool in view it decides a boundary in one go."""
    cluster = ClusterConfig(workers=3, slots=2, candidates=None, step_time=BARRIER)
    gap = optimality_gap(cluster, BACKLOG.slice(0, 20), BFIO(), every=1)
    assert gap.proven.all()
    np.testing.assert_array_equal(gap.policy, gap.optimum)
    assert gap.admitted.sum() == 20
    assert gap.ratio == gap.optimal_share == 1.0


@pytest.mark.parametrize("horizon", [0, 5])
def test_gap_is_not_negative_and_orders_policies(horizon: int) -> None:
    predictor = classifiers.Oracle() if horizon else None

    def gap(name: str) -> Any:
        return optimality_gap(CLUSTER, BACKLOG, pooled(name), every=2, horizon=horizon, predictor=predictor)

    br0, least_kv = gap("br-0"), gap("least-kv")
    for found in (br0, least_kv):
        assert (found.policy >= found.optimum)[found.proven].all()
    assert br0.mean_tokens < least_kv.mean_tokens
    assert 1 <= br0.ratio < least_kv.ratio


def test_gap_counts_what_the_policy_did() -> None:
    """A boundary of two workers with a slot each: least-kv puts 9, 1 on them in order; 8, 9 would be more even."""
    cluster = ClusterConfig(workers=2, slots=1, candidates=3, step_time=BARRIER)
    gap = optimality_gap(cluster, Workload([0, 0, 0], [9, 1, 8], [1, 1, 1]), pooled("least-kv"), every=1)
    assert gap.boundary.tolist() == [1, 2]
    assert gap.admitted.tolist() == [2, 1]
    assert gap.policy.tolist() == [8, 8]
    assert gap.optimum.tolist() == [1, 8]
    assert gap.mean_tokens == 3.5
    assert gap.ratio == pytest.approx(16 / 9)
    assert gap.optimal_share == 0.5


def test_sampling_leaves_the_run_as_it_is() -> None:
    sampled = optimality_gap(CLUSTER, BACKLOG, pooled("br-0"), every=3)
    everything = optimality_gap(CLUSTER, BACKLOG, pooled("br-0"), every=1)
    assert sampled.policy.tolist() == everything.policy[::3].tolist()


def test_gap_needs_a_policy_that_binds_from_the_pool() -> None:
    with pytest.raises(TypeError, match="policy must bind from the pool"):
        optimality_gap(CLUSTER, BACKLOG, baselines.make("jsq"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": -1}, r"horizon must be in 0\.\.65536"),
        ({"horizon": 3}, "horizon 3 needs a predictor"),
        ({"node_limit": 0}, "node_limit must be at least 1"),
        ({"time_limit_s": 0.0}, "time_limit_s must be finite and above 0"),
    ],
)
def test_bad_parameter_is_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BFIO(**parameters)

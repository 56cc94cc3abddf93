"""`simulate`: what it refuses, what it repeats, and its figures on a run small enough to work out by hand."""

import subprocess
import sys
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import baselines
from brgym import ClusterConfig, Power, RouterView, StepTime, Workload, preset, simulate
from brgym.cluster import PRESETS

SECOND_A_STEP = StepTime.barrier(base_s=1.0, per_token_s=0.0)


class Scripted:
    """Admits what a function of the view says."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, admit: Any) -> None:
        self.admit = admit

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        pass


def test_figures_of_a_run_worked_by_hand() -> None:
    """Two workers, a slot each. A (10 + 2 tokens) and B (4 + 1) start at 0; C (5 + 2) follows B on worker 1.

    Step 0: loads 10, 4.  Step 1: loads 11, 5.  Step 2: loads 0, 6.
    """
    cluster = ClusterConfig(
        workers=2,
        slots=1,
        step_time=StepTime.barrier(base_s=1.0, per_token_s=0.1),
        power=Power(idle_w=100.0, peak_w=400.0, exponent=1.0),
    )
    result = simulate(cluster, Workload([0, 0, 0], [10, 4, 5], [2, 1, 2]), baselines.make("least-kv"), window=(0, 1))

    assert result.requests["worker"].tolist() == [0, 1, 1]
    assert result.steps["duration_s"].tolist() == pytest.approx([2.0, 2.1, 1.6])
    assert result.requests["admit_s"].tolist() == pytest.approx([0.0, 0.0, 2.0])
    assert result.requests["first_token_s"].tolist() == pytest.approx([2.0, 2.0, 4.1])
    assert result.requests["finish_s"].tolist() == pytest.approx([4.1, 2.0, 5.7])

    metrics = result.metrics
    assert metrics.imbalance_mean == pytest.approx((6 + 6 + 6) / 3)
    assert metrics.spread_mean == pytest.approx((6 + 6 + 6) / 3)
    assert metrics.balance_mean == pytest.approx((14 / 20 + 16 / 22 + 6 / 12) / 3)
    assert metrics.barrier_idle_mean == pytest.approx((0.6 / 4.0 + 0.6 / 4.2 + 0.6 / 3.2) / 3)
    assert metrics.throughput_tok_s == pytest.approx(5 / 5.7)
    assert metrics.active_mean == pytest.approx(5 / 3)
    assert metrics.tokens_p90_s == pytest.approx(5.7)
    assert metrics.makespan_s == pytest.approx(5.7)
    assert metrics.ttft_s.mean == pytest.approx((2.0 + 2.0 + 4.1) / 3)
    assert metrics.queueing_s.max == pytest.approx(2.0)
    assert metrics.tpot_s.mean == pytest.approx((2.1 + 1.6) / 2)
    assert metrics.e2e_s.p50 == pytest.approx(4.1)
    power_w = [400 + 100 + 300 * 4 / 10, 400 + 100 + 300 * 5 / 11, 100 + 400]
    assert metrics.energy_j == pytest.approx(np.dot(power_w, [2.0, 2.1, 1.6]))


def test_measurement_window_is_the_steps_with_10_to_90_percent_admitted() -> None:
    """Ten requests of two tokens on one slot: request k is admitted at step 2 k, the ninth at step 16."""
    workload = Workload(np.zeros(10), np.arange(10, 20), np.full(10, 2))
    result = simulate(ClusterConfig(workers=1, slots=1, step_time=SECOND_A_STEP), workload, baselines.make("least-kv"))
    assert result.steps["admitted"].tolist() == [1 + step // 2 for step in range(20)]
    assert result.metrics.window_steps == 18
    assert result.metrics.makespan_s == 20.0
    assert result.metrics.tokens_p90_s == 18.0


def test_step_figures_are_there_for_the_window_and_for_the_whole_run() -> None:
    """Both workers busy while eight short requests and a long one are served; then the long one goes on alone."""
    workload = Workload(np.zeros(9), np.full(9, 10), [30] + 8 * [2])
    cluster = ClusterConfig(workers=2, slots=1, step_time=SECOND_A_STEP)
    metrics = simulate(cluster, workload, baselines.make("least-kv")).metrics
    assert (metrics.window_steps, metrics.steps) == (14, 30)
    assert metrics.active_mean == metrics.throughput_tok_s == 2.0
    assert metrics.run_active_mean == metrics.run_throughput_tok_s == pytest.approx(46 / 30)
    # Loads of the long request are 10, 11, ..., 39; of the short ones 10, 11, 10, 11, ...
    long, short = 10 + np.arange(30), np.where(np.arange(30) < 16, 10 + np.arange(30) % 2, 0)
    for name, steps in (("", slice(0, 14)), ("run_", slice(None))):
        apart = (long - short)[steps]
        assert getattr(metrics, f"{name}imbalance_mean") == pytest.approx(apart.mean())
        assert getattr(metrics, f"{name}spread_mean") == pytest.approx(apart.mean())
        assert getattr(metrics, f"{name}balance_mean") == pytest.approx(((long + short) / (2 * long))[steps].mean())
    assert metrics.run_barrier_idle_mean == metrics.barrier_idle_mean == 0.0
    assert metrics.tokens_p90_s == 26.0  # 46 tokens: 2 a step until 16 s, one a step from there; the 42nd ends at 26 s


def test_clock_jumps_over_idle_time() -> None:
    workload = Workload([3.0, 100.0], [5, 5], [1, 1])
    result = simulate(ClusterConfig(workers=2, slots=1, step_time=SECOND_A_STEP), workload, baselines.make("jsq"))
    assert result.steps["start_s"].tolist() == [3.0, 100.0]
    assert result.requests["finish_s"].tolist() == [4.0, 101.0]


def test_oversized_request_is_refused_by_row_or_dropped_and_counted() -> None:
    cluster = ClusterConfig(workers=2, slots=2, kv_capacity=20, step_time=SECOND_A_STEP)
    workload = Workload([0, 1, 2], [5, 15, 6], [5, 6, 7])
    with pytest.raises(ValueError, match=r"row 1 can never fit: 15 prompt \+ 6 output .* kv_capacity 20"):
        simulate(cluster, workload, baselines.make("jsq"))
    result = simulate(cluster, workload, baselines.make("jsq"), oversize="drop")
    assert result.metrics.dropped == 1
    assert result.metrics.requests == 2
    assert result.requests["worker"].tolist() == [0, -1, 1]
    assert np.isnan(result.requests["finish_s"]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ([(5, 0)], "candidate 5 to worker 0"),
        ([(0, 9)], "candidate 0 to worker 9"),
        ([(0, 0), (0, 1)], "candidate 0 to worker 1: .* twice"),
        ([(0, 0), (1, 0)], "candidate 1 to worker 0: .* not fit"),
    ],
)
def test_decision_that_is_not_allowed_is_an_error(answer: Any, what: str) -> None:
    cluster = ClusterConfig(workers=2, slots=1)
    with pytest.raises(ValueError, match=f"policy Scripted at boundary 1 routes {what}"):
        simulate(cluster, Workload(np.zeros(3), [5, 5, 5], [3, 3, 3]), Scripted(lambda view: answer))


def test_policy_that_lets_time_stand_still_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="Scripted admits nothing at 0 s"):
        simulate(ClusterConfig(workers=2), Workload([0.0], [5], [3]), Scripted(lambda view: []))


def test_rows_of_one_decision_are_numbered_as_the_view_shows_them() -> None:
    def backwards(view: RouterView) -> list[tuple[int, int]]:
        return [(len(view.candidates) - 1 - index, index) for index in range(len(view.candidates))]

    cluster = ClusterConfig(workers=4, slots=1, candidates=4, step_time=SECOND_A_STEP)
    result = simulate(cluster, Workload(np.zeros(4), [1, 2, 3, 4], np.ones(4, int)), Scripted(backwards))
    assert result.requests["worker"].tolist() == [3, 2, 1, 0]


def test_object_that_is_no_policy_is_refused() -> None:
    with pytest.raises(TypeError, match="policy must have reset"):
        simulate(ClusterConfig(), Workload([0.0], [1], [1]), object())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"slots": 0}, "slots must be at least 1, got 0"),
        ({"workers": 2.5}, "workers must be a whole number"),
        ({"kv_capacity": 1}, "kv_capacity must be at least 2"),
        ({"candidates": 0}, "candidates must be at least 1"),
        ({"recompute_s_per_token": -1.0}, "recompute_s_per_token must be finite and in 0..2"),
        ({"recompute_s_per_token": float("nan")}, "recompute_s_per_token must be finite"),
        ({"step_time": 0.04}, "step_time must be a StepTime"),
    ],
)
def test_bad_cluster_parameter_is_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        ClusterConfig(**parameters)


def test_step_time_needs_to_take_time() -> None:
    with pytest.raises(ValueError, match="every coefficient is zero"):
        StepTime.barrier(base_s=0.0, per_token_s=0.0)
    with pytest.raises(ValueError, match="per_token_s must be finite"):
        StepTime.barrier(base_s=0.1, per_token_s=float("inf"))


def test_presets_have_sources_and_unknown_names_the_nearest() -> None:
    for name, described in PRESETS.items():
        assert preset(name, workers=3).workers == 3
        for figure in ("base_s", "per_token_s", "kv_capacity", "slots"):
            assert getattr(described, figure).source
    with pytest.raises(ValueError, match="did you mean 'ascend-910c'"):
        preset("ascend-910")


SAME_BYTES = """
import hashlib, numpy as np, baselines
from brgym import ClusterConfig, Workload, simulate
rng = np.random.default_rng(0)
workload = Workload(np.sort(rng.uniform(0, 5, 300)), rng.integers(1, 900, 300), rng.integers(1, 90, 300))
digest = hashlib.sha256()
for name in ("random", "power-of-two", "br-0"):
    result = simulate(ClusterConfig(workers=4, slots=8, kv_capacity=6000), workload, baselines.make(name), seed=11)
    digest.update(result.requests.tobytes() + result.steps.tobytes() + repr(result.metrics.as_dict()).encode())
print(digest.hexdigest())
"""


def test_same_seed_gives_the_same_bytes_in_every_process() -> None:
    digests = {
        subprocess.run([sys.executable, "-c", SAME_BYTES], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(digests) == 1


def test_seed_moves_a_random_policy() -> None:
    workload = Workload(np.zeros(50), np.full(50, 9), np.full(50, 9))
    runs = [simulate(ClusterConfig(), workload, baselines.make("random"), seed=seed).requests for seed in (1, 1, 2)]
    assert runs[0].tobytes() == runs[1].tobytes()
    assert runs[0].tobytes() != runs[2].tobytes()

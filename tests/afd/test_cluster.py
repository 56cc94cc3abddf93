"""A bundle as a cluster: three rows of the step time, on which every router and both environments run."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines
import brgym  # noqa: F401  (registers the environments)
from brgym import afd
from brgym.cluster import simulate
from brgym.study import cluster_of, source_of
from brgym.workload import Workload
from tests.policies import make_policy

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "afd-illustrative.toml"
ILLUSTRATIVE = afd.Coefficients.illustrative()
CLUSTER = afd.bundle_cluster(ILLUSTRATIVE, ratio=3, batch=4)

COEFFICIENT = st.floats(0.001, 100.0)


def workload(requests=40):
    rng = np.random.default_rng(1)
    return Workload(np.zeros(requests), rng.integers(1, 500, requests), rng.integers(1, 20, requests))


@given(
    c=st.builds(
        afd.Coefficients,
        *[COEFFICIENT] * 6,
        comm_per=st.sampled_from(["worker", "bundle"]),
        time_unit=st.sampled_from(["s", "ms", "us", "ns"]),
    ),
    loads=st.lists(st.integers(0, 100_000), min_size=1, max_size=6),
    batch=st.integers(1, 300),
)
def test_a_step_of_full_slots_takes_the_longest_phase(c, loads, batch):
    unit_s = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[c.time_unit]
    ratio = len(loads)
    phases = (c.attention_time(max(loads)), c.communication_time(ratio, batch), c.ffn_time(ratio, batch))
    assert afd.step_time(c).seconds(loads, [batch] * ratio) == pytest.approx(unit_s * max(phases))


def test_a_cohort_takes_the_sum_of_its_cycles():
    ratio, batch, prompt, output = 3, 4, 5000, 30
    requests = ratio * batch
    alike = Workload(np.zeros(requests), np.full(requests, prompt), np.full(requests, output))
    found = simulate(CLUSTER, alike, baselines.make("round-robin"))
    fixed = max(ILLUSTRATIVE.communication_time(ratio, batch), ILLUSTRATIVE.ffn_time(ratio, batch))
    cycles = [max(ILLUSTRATIVE.attention_time(batch * (prompt + age)), fixed) for age in range(output)]
    assert found.metrics.makespan_s == pytest.approx(1e-6 * sum(cycles))


@pytest.mark.parametrize("name", baselines.names())
def test_every_router_serves_it(name):
    served = simulate(CLUSTER, workload(), make_policy(name))
    assert np.isfinite(served.requests["finish_s"]).all()


@pytest.mark.parametrize("environment", ["brgym/StickyRouting-v0", "brgym/ArrivalRouting-v0"])
def test_both_environments_run_on_it(environment):
    env = gym.make(environment, cluster=CLUSTER, workload=workload())
    _, info = env.reset(seed=0)
    env.action_space.seed(0)
    over = False
    while not over:
        action = env.action_space.sample(mask=info.get("action_mask"))
        _, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    assert terminated


def test_a_unit_that_is_none_of_time_cannot_become_a_cluster():
    unknown = afd.Coefficients(1, 1, 1, 1, 1, 1, time_unit="cycles")
    with pytest.raises(ValueError, match="unknown time_unit 'cycles'"):
        afd.bundle_cluster(unknown, ratio=2)


def test_the_example_file_holds_the_illustrative_coefficients_and_says_so():
    assert afd.read_coefficients(EXAMPLE) == ILLUSTRATIVE
    assert "illustrative" in ILLUSTRATIVE.label
    assert "ILLUSTRATIVE" in EXAMPLE.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alpha_a = 1.0", "missing beta_a, alpha_c, beta_c, alpha_f, beta_f"),
        ("alpa_a = 1.0", "unknown key 'alpa_a'; did you mean 'alpha_a'"),
        ("{whole}\ncomm_per = 3", "comm_per must be a text in quotes, got 3"),
        ("{whole}\ncomm_per = 'workers'", "unknown comm_per 'workers'; did you mean 'worker'"),
        ("alpha_a = 'fast'\nbeta_a = 1\nalpha_c = 1\nbeta_c = 1\nalpha_f = 1\nbeta_f = 1", "alpha_a must be a real"),
        ("alpha_a = -1\nbeta_a = 1\nalpha_c = 1\nbeta_c = 1\nalpha_f = 1\nbeta_f = 1", "alpha_a must be finite and at"),
        ("alpha_a == 1", "at line 1"),
    ],
)
def test_a_bad_file_is_named_with_its_key(text, message, tmp_path):
    path = tmp_path / "bad.toml"
    whole = "alpha_a = 1\nbeta_a = 1\nalpha_c = 1\nbeta_c = 1\nalpha_f = 1\nbeta_f = 1"
    path.write_text(text.replace("{whole}", whole))
    with pytest.raises(ValueError, match=message) as error:
        afd.read_coefficients(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"nowhere\.toml"):
        afd.read_coefficients("nowhere.toml")


def test_by_name_the_ratio_fits_the_workload_and_can_be_set():
    source = source_of("azure-2023-conv-like", requests=2000)
    served = source.workload(0)
    load = afd.token_load(served.prompt_tokens, served.output_tokens, replicates=0)
    best = afd.optimal_ratio(ILLUSTRATIVE, batch=64, load=load, method="gaussian").integer
    fitted = cluster_of("afd:illustrative", source, slots=64)
    assert (fitted.workers, fitted.slots) == (best, 64)
    assert fitted.step_time == cluster_of(f"afd:{EXAMPLE}", source, slots=64).step_time
    assert cluster_of("afd:illustrative", source, workers=5).workers == 5
    assert cluster_of("afd:illustrative", source, workers=5).slots == 256
    assert cluster_of("bf-io", source).workers == 8

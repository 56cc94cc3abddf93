"""Environments over clusters as they are run: memory, load, faults."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import baselines
from brgym import ClusterConfig, StepTime, WorkerEvent, Workload, simulate
from brgym.cluster import ChunkedPrefill, PrefillTier, Speculation
from brgym.envs import PolicyAgent
from brgym.envs.observation import CHUNK_COLUMNS, EVENT_COLUMNS, WORKER_COLUMNS, as_dict, flat_size
from tests.cluster.of_scenario import cluster_of, workload_of
from tests.envs.scenarios import ARRIVAL, IDS, STICKY, at_random, play, some_requests
from tests.reference.strategies import mixes

STOPS = (WorkerEvent(0.3, 1, "stop"), WorkerEvent(0.9, 1, "start"), WorkerEvent(0.5, 0, "slow", 2.0))
FAULTY = ClusterConfig(workers=3, slots=4, candidates=5, events=STOPS)
TIERED = ClusterConfig(
    workers=3, slots=4, candidates=5, prefill=PrefillTier(2, 0.1, 1e-5, 200_000), speculation=Speculation(2, 0.6)
)
CHUNKED = ClusterConfig(workers=3, slots=4, candidates=5, prefill=ChunkedPrefill(1024, 2), speculation=Speculation())


@pytest.mark.parametrize("name", ["jsq", "random", "vllm", "least-kv", "level", "br-0"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=mixes(max_requests=15))
def test_a_baseline_makes_the_run_that_simulate_makes(name: str, scenario: dict[str, Any]) -> None:
    seed = scenario["seed"]
    cluster, workload = cluster_of(scenario | {"candidates": scenario["candidates"] or 4}), workload_of(scenario)
    policy = baselines.make(name)
    expected = simulate(cluster, workload, policy, seed=seed)
    env = gymnasium.make(STICKY if policy.binding == "pool" else ARRIVAL, cluster=cluster, workload=workload)
    env.reset(seed=seed)
    agent = PolicyAgent(policy, env)
    agent.reset(seed)
    terminated = truncated = False
    while not (terminated or truncated):
        _, _, terminated, truncated, info = env.step(agent.act())
    assert terminated
    result = env.unwrapped.result()  # type: ignore[attr-defined]
    assert result.requests.tobytes() == expected.requests.tobytes()
    assert result.steps.tobytes() == expected.steps.tobytes()
    np.testing.assert_equal(info["metrics"], expected.metrics.as_dict())


@pytest.mark.parametrize("cluster", [FAULTY, TIERED, CHUNKED], ids=["faulty", "tiered", "chunked"])
@pytest.mark.parametrize("env_id", IDS)
def test_the_vector_environment_equals_single_ones(env_id: str, cluster: ClusterConfig) -> None:
    options: dict[str, Any] = {"cluster": cluster, "workload": some_requests(40), "episode_requests": 20}
    options["episode_start"] = "random"
    many: Any = gymnasium.make_vec(env_id, num_envs=3, **options)
    single = [gymnasium.make(env_id, **options) for _ in range(3)]
    seen, info = many.reset(seed=[4, 5, 6])
    masks = info["action_mask"]
    for row, env in enumerate(single):
        observation, own = env.reset(seed=4 + row)
        np.testing.assert_array_equal(observation, seen[row])
        np.testing.assert_array_equal(own["action_mask"], masks[row])
    rng = np.random.default_rng(0)
    for _ in range(12):
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        seen, rewards, ended, _, info = many.step(actions)
        masks = info["action_mask"]
        for row, env in enumerate(single):
            observation, reward, terminated, _, own = env.step(actions[row])
            assert (reward, terminated) == (rewards[row], ended[row])
            np.testing.assert_array_equal(observation, seen[row])
            np.testing.assert_array_equal(own["action_mask"], masks[row])
        if ended.any():
            break


@pytest.mark.parametrize("env_id", IDS)
def test_masks_and_observations_know_who_is_up(env_id: str) -> None:
    env = gymnasium.make(env_id, cluster=FAULTY, workload=some_requests(40))
    played = play(env, at_random(1))
    width = len(WORKER_COLUMNS)
    assert len(played.observations[0]) == flat_size(FAULTY, 1 if env_id == ARRIVAL else 5)
    ups = {tuple(as_dict(seen, FAULTY)["workers"][:, width:].ravel().tolist()) for seen in played.observations}
    assert ups == {(1.0, 1.0, 1.0), (1.0, 0.0, 1.0)}
    assert len(EVENT_COLUMNS) == 1
    for seen, mask in zip(played.observations, played.masks, strict=True):
        if as_dict(seen, FAULTY)["workers"][1, width] == 0.0:
            assert not mask[1 :: FAULTY.workers][: len(mask) // FAULTY.workers].any()


def test_without_events_there_is_no_such_column() -> None:
    cluster = ClusterConfig(workers=3, slots=4, candidates=5, kv_capacity=900, kv_reserve_tokens=20)
    assert flat_size(cluster, 5) == flat_size(FAULTY, 5) - 3


def test_latency_adds_up_to_the_stays_of_all() -> None:
    workload = some_requests(40).with_columns(patience_s=np.full(40, 0.8))
    env = gymnasium.make(STICKY, cluster=FAULTY, workload=workload, reward="latency", reward_scale=1.0)
    played = play(env, lambda mask: int(np.flatnonzero(mask)[0]))
    requests = env.unwrapped.result().requests  # type: ignore[attr-defined]
    served = ~np.isnan(requests["finish_s"])
    stays_s = (requests["finish_s"] - requests["arrival_s"])[served].sum()
    assert requests["cancelled"].sum() == 40 - served.sum() > 0
    assert -sum(played.rewards) >= stays_s + 0.8 * (40 - served.sum()) - 1e-9


def test_an_episode_ends_where_nobody_can_be_served_any_more() -> None:
    second = StepTime.barrier(base_s=1.0, per_token_s=0.0)
    cluster = ClusterConfig(workers=1, slots=1, step_time=second, events=[WorkerEvent(2.5, 0, "stop")])
    env = gymnasium.make(STICKY, cluster=cluster, workload=Workload([0.0, 0.0], [5, 5], [2, 2]))
    played = play(env, at_random(0))
    assert (played.terminated, played.truncated) == (False, True)


def test_a_stationary_start_in_a_closed_loop_keeps_its_concurrency() -> None:
    cluster = ClusterConfig(workers=2, slots=4, candidates=4)
    loop = some_requests(80).closed_loop(concurrency=8)
    env = gymnasium.make(STICKY, cluster=cluster, workload=loop, start="stationary", episode_requests=40)
    played = play(env, at_random(0))
    assert played.terminated
    steps = env.unwrapped.result().steps  # type: ignore[attr-defined]
    assert ((steps["active"] + steps["waiting"])[:-60] == 8).all()


@pytest.mark.parametrize("env_id", IDS)
def test_observations_show_what_is_to_be_prefilled(env_id: str) -> None:
    env = gymnasium.make(env_id, cluster=CHUNKED, workload=some_requests(40))
    played = play(env, at_random(1))
    width = len(WORKER_COLUMNS)
    assert len(played.observations[0]) == flat_size(CHUNKED, 1 if env_id == ARRIVAL else 5)
    shown = np.array([as_dict(seen, CHUNKED)["workers"][:, width] for seen in played.observations])
    assert len(CHUNK_COLUMNS) == 1
    assert (shown > 0.0).any()
    assert (shown == 0.0).any()


@pytest.mark.parametrize("cluster", [TIERED, CHUNKED], ids=["tiered", "chunked"])
@pytest.mark.parametrize("start", ["cold", "stationary"])
def test_a_state_that_is_put_back_goes_on_alike(cluster: ClusterConfig, start: str) -> None:
    options: dict[str, Any] = {"cluster": cluster, "workload": some_requests(30), "start": start}
    env: Any = gymnasium.make(STICKY, **options).unwrapped
    twin: Any = gymnasium.make(STICKY, **options).unwrapped
    env.reset(seed=3)
    twin.reset(seed=4)
    twin.set_state(env.get_state())
    rng = np.random.default_rng(0)
    ended = False
    while not ended:
        action = int(rng.choice(np.flatnonzero(env.action_masks())))
        *_, ended, _, info = env.step(action)
        np.testing.assert_equal(twin.step(action)[-1], info)
    env.reset()
    twin.reset()
    assert env.get_state() == twin.get_state()

"""What the agent sees: all of it within bounds, none of it from the future."""

import copy
import gc
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym import ClusterConfig, Workload
from brgym.cluster.engine import row_of
from brgym.envs.observation import (
    CANDIDATE_COLUMNS,
    CLUSTER_COLUMNS,
    CONTEXT_SCALE_TOKENS,
    WAIT_SCALE_S,
    WORKER_COLUMNS,
    as_dict,
)
from brgym.envs.stepping import begin_env, mask_env
from tests.envs.scenarios import ARRIVAL, IDS, STICKY, at_random, play, scenarios, some_requests


def _snapshot(env: Any) -> list[bytes]:
    view = env.view
    seen = [view.load_tokens, view.active, view.queued, view.queued_tokens, view.candidates, view.running]
    return [np.array([view.now_s, view.boundary]).tobytes(), *(array.tobytes() for array in seen)]


def _squash(x: float) -> float:
    return x / (1.0 + x)


@settings(max_examples=40)
@given(scenario=scenarios(), env_id=st.sampled_from(IDS), seed=st.integers(0, 9))
def test_observations_stay_within_the_space(scenario: tuple[ClusterConfig, Workload], env_id: str, seed: int) -> None:
    env = gymnasium.make(env_id, cluster=scenario[0], workload=scenario[1])
    for observation in play(env, at_random(seed)).observations:
        assert observation in env.observation_space


def test_huge_lengths_and_waits_stay_within_the_space() -> None:
    workload = Workload([0.0, 0.0, 2.0**33], [2**31 - 1, 1, 1], [1, 1, 1])
    env = gymnasium.make(STICKY, cluster=ClusterConfig(workers=1, slots=1), workload=workload)
    for observation in play(env, at_random(0)).observations:
        assert observation in env.observation_space


@settings(max_examples=40)
@given(data=st.data(), scenario=scenarios(), env_id=st.sampled_from(IDS), actions=st.integers(0, 40))
def test_other_lengths_of_unfinished_requests_change_nothing_that_is_seen(
    data: st.DataObject, scenario: tuple[ClusterConfig, Workload], env_id: str, actions: int
) -> None:
    cluster, workload = scenario
    seen: Any = gymnasium.make(env_id, cluster=cluster, workload=workload)
    played = play(seen, at_random(3), most=actions)
    state = seen.unwrapped._state()
    unfinished = np.isnan(state.requests["finish_s"])
    generated = state.requests["generated_tokens"].copy()
    running = state.running[: state.clock["active"][0]]
    generated[row_of(state.progress["identity_key"][0], running["request"])] = (
        state.clock["step"][0] - running["birth_step"]
    )
    most = 60 if cluster.kv_capacity is None else cluster.kv_capacity
    other = workload.output_tokens.copy()
    for row in np.flatnonzero(unfinished):
        other[row] = data.draw(
            st.integers(generated[row] + 1, max(generated[row] + 1, most - workload.prompt_tokens[row]))
        )
    twin = gymnasium.make(env_id, cluster=cluster, workload=Workload(workload.arrival_s, workload.prompt_tokens, other))
    replay = iter(played.actions)
    again = play(twin, lambda mask: next(replay), most=len(played.actions))
    assert _snapshot(twin.unwrapped) == _snapshot(seen.unwrapped)
    np.testing.assert_array_equal(again.observations, played.observations)
    np.testing.assert_array_equal(again.masks, played.masks)


@pytest.mark.parametrize("env_id", IDS)
def test_permuted_hidden_lengths_change_nothing_that_is_seen(env_id: str) -> None:
    env: Any = gymnasium.make(env_id, cluster=ClusterConfig(workers=3, slots=2, candidates=4), workload=some_requests())
    played = play(env, at_random(0), most=30)
    twin: Any = copy.deepcopy(env.unwrapped)
    hidden = twin._state().requests
    unfinished = np.flatnonzero(np.isnan(hidden["finish_s"]))
    hidden["output_tokens"][unfinished] = hidden["output_tokens"][np.random.default_rng(0).permutation(unfinished)]
    assert not np.array_equal(hidden["output_tokens"], env.unwrapped._state().requests["output_tokens"])
    observation, _, mask = twin._blank()
    begin_env(*[*twin._run, observation, mask])
    assert _snapshot(twin) == _snapshot(env.unwrapped)
    np.testing.assert_array_equal(observation, played.observations[-1])
    np.testing.assert_array_equal(mask, played.masks[-1])


@settings(max_examples=30)
@given(scenario=scenarios(), env_id=st.sampled_from(IDS), actions=st.integers(0, 40))
def test_columns_are_what_the_docstring_says(
    scenario: tuple[ClusterConfig, Workload], env_id: str, actions: int
) -> None:
    cluster, workload = scenario
    env: Any = gymnasium.make(env_id, cluster=cluster, workload=workload, observation="dict")
    seen = play(env, at_random(1), most=actions).observations[-1]
    view = env.unwrapped.view
    full, slots = cluster.slots * CONTEXT_SCALE_TOKENS, cluster.slots * cluster.workers
    envelope, total = view.load_tokens.max(), view.load_tokens.sum()
    waiting = int(view.arrays.clock["pool_stop"][0] - view.arrays.clock["pool_start"][0] + view.queued.sum())
    expected_cluster = {
        "envelope": _squash(envelope / full),
        "mean_load": _squash(view.load_tokens.mean() / full),
        "imbalance": 1.0 - total / (cluster.workers * envelope) if envelope else 0.0,
        "free_slots": view.free_slots.sum() / slots,
        "waiting": _squash(waiting / slots),
    }
    np.testing.assert_allclose(
        seen["cluster"], [expected_cluster[name] for name in CLUSTER_COLUMNS], rtol=1e-5, atol=1e-6
    )
    for worker, row in enumerate(seen["workers"]):
        load, active = view.load_tokens[worker], view.active[worker]
        expected = {
            "load": _squash(load / full),
            "kv_use": 0.0 if cluster.kv_capacity is None else min(1.0, (load + active) / cluster.kv_capacity),
            "margin": _squash((envelope - load) / CONTEXT_SCALE_TOKENS),
            "active": active / cluster.slots,
            "queued": _squash(view.queued[worker] / cluster.slots),
            "queued_tokens": _squash(view.queued_tokens[worker] / full),
        }
        np.testing.assert_allclose(row, [expected[name] for name in WORKER_COLUMNS], rtol=1e-5, atol=1e-6)
    for place, row in enumerate(seen["candidates"]):
        expected = dict.fromkeys(CANDIDATE_COLUMNS, 0.0)
        if place < len(view.candidates):
            expected = {
                "present": 1.0,
                "context": _squash(view.candidate_context_tokens[place] / CONTEXT_SCALE_TOKENS),
                "waited": _squash((view.now_s - view.candidate_arrival_s[place]) / WAIT_SCALE_S),
            }
        np.testing.assert_allclose(row, [expected[name] for name in CANDIDATE_COLUMNS], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("env_id", IDS)
def test_flat_and_dict_hold_the_same_numbers(env_id: str) -> None:
    flat = play(gymnasium.make(env_id, workload=some_requests()), at_random(0))
    nested = play(gymnasium.make(env_id, workload=some_requests(), observation="dict"), at_random(0))
    for one, other in zip(flat.observations, nested.observations, strict=True):
        for name, part in as_dict(one, ClusterConfig()).items():
            np.testing.assert_array_equal(part, other[name])


@settings(max_examples=30)
@given(scenario=scenarios(), actions=st.integers(0, 40))
def test_the_mask_is_what_fits(scenario: tuple[ClusterConfig, Workload], actions: int) -> None:
    cluster, workload = scenario
    env: Any = gymnasium.make(STICKY, cluster=cluster, workload=workload)
    mask = play(env, at_random(2), most=actions).masks[-1]
    fits, state = env.unwrapped.view.fits(), env.unwrapped._state()
    due = state.progress["arrived"][0] < len(workload) or state.progress["recomputing"][0] > 0
    hold = not fits.any() or env.unwrapped.view.active_requests > 0 or due
    expected = np.zeros((cluster.candidates or 0, cluster.workers), np.int8)
    expected[: len(fits)] = fits
    np.testing.assert_array_equal(mask, [*expected.ravel(), hold])
    assert mask.dtype == np.int8
    np.testing.assert_array_equal(env.unwrapped.action_masks(), mask.astype(bool))
    assert env.unwrapped.action_masks().dtype == np.bool_


def test_binding_on_arrival_allows_every_worker() -> None:
    env: Any = gymnasium.make(ARRIVAL, workload=some_requests())
    assert all(mask.all() for mask in play(env, at_random(0)).masks)
    again = np.zeros(8, np.int8)
    mask_env(*[*env.unwrapped._run, again])
    assert again.all()


def test_what_an_agent_keeps_is_its_own() -> None:
    env: Any = gymnasium.make(STICKY, workload=some_requests())
    first, info = env.reset(seed=0)
    kept, mask = first.copy(), info["action_mask"].copy()
    env.step(0)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(info["action_mask"], mask)
    info["action_mask"][:] = 0
    assert env.unwrapped.action_masks().any()


@pytest.mark.parametrize("env_id", IDS)
def test_no_array_of_a_view_leads_to_the_memory_beside_it(env_id: str) -> None:
    """The hidden output lengths stand in the same memory; a row of a vector environment has its neighbours' too."""
    env: Any = gymnasium.make(env_id, workload=some_requests())
    env.reset(seed=0)
    envs: Any = gymnasium.make_vec(
        env_id, num_envs=2, vectorization_mode="vector_entry_point", workload=some_requests()
    )
    envs.reset(seed=0)
    for view in (env.unwrapped.view, envs.view(1)):
        for array in view.arrays:
            owner: Any = array
            while isinstance(owner, np.ndarray):
                assert owner.nbytes == array.nbytes
                owner = owner.base
            assert not any(isinstance(held, np.ndarray) for held in vars(owner).values())


def test_a_view_stays_live_and_outlives_its_environment() -> None:
    env: Any = gymnasium.make(STICKY, workload=some_requests().backlog())
    env.reset(seed=0)
    view = env.unwrapped.view
    env.step(0)
    assert view.active_requests == 1
    loads = view.load_tokens
    expected = loads.copy()
    del view
    env.reset(seed=1)
    del env
    gc.collect()
    np.testing.assert_array_equal(loads, expected)

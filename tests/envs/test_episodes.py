"""Where episodes begin, when they end, and that a seed decides everything."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete

import baselines
from brgym import ClusterConfig, Power, Workload, simulate
from brgym.cluster.engine import FROM_POOL
from brgym.envs import PolicyAgent
from brgym.envs.episode import Episodes, Opening
from brgym.envs.episode_rules import DECISIONS_A_REQUEST
from tests.envs.scenarios import ARRIVAL, IDS, STICKY, at_random, first_valid, play, some_requests

SMALL = ClusterConfig(workers=3, slots=4, candidates=5)


def _bytes(played: Any) -> tuple[bytes, bytes, bytes, list[int]]:
    return (
        np.array(played.observations).tobytes(),
        np.array(played.masks).tobytes(),
        np.array(played.rewards).tobytes(),
        (played.actions),
    )


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("start", ["cold", "stationary"])
def test_the_same_seed_gives_the_same_bytes(env_id: str, start: str) -> None:
    def episode(seed: int) -> Any:
        env = gymnasium.make(
            env_id,
            cluster=SMALL,
            workload=some_requests(),
            episode_requests=20,
            episode_start="random",
            start=start,
        )
        return _bytes(play(env, at_random(0), seed=seed))

    assert episode(7) == episode(7)
    assert episode(7) != episode(8)


def test_episodes_after_the_first_differ_and_follow_from_its_seed() -> None:
    def contexts() -> list[list[int]]:
        env: Any = gymnasium.make(
            STICKY, cluster=SMALL, workload=some_requests(), episode_requests=5, episode_start="random"
        )
        seen = []
        for seed in (3, None, None):
            env.reset(seed=seed)
            seen.append(env.unwrapped.view.candidate_context_tokens.tolist())
        return seen

    first = contexts()
    assert first == contexts()
    assert len(set(map(str, first))) > 1


def test_a_fixed_slice_is_served_as_simulate_serves_it() -> None:
    workload = some_requests(60)
    env: Any = gymnasium.make(STICKY, cluster=SMALL, workload=workload, episode_start=17, episode_requests=20)
    env.reset(seed=0)
    agent = PolicyAgent(baselines.make("br-0"), env)
    agent.reset(0)
    ended = False
    while not ended:
        _, _, ended, _, _ = env.step(agent.act())
    expected = simulate(SMALL, workload.slice(17, 37).rebase(), baselines.make("br-0"))
    assert env.unwrapped.result().requests.tobytes() == expected.requests.tobytes()


def test_random_slices_begin_anywhere_that_leaves_enough() -> None:
    workload = Workload(np.zeros(6), np.arange(1, 7), np.ones(6, int))
    env: Any = gymnasium.make(STICKY, cluster=SMALL, workload=workload, episode_requests=3, episode_start="random")
    begun = set()
    for seed in range(60):
        env.reset(seed=seed)
        begun.add(tuple(env.unwrapped.view.candidate_context_tokens.tolist()))
    assert begun == {(1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 6)}


def _opening(cluster: ClusterConfig, workload: Workload, *, seed: int = 0, **options: Any) -> Opening:
    defaults: dict[str, Any] = {
        "episode_requests": None,
        "episode_start": 0,
        "start": "stationary",
        "occupancy": 1.0,
        "placement": "round-robin",
    }
    episodes = Episodes(cluster=cluster, workload=workload, binding=FROM_POOL, **(defaults | options))
    return episodes.draw(np.random.default_rng(seed))


def test_a_stationary_start_draws_by_output_length_at_uniform_age() -> None:
    workload = Workload(np.zeros(4), [1, 1, 1, 1], [10, 10, 10, 90])
    opening = _opening(ClusterConfig(workers=20, slots=100), workload)
    running = opening.state.requests[: opening.running]
    assert len(running) == opening.state.clock["active"][0] == 2000
    assert (running["output_tokens"] == 90).mean() == pytest.approx(90 / 120, abs=0.05)
    for output in (10, 90):
        ages = running["generated_tokens"][running["output_tokens"] == output]
        assert ages.min() == 0
        assert ages.max() == output - 1
        assert ages.mean() == pytest.approx((output - 1) / 2, rel=0.1)


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("placement", ["round-robin", "lowest-load"])
@pytest.mark.parametrize("kv_capacity", [None, 700])
def test_a_stationary_start_serves_everything_and_respects_the_capacity(
    env_id: str, placement: str, kv_capacity: int | None
) -> None:
    cluster = ClusterConfig(workers=3, slots=6, kv_capacity=kv_capacity, recompute_s_per_token=0.001, power=Power())
    env: Any = gymnasium.make(
        env_id, cluster=cluster, workload=some_requests(), start="stationary", placement=placement, occupancy=0.7
    )
    played = play(env, at_random(0))
    assert played.terminated
    result = env.unwrapped.result()
    assert len(result.requests) == 60
    assert np.isfinite(result.requests["finish_s"]).all()
    assert played.info["metrics"]["requests"] == 60
    assert played.info["metrics"]["energy_j"] > 0
    assert (result.steps["max_load"] <= (kv_capacity or np.inf)).all()


def test_round_robin_places_evenly_and_lowest_load_levels_the_loads() -> None:
    even = _opening(ClusterConfig(workers=4, slots=9), some_requests(), occupancy=0.5, placement="round-robin").state
    level = _opening(ClusterConfig(workers=4, slots=9), some_requests(), occupancy=0.5, placement="lowest-load").state
    assert even.active.tolist() == [5, 5, 4, 4]
    assert level.active.sum() == 18
    assert level.load_tokens.sum() == even.load_tokens.sum()
    assert np.ptp(level.load_tokens) < np.ptp(even.load_tokens)


@pytest.mark.parametrize("placement", ["round-robin", "lowest-load"])
def test_running_requests_that_do_not_fit_are_left_out(placement: str) -> None:
    cluster = ClusterConfig(workers=3, slots=6, kv_capacity=400)
    opening = _opening(cluster, some_requests(), placement=placement)
    assert 0 < opening.state.clock["active"][0] < opening.running == 18
    assert (opening.state.load_tokens + opening.state.active <= 400).all()


@pytest.mark.parametrize("env_id", IDS)
def test_truncated_at_the_limit_of_decisions(env_id: str) -> None:
    env = gymnasium.make(env_id, cluster=SMALL, workload=some_requests(), max_decisions=7)
    played = play(env, first_valid)
    assert (played.truncated, played.terminated, len(played.actions)) == (True, False, 7)


def test_an_agent_that_never_admits_is_truncated() -> None:
    workload = some_requests(3).backlog()
    env = gymnasium.make(STICKY, cluster=SMALL, workload=workload, invalid_action="hold", invalid_penalty=0.0)
    played = play(env, lambda mask: len(mask) - 1)
    assert played.truncated
    assert len(played.actions) == 3 * DECISIONS_A_REQUEST
    assert max(played.rewards) < 0.0
    assert played.info["metrics"]["requests"] == 0
    assert played.info["metrics"]["steps"] == 0
    assert np.isnan(played.info["metrics"]["e2e_s_mean"])


def test_an_episode_that_has_ended_stays_as_it_is() -> None:
    for env_id in IDS:
        for limit in (None, 7):
            env: Any = gymnasium.make(
                env_id, cluster=SMALL, workload=some_requests(20), max_decisions=limit, disable_env_checker=True
            )
            played = play(env, first_valid)
            before = env.unwrapped.get_state()
            for action in np.flatnonzero(played.masks[-1]):
                again = env.step(action)
                assert again[1:4] == (0.0, played.terminated, played.truncated)
                assert again[4]["metrics"] == pytest.approx(played.info["metrics"], nan_ok=True)
            assert env.unwrapped.get_state() == before


def test_truncated_at_the_limit_of_time_with_the_figures_of_what_was_served() -> None:
    env: Any = gymnasium.make(STICKY, cluster=SMALL, workload=some_requests(200), max_time_s=5.0)
    played = play(env, first_valid)
    assert played.truncated
    assert env.unwrapped.view.now_s >= 5.0
    served = np.isfinite(env.unwrapped.result().requests["finish_s"]).sum()
    assert played.info["metrics"]["requests"] == served < 200


def test_holding_while_nothing_runs_and_nothing_is_due_is_refused() -> None:
    env: Any = gymnasium.make(STICKY, cluster=SMALL, workload=some_requests(9).backlog())
    _, info = env.reset(seed=0)
    assert info["action_mask"][-1] == 0
    before = env.unwrapped.get_state()
    with pytest.raises(ValueError, match="to hold, is not valid now: nothing runs and nothing is due"):
        env.step(env.unwrapped.hold)
    assert env.unwrapped.get_state() == before
    _, _, _, _, info = env.step(0)
    assert info["action_mask"][-1] == 1


def test_holding_runs_a_decode_step_or_jumps_to_the_next_arrival() -> None:
    env: Any = gymnasium.make(STICKY, cluster=SMALL, workload=Workload([0.0, 0.0, 9.0], [5, 5, 5], [4, 4, 4]))
    env.reset(seed=0)
    env.step(env.unwrapped.hold)
    assert env.unwrapped.view.now_s == 9.0
    env.step(0)
    env.step(env.unwrapped.hold)
    assert env.unwrapped.view.active_generated_tokens.tolist() == [1]


def test_candidates_default_to_the_clusters() -> None:
    assert gymnasium.make(STICKY, cluster=SMALL, workload=some_requests()).action_space == Discrete(16)
    assert gymnasium.make(STICKY, cluster=SMALL, workload=some_requests(), candidates=2).action_space == Discrete(7)
    assert gymnasium.make(ARRIVAL, cluster=SMALL, workload=some_requests()).action_space == Discrete(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cluster": ClusterConfig(candidates=None)}, "candidates must be given"),
        ({"candidates": 0}, "candidates must be at least 1"),
        ({"reward": "imbalnce"}, "did you mean 'imbalance'"),
        ({"reward_scale": 0.0}, "reward_scale must be"),
        ({"observation": "box"}, "unknown observation 'box'"),
        ({"invalid_action": "ignore"}, "unknown invalid_action"),
        ({"hold": "force"}, "did you mean 'forced'"),
        ({"invalid_penalty": -1.0}, "invalid_penalty"),
        ({"episode_requests": 61}, "episode_requests must be in 1..60"),
        ({"episode_requests": 31, "episode_start": 30}, "episode_requests must be in 1..30"),
        ({"episode_start": 60}, "episode_start must be in 0..59"),
        ({"start": "warm"}, "unknown start 'warm'"),
        ({"occupancy": 1.1}, "occupancy"),
        ({"placement": "lowest"}, "did you mean 'lowest-load'"),
        ({"max_decisions": 0}, "max_decisions must be at least 1"),
        ({"max_time_s": 0.0}, "max_time_s"),
        ({"workload": "proprietary-lik"}, "did you mean 'proprietary-like'"),
        ({"cluster": ClusterConfig(kv_capacity=50)}, "can never fit"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gymnasium.make(STICKY, **{"workload": some_requests(), **options})


def test_bad_actions_are_named_and_change_nothing() -> None:
    env: Any = gymnasium.make(STICKY, cluster=SMALL, workload=some_requests(2).backlog(), disable_env_checker=True)
    env.reset(seed=0)
    for action, error, message in [
        (16, ValueError, r"action must be in 0\.\.15, got 16"),
        (-1, ValueError, "got -1"),
        (0.5, TypeError, "float"),
        (7, ValueError, "there is no candidate 2"),
        (15, ValueError, "to hold, is not valid now"),
    ]:
        before = env.unwrapped.get_state()
        with pytest.raises(error, match=message):
            env.step(action)
        assert env.unwrapped.get_state() == before


def test_a_step_before_reset_says_so() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset"):
        gymnasium.make(STICKY, workload=some_requests()).unwrapped.step(0)

"""How routers learn, on clusters small enough to learn in seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import baselines
from baselines.learned.network import RouterNetwork
from brgym import ClusterConfig, simulate
from brgym.learning.imitation import demonstrate, imitate
from brgym.learning.ppo import PPO, PPOSettings, advantages_of
from brgym.learning.training import CURVE, WEIGHTS, Plan, Training
from brgym.learning.training_ground import TrainingGround
from tests.policies import pooled

GROUND = TrainingGround(
    cluster=ClusterConfig(workers=3, slots=6, candidates=8), workload="proprietary-like", requests=400
)
CPU = torch.device("cpu")


def plan_of(**changes: Any) -> Plan:
    standard: dict[str, Any] = {
        "ground": GROUND,
        "training_seeds": range(2),
        "validation_seeds": range(9, 11),
        "updates": 3,
        "imitation_epochs": 2,
        "validate_every": 2,
        "environments": 4,
        "decisions": 100,
        "ppo": PPOSettings(steps=32, minibatch=64),
    }
    return Plan(**(standard | changes))


def train(plan: Plan, out: Path) -> Training:
    training = Training(plan, out, lambda stage, done, figures: None)
    training.run()
    return training


def test_waves_are_bursts_that_queue_and_lulls_that_do_not() -> None:
    requests = GROUND.waves(3)
    capacity = GROUND.cluster.workers * GROUND.cluster.slots
    assert np.count_nonzero(requests.arrival_s == 0.0) == 2 * capacity
    np.testing.assert_array_equal(requests.prompt_tokens, GROUND.backlog(3).prompt_tokens)
    steps = simulate(GROUND.cluster, requests, baselines.make("br-0")).steps
    assert (steps["waiting"] > 0).mean() > 0.1
    assert (steps["active"] < capacity).mean() > 0.1


def test_training_requests_are_the_seeds_one_after_the_other() -> None:
    requests = GROUND.training([4, 5, 6])
    parts = [GROUND.backlog(4), GROUND.waves(5), GROUND.backlog(6)]
    np.testing.assert_array_equal(requests.output_tokens, np.concatenate([part.output_tokens for part in parts]))
    ends_s = [part.arrival_s[-1] for part in parts]
    assert requests.arrival_s[-1] == pytest.approx(sum(ends_s))


def test_imitation_comes_to_agree_with_the_teacher() -> None:
    shown = demonstrate(GROUND.cluster, pooled("br-0"), map(GROUND.backlog, range(5)))
    assert len(shown.rows) == len(shown.masks) == len(shown.actions) == 5 * GROUND.requests
    assert shown.masks[np.arange(len(shown.actions)), shown.actions].all()
    torch.manual_seed(0)
    losses: list[float] = []
    imitate(
        RouterNetwork(),
        shown,
        workers=GROUND.cluster.workers,
        epochs=30,
        seed=0,
        device=CPU,
        tell=lambda epoch, loss: losses.append(loss),
    )
    assert losses[-1] < 0.7 * losses[0]


def test_advantages_are_discounted_sums_of_errors() -> None:
    rng = np.random.default_rng(0)
    steps, environments, gamma, trace = 6, 3, 0.9, 0.8
    values, rewards = rng.normal(size=(2, steps, environments))
    ended = rng.random((steps, environments)) < 0.3
    last = rng.normal(size=environments)
    found = advantages_of(
        *(torch.from_numpy(part) for part in (values, rewards, ended, last)), gamma=gamma, trace=trace
    )
    following = np.concatenate([values[1:], last[None]])
    errors = rewards + gamma * following * ~ended - values
    for environment in range(environments):
        for step in range(steps):
            expected, weight = 0.0, 1.0
            for later in range(step, steps):
                expected += weight * errors[later, environment]
                if ended[later, environment]:
                    break
                weight *= gamma * trace
            assert found[step, environment].item() == pytest.approx(expected)


def test_reinforcement_raises_the_reward() -> None:
    torch.manual_seed(0)
    network = RouterNetwork()
    envs = GROUND.environments(range(4), count=16, decisions=150, threads=1)
    ppo = PPO(network, envs, PPOSettings(steps=64, minibatch=256, learning_rate=3e-3), seed=0, device=CPU)
    rewards = [ppo.update(1.0)["reward"] for _ in range(24)]
    assert np.mean(rewards[-6:]) > 0.8 * np.mean(rewards[:6])  # rewards are negative


@pytest.mark.parametrize("teacher", ["br-h-oracle", "none"])
def test_the_same_plan_gives_the_same_weights(tmp_path: Path, teacher: str) -> None:
    def weights(name: str) -> bytes:
        (tmp_path / name).mkdir()
        train(plan_of(teacher=teacher), tmp_path / name)
        return (tmp_path / name / WEIGHTS).read_bytes()

    assert weights("a") == weights("b")


def test_what_is_kept_is_the_best_of_the_curve(tmp_path: Path) -> None:
    training = train(plan_of(), tmp_path)
    assert [point.update for point in training.curve] == [0, 2, 3]
    assert training.best.ratio == min(point.ratio for point in training.curve)
    assert len((tmp_path / CURVE).read_text().splitlines()) == 1 + len(training.curve)
    policy = baselines.make("learned", weights=tmp_path / WEIGHTS)
    assert training.ratio(policy) == training.best.ratio
    assert sorted(path.name for path in tmp_path.iterdir()) == [CURVE, WEIGHTS]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training_seeds": ()}, "training_seeds must have one seed or more"),
        ({"validation_seeds": range(1, 3)}, r"seeds \[1\] are both for training and for validation"),
        ({"teacher": "br-1"}, "unknown policy 'br-1'"),
        ({"updates": -1}, "updates must be at least 0"),
        ({"environments": 0}, "environments must be at least 1"),
        ({"minutes": -1.0}, "minutes must be finite and at least 0"),
    ],
)
def test_wrong_plans_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_of(**changes)

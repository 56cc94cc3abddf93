"""The training of the learned router, from imitation to reinforcement; the best weights so far are kept."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors.torch import save

import baselines
import classifiers
from baselines.learned import Learned
from baselines.learned.network import RouterNetwork
from brgym._checks import keep_integers, keep_reals
from brgym.cluster import Policy, PoolPolicy, Reals, simulate
from brgym.learning.imitation import demonstrate, imitate
from brgym.learning.ppo import PPO, PPOSettings
from brgym.learning.training_ground import TrainingGround
from brgym.plumbing.files import write_atomically, write_rows
from classifiers.learned import Monitor

WEIGHTS = "weights.safetensors"

CURVE = "curve.csv"

_CANDIDATE = ".candidate.safetensors"

_MAX_SEED = 2**62  # torch's has 64 bits, and others are counted from it

ORACLE_TEACHER, NO_TEACHER = "br-h-oracle", "none"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a router is trained.

    Attributes:
        ground: Where.
        training_seeds: Seeds of the requests that it learns on, at least one.
        validation_seeds: Seeds of those by which the best weights are chosen, at least one, none of them above.
        teacher: Whom it imitates first: "br-h-oracle", the specification of a policy that binds from the pool
            (`baselines.from_spec`), or "none".
        imitation_epochs: Passes over the teacher's decisions.
        updates: Updates of PPO.
        minutes: Time after which the training stops, whatever is left of it.
        validate_every: Updates between two validations.
        environments: Environments side by side.
        decisions: Decisions of an episode.
        ppo: How PPO learns.
        seed: Decides all randomness.
        device: "cpu" or "cuda".
    """

    ground: TrainingGround
    training_seeds: Sequence[int]
    validation_seeds: Sequence[int]
    teacher: str = "br-h-oracle"
    imitation_epochs: int = 6
    updates: int = 500
    minutes: float = 90.0
    validate_every: int = 20
    environments: int = 64
    decisions: int = 2000
    ppo: PPOSettings = field(default_factory=PPOSettings)
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("training_seeds", "validation_seeds"):
            if not getattr(self, name):
                raise ValueError(f"{name} must have one seed or more")
        shared = sorted(set(self.training_seeds) & set(self.validation_seeds))
        if shared:
            raise ValueError(f"seeds {shared} are both for training and for validation")
        if self.teacher != NO_TEACHER and _teacher(self.teacher).binding != "pool":
            raise ValueError(f"teacher must bind from the pool, got {self.teacher!r}")
        keep_integers(self, "imitation_epochs", "updates", minimum=0)
        keep_integers(self, "validate_every", "environments", "decisions", minimum=1)
        keep_integers(self, "seed", minimum=0, maximum=_MAX_SEED)
        keep_reals(self, "minutes", minimum=0.0)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of the learning curve.

    Attributes:
        stage: "imitation" or "ppo".
        update: Updates of PPO so far.
        decisions: Decisions played in them.
        seconds: Time since the training began.
        ratio: Imbalance of the runs of the validation seeds, in backlog and in waves, to BR-0's (geometric mean).
        reward: Mean reward of a decision since the last point; NaN before the first update.
    """

    stage: str
    update: int
    decisions: int
    seconds: float
    ratio: float
    reward: float


class Training:
    """Trains a router and keeps the best weights so far in a folder, with the learning curve.

    Args:
        plan: How.
        out: The folder, which exists.
        tell: Told of progress.
    """

    def __init__(self, plan: Plan, out: Path, tell: Monitor) -> None:
        self.plan, self.out, self.tell = plan, out, tell
        self.curve: list[Point] = []
        self._device = torch.device(plan.device)
        self._begun_s = time.monotonic()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            self._network = RouterNetwork().to(self._device)

    def run(self) -> list[Point]:
        """Trains; returns the learning curve."""
        with _repeatable(self._device):
            if self.plan.teacher != NO_TEACHER:
                self._imitate()
            self._note("imitation", 0, np.nan)
            if self.plan.updates:
                self._reinforce()
        return self.curve

    @property
    def best(self) -> Point:
        """The point of the curve whose weights were kept."""
        return min(self.curve, key=lambda point: point.ratio)

    def ratio(self, policy: Policy) -> float:
        """Imbalance of a policy's runs of the validation seeds to BR-0's, run by run (geometric mean)."""
        return float(np.exp(np.mean(np.log(self._imbalances(policy) / self._to_beat))))

    @cached_property
    def _to_beat(self) -> Reals:
        return self._imbalances(baselines.make("br-0"))

    def _imbalances(self, policy: Policy) -> Reals:
        ground = self.plan.ground
        runs = [simulate(ground.cluster, requests, policy) for requests in ground.trials(self.plan.validation_seeds)]
        return np.array([run.metrics.imbalance_mean for run in runs])

    def _imitate(self) -> None:
        plan = self.plan
        shown = demonstrate(plan.ground.cluster, _teacher(plan.teacher), plan.ground.trials(plan.training_seeds))
        imitate(
            self._network,
            shown,
            workers=plan.ground.cluster.workers,
            epochs=plan.imitation_epochs,
            seed=plan.seed,
            device=self._device,
            tell=lambda epoch, loss: self.tell("imitation", epoch, {"loss": loss}),
        )

    def _reinforce(self) -> None:
        plan = self.plan
        envs = plan.ground.environments(plan.training_seeds, count=plan.environments, decisions=plan.decisions)
        ppo = PPO(self._network, envs, plan.ppo, seed=plan.seed, device=self._device)
        rewards = []
        for update in range(1, plan.updates + 1):
            if self._seconds() >= 60.0 * plan.minutes:
                break
            figures = ppo.update(1.0 - (update - 1) / plan.updates)
            rewards.append(figures["reward"])
            self.tell("ppo", update, figures)
            if update % plan.validate_every == 0 or update == plan.updates:
                self._note("ppo", update, float(np.mean(rewards)))
                rewards.clear()
        envs.close()

    def _note(self, stage: str, update: int, reward: float) -> None:
        """Tries the router on the validation seeds, and keeps it where it is the best so far."""
        plan = self.plan
        write_atomically(self.out / _CANDIDATE, lambda file: file.write(save(_arrays(self._network))))
        ratio = self.ratio(Learned(weights=self.out / _CANDIDATE))
        if ratio < min((point.ratio for point in self.curve), default=np.inf):
            (self.out / _CANDIDATE).replace(self.out / WEIGHTS)
        (self.out / _CANDIDATE).unlink(missing_ok=True)
        decisions = update * plan.environments * plan.ppo.steps
        self.curve.append(
            Point(
                stage=stage,
                update=update,
                decisions=decisions,
                seconds=self._seconds(),
                ratio=ratio,
                reward=reward,
            )
        )
        self.tell("validation", update, {"ratio": ratio})
        write_rows([asdict(point) for point in self.curve], self.out / CURVE)

    def _seconds(self) -> float:
        return time.monotonic() - self._begun_s


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """On a CPU the same plan gives the same weights; left alone, torch's threads add gradients up in any order."""
    enabled, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch.use_deterministic_algorithms(device.type == "cpu" or enabled, warn_only=warn_only)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)


def _teacher(name: str) -> PoolPolicy:
    if name == ORACLE_TEACHER:
        return cast(PoolPolicy, baselines.make("br-h", predictor=classifiers.Oracle()))
    try:
        return cast(PoolPolicy, baselines.from_spec(name))
    except (TypeError, ValueError) as error:
        raise ValueError(f"teacher: {error}") from None


def _arrays(network: RouterNetwork) -> dict[str, torch.Tensor]:
    return {name: weight.detach().cpu().contiguous() for name, weight in network.state_dict().items()}

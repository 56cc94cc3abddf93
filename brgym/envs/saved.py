"""The full state of an environment as a value: kept, compared, pickled, put back, as planning and search need it."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from brgym.cluster import ClusterConfig
from brgym.cluster.engine import STEP, regimes_of
from brgym.envs.episode_rules import Rules
from brgym.envs.memory import PackedRun, unpacked
from brgym.envs.task import RoutingTask


@dataclass(frozen=True)
class Setup:
    """What an environment was made with; a state belongs to one setup, and means nothing to another.

    Attributes:
        environment: Name of the class.
        cluster: The cluster.
        rules: The rules of an episode.
        episodes: The options of `Episodes`, as text.
        workload: The workload's fingerprint.
    """

    environment: str
    cluster: ClusterConfig
    rules: Rules
    episodes: str
    workload: str

    @classmethod
    def of(cls, environment: str, task: RoutingTask) -> Self:
        """The setup of an environment of class `environment`."""
        own = {field.name for field in fields(cls)}
        options = {f.name: getattr(task.episodes, f.name) for f in fields(task.episodes) if f.name not in own}
        return cls(environment, task.cluster, task.rules, str(options), task.episodes.workload.fingerprint())

    def check(self, other: "Setup") -> None:
        """Refuses another setup.

        Raises:
            ValueError: Naming the first part in which they differ.
        """
        for field in fields(self):
            here, there = getattr(self, field.name), getattr(other, field.name)
            if here != there:
                raise ValueError(f"the state is of another {field.name}: {there}, and not {here}")


@dataclass(frozen=True)
class EnvState:
    """An environment at one moment, from `RoutingEnv.get_state`: opaque, immutable, picklable.

    Two are equal when the environments were made alike and have been through the same: they then go on alike.

    Attributes:
        setup: What the environment was made with.
        memory: `PackedRun.memory`, as all that follows of that name.
        places: `PackedRun.places`.
        log: The rows in use of `PackedRun.log`.
        log_rows: Rows for which the log has room.
        clairvoyant: Whether a clairvoyant policy has had a view of the episode.
        seed: `gymnasium.Env.np_random_seed`.
        generator: State of the bit generator of `gymnasium.Env.np_random`.
    """

    setup: Setup
    memory: bytes
    places: bytes
    log: bytes
    log_rows: int
    clairvoyant: bool
    seed: int
    generator: dict[str, Any]

    @classmethod
    def of(cls, setup: Setup, run: PackedRun, **rest: Any) -> Self:
        """Copies a run; `rest` are the attributes from `clairvoyant` on."""
        state = unpacked(run).state
        steps = state.steps[: state.clock["step"][0]]
        return cls(
            setup, run.memory.tobytes(), run.places.tobytes(), steps.tobytes(), log_rows=len(state.steps), **rest
        )

    def __hash__(self) -> int:
        return hash(self.memory)

    def __repr__(self) -> str:
        return f"EnvState(of {self.setup.environment}, {len(self.memory) + len(self.log)} bytes)"

    def run(self) -> PackedRun:
        """The run again, in memory of its own."""
        log = np.zeros(self.log_rows * STEP.itemsize, np.uint8)
        log[: len(self.log)] = np.frombuffer(self.log, np.uint8)
        places = np.frombuffer(self.places, np.int64).copy()
        packed = PackedRun(np.frombuffer(self.memory, np.uint8).copy(), places, log, None)
        return packed._replace(regimes=regimes_of(unpacked(packed).state))

"""The conformance suite for routing policies."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import numpy as np

from brgym.cluster import (
    ClusterConfig,
    Integers,
    Policy,
    Result,
    RouterView,
    is_clairvoyant,
    is_compiled,
    room_for_pairs,
    simulate,
)
from brgym.cluster.engine import ON_ARRIVAL, binding_of, decide
from brgym.testing.failure import require, require_an_object, rule
from brgym.testing.scenarios import Scenario, scenarios, with_secrets_changed

_SEED = 7

_PROTOCOL = "2.9 (a policy has reset(cluster, seed), and bind(view) or admit(view) with the binding that goes with it)"
_DECISIONS = "2.2 (it routes candidates that are shown, to workers on which they fit, each once, and lets time pass)"
_RESET = "2.9 (deterministic: after reset, the same seed on the same cluster gives the same run)"
_FACES = "2.9 (the compiled decision and bind or admit are one and the same)"
_BOUNDARY = "2.8 (hidden output lengths of requests not yet finished change no decision)"


def check_policy(policy: Policy) -> None:
    """Checks that a policy keeps the contract, in runs on small clusters.

    It has the protocol; it decides what is allowed and lets time pass; `reset` makes it new, and its seed decides all
    randomness, that of Python's and NumPy's global generators included; a compiled decision equals the interpreted
    one; and, unless it declares itself clairvoyant, hidden output lengths do not reach it.

    Args:
        policy: The policy; it is reset many times.

    Raises:
        ConformanceError: If it breaks a rule.
    """
    with rule(policy, _PROTOCOL):
        require_an_object(policy)
        binding_of(policy)
    runs = []
    for scenario in scenarios():
        with rule(policy, _DECISIONS, where=scenario.name):
            runs.append(_run(policy, scenario))
    for scenario, first in zip(scenarios(), runs, strict=True):
        with rule(policy, _RESET, where=scenario.name):
            require(_same(_run(policy, scenario, luck=1), first), "two runs differ")
        if is_compiled(policy):
            with rule(policy, _FACES, where=scenario.name):
                require(_same(_run(_diary(policy), scenario), first), "the run without the compiled decision differs")
        if not is_clairvoyant(policy):
            with rule(policy, _BOUNDARY, where=scenario.name):
                _check_boundary(policy, scenario, first)


class _Diary:
    """Asks a policy without its compiled decision, and writes down when it decided what."""

    def __init__(self, policy: Any) -> None:
        self.binding = policy.binding
        self.clairvoyant = is_clairvoyant(policy)
        self._policy = policy
        self._pages: list[tuple[float, list[Any]]] = []

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Begins a new diary."""
        self._pages = []
        self._policy.reset(cluster, seed)
        self._pairs = room_for_pairs(cluster)

    def until(self, time_s: float) -> list[tuple[float, list[Any]]]:
        """What was decided until `time_s`."""
        return [page for page in self._pages if page[0] <= time_s]

    def _decide(self, view: RouterView) -> Integers:
        decision = self._pairs[: decide(self._policy, view, self._pairs)]
        self._pages.append((view.now_s, decision.tolist()))
        return decision


class _ArrivalDiary(_Diary):
    def bind(self, view: RouterView) -> int:
        """As the policy's own."""
        return int(self._decide(view)[0, 1])


class _PoolDiary(_Diary):
    def admit(self, view: RouterView) -> Integers:
        """As the policy's own."""
        return self._decide(view)


def _diary(policy: Any) -> Any:
    return _ArrivalDiary(policy) if binding_of(policy) == ON_ARRIVAL else _PoolDiary(policy)


def _check_boundary(policy: Policy, scenario: Scenario, first: Result) -> None:
    until_s = float(np.median(first.requests["finish_s"]))
    told, again = _diary(policy), _diary(policy)
    _run(told, scenario)
    changed = with_secrets_changed(scenario.workload, first.requests, until_s)
    _run(again, scenario._replace(workload=changed))
    for page, other in zip_longest(told.until(until_s), again.until(until_s)):
        require(page == other, f"it decides (when, what) {page}, and {other} when the future is another")


def _run(policy: Any, scenario: Scenario, *, luck: int = 0) -> Result:
    with _global_generators(luck):
        return simulate(scenario.cluster, scenario.workload, policy, seed=_SEED)


def _same(one: Result, other: Result) -> bool:
    return one.requests.tobytes() == other.requests.tobytes() and one.steps.tobytes() == other.steps.tobytes()


@contextmanager
def _global_generators(luck: int) -> Iterator[None]:
    """Seeds Python's and NumPy's global generators, and puts them back afterwards."""
    state, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  # what policies must not use
    random.seed(luck)
    np.random.seed(luck)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(legacy)  # noqa: NPY002

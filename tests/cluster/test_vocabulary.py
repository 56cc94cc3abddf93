"""Every word of the compiled vocabulary says what the attribute of the same name says in Python."""

import inspect
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from brgym import ClusterConfig, RouterView, Workload, simulate
from brgym.cluster import UNLIMITED, View, vocabulary
from tests.cluster.of_scenario import cluster_of, workload_of
from tests.reference.strategies import regimes, scenarios

OF_A_WORKER = ("free_slots", "spare_tokens", "room_tokens", "requests_on")
OF_A_CANDIDATE = tuple(f"candidate_{name}" for name in ("context_tokens", "arrival_s", "prompt_hash", "allowed_tokens"))
OF_AN_ACTIVE = tuple(name for name in vocabulary.__all__ if name.startswith("active_") and name != "active_requests")
OF_ALL = (
    *("now_s", "step", "boundary", "workers", "slots", "active_requests", "total_free_slots", "waiting"),
    *("window_size", "anything_fits", "workers_up"),
)
ARGUMENTS = ("fits", "fits_together", "kv_capacity", "lowest_load_that_fits", "candidate_fits", "is_up")
ROOM = ("Room", "holds", "room_of", "takes")


def test_every_word_is_checked_here() -> None:
    checked = (*OF_A_WORKER, *OF_A_CANDIDATE, *OF_AN_ACTIVE, *OF_ALL, *ARGUMENTS, *ROOM)
    assert sorted(checked) == sorted(vocabulary.__all__)


def test_the_view_shows_no_bookkeeping() -> None:
    seen: list[View] = []

    class Peek:
        binding: ClassVar[Literal["pool"]] = "pool"

        def reset(self, cluster: ClusterConfig, seed: int) -> None: ...

        def admit(self, view: RouterView) -> Any:
            seen.append(view.arrays)
            return [(0, 0)] if view.fits()[0, 0] else []

    simulate(ClusterConfig(workers=1, slots=1), Workload([0.0] * 3, [1] * 3, [2] * 3), Peek())
    names = {name for array in seen[0] for name in (array.dtype.names or ())} | set(View._fields)
    assert not names & {"newest", "queue_first", "queue_last", "finished", "phase", "fresh", "admitted", "arrived"}


class Compared:
    """Admits now and then, and compares both views at every decision."""

    def __init__(self, binding: str, *, plain: bool = True) -> None:
        self.binding: Any = binding
        self.plain = plain
        if binding == "arrival":
            self.bind = self._bind
        else:
            self.admit = self._admit

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def _bind(self, view: RouterView) -> int:
        self.compare(view)
        return int(self.rng.choice(np.flatnonzero(view.up)))

    def _admit(self, view: RouterView) -> Any:
        self.compare(view)
        where = np.argwhere(view.fits())
        return where[self.rng.integers(len(where))][None]

    def compare(self, view: RouterView) -> None:
        arrays = view.arrays
        for name in OF_A_WORKER:
            assert [getattr(vocabulary, name)(arrays, g) for g in range(view.workers)] == getattr(view, name).tolist()
        for name in OF_A_CANDIDATE:
            said = [getattr(vocabulary, name)(arrays, c) for c in range(view.window_size)]
            assert said == getattr(view, name).tolist()
        for name in OF_AN_ACTIVE:
            said = [getattr(vocabulary, name)(arrays, place) for place in range(view.active_requests)]
            assert said == getattr(view, name).tolist()
        for name in OF_ALL:
            known = getattr(view, name)
            assert getattr(vocabulary, name)(arrays) == (known() if inspect.ismethod(known) else known)
        assert (vocabulary.kv_capacity(arrays) == UNLIMITED) == (view.kv_capacity is None)
        self.compare_fits(view)

    def compare_fits(self, view: RouterView) -> None:
        assert [vocabulary.is_up(view.arrays, g) for g in range(view.workers)] == view.up.tolist()
        contexts, allowed, fits = view.candidate_context_tokens.tolist(), view.candidate_allowed_tokens, view.fits()
        for candidate, context in enumerate(contexts):
            also = int(allowed[candidate])
            said = [vocabulary.candidate_fits(view.arrays, g, candidate) for g in range(view.workers)]
            assert said == fits[candidate].tolist()
            assert said == [vocabulary.fits(view.arrays, g, context, also) for g in range(view.workers)]
            assert said == [view.fits_together(g, context, 1, also) for g in range(view.workers)]
            where = np.flatnonzero(said)
            lowest = where[view.load_tokens[where].argmin()] if len(where) else -1
            assert view.lowest_load_that_fits(context, also) == lowest
        assert view.anything_fits() == fits.any()
        if self.plain:
            self.compare_sets(view, contexts)

    def compare_sets(self, view: RouterView, contexts: list[int]) -> None:
        for g in range(view.workers):
            capacity = UNLIMITED if view.kv_capacity is None else view.kv_capacity
            room = view.load_tokens[g] + view.active[g] + sum(contexts) + len(contexts) <= capacity
            assert view.fits_together(g, sum(contexts), len(contexts)) == (room and len(contexts) <= view.free_slots[g])


@pytest.mark.parametrize("binding", ["pool", "arrival"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(max_requests=15))
def test_compiled_words_and_the_view_agree(binding: str, scenario: dict[str, Any]) -> None:
    simulate(cluster_of(scenario), workload_of(scenario), cast(Any, Compared(binding)))


@pytest.mark.parametrize("binding", ["pool", "arrival"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=regimes(max_requests=15))
def test_they_agree_with_all_parts_mixed(binding: str, scenario: dict[str, Any]) -> None:
    simulate(cluster_of(scenario), workload_of(scenario), cast(Any, Compared(binding, plain=False)))

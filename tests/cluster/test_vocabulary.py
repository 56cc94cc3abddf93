"""Every word of the compiled vocabulary says what the attribute of the same name says in Python."""

import inspect
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from brgym import ClusterConfig, RouterView, Workload, simulate
from brgym.cluster import UNLIMITED, View, vocabulary
from tests.reference.strategies import scenarios

OF_A_WORKER = ("free_slots", "spare_tokens", "room_tokens", "requests_on")
OF_A_CANDIDATE = ("candidate_context_tokens", "candidate_arrival_s", "candidate_prompt_hash")
OF_AN_ACTIVE = tuple(name for name in vocabulary.__all__ if name.startswith("active_") and name != "active_requests")
OF_ALL = (
    *("now_s", "step", "boundary", "workers", "slots", "active_requests", "total_free_slots", "waiting"),
    *("window_size", "anything_fits"),
)
ARGUMENTS = ("fits", "fits_together", "kv_capacity", "lowest_load_that_fits")


def test_every_word_is_checked_here() -> None:
    assert sorted((*OF_A_WORKER, *OF_A_CANDIDATE, *OF_AN_ACTIVE, *OF_ALL, *ARGUMENTS)) == sorted(vocabulary.__all__)


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

    def __init__(self, binding: str) -> None:
        self.binding: Any = binding
        if binding == "arrival":
            self.bind = self._bind
        else:
            self.admit = self._admit

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def _bind(self, view: RouterView) -> int:
        self.compare(view)
        return int(self.rng.integers(view.workers))

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
        contexts, fits = view.candidate_context_tokens.tolist(), view.fits()
        for candidate, context in enumerate(contexts):
            said = [vocabulary.fits(view.arrays, g, context) for g in range(view.workers)]
            assert said == fits[candidate].tolist()
            assert said == [view.fits_together(g, context, 1) for g in range(view.workers)]
            where = np.flatnonzero(said)
            lowest = where[view.load_tokens[where].argmin()] if len(where) else -1
            assert view.lowest_load_that_fits(context) == lowest
        assert view.anything_fits() == fits.any()
        for g in range(view.workers):
            capacity = UNLIMITED if view.kv_capacity is None else view.kv_capacity
            room = view.load_tokens[g] + view.active[g] + sum(contexts) + len(contexts) <= capacity
            assert view.fits_together(g, sum(contexts), len(contexts)) == (room and len(contexts) <= view.free_slots[g])


@pytest.mark.parametrize("binding", ["pool", "arrival"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(max_requests=15))
def test_compiled_words_and_the_view_agree(binding: str, scenario: dict[str, Any]) -> None:
    names = ("workers", "slots", "kv_capacity", "candidates", "recompute_s_per_token")
    workload = Workload(scenario["arrival_s"], scenario["prompt_tokens"], scenario["output_tokens"])
    simulate(ClusterConfig(**{name: scenario[name] for name in names}), workload, cast(Any, Compared(binding)))

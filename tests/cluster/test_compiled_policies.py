"""A compiled policy is a kernel, a memory and a reset; what will not do is refused in one line."""

from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import baselines
from brgym import ClusterConfig, RouterView, Workload, compiled_kernel, simulate
from brgym.cluster import Memory
from brgym.cluster.vocabulary import lowest_load_that_fits
from brgym.testing import check_policy
from examples.own_router import FewestChoices

CLUSTER = ClusterConfig(workers=3, slots=2, candidates=4)
REQUESTS = Workload(np.arange(20) * 0.05, np.arange(1, 21), np.arange(20) % 7 + 1)


@compiled_kernel
def _oldest_first(view, memory, pairs):
    pairs[0, 0] = 0
    pairs[0, 1] = lowest_load_that_fits(view, view.pool[view.clock[0].pool_start].context_tokens)
    return 1 if pairs[0, 1] >= 0 else 0


class KernelOnly:
    binding: Any = "pool"
    kernel: Any = staticmethod(_oldest_first)
    memory: Any = Memory(np.zeros(0, np.int64), np.zeros(0))

    def reset(self, cluster: ClusterConfig, seed: int) -> None: ...


def test_kernel_memory_and_reset_suffice() -> None:
    result = simulate(CLUSTER, REQUESTS, KernelOnly())
    assert result.requests.tobytes() == simulate(CLUSTER, REQUESTS, baselines.make("least-kv")).requests.tobytes()


def test_it_needs_no_memory_before_the_first_run() -> None:
    check_policy(FewestChoices())


def test_binding_on_arrival_needs_no_bind() -> None:
    @compiled_kernel
    def to_the_last(view, memory, pairs):
        pairs[0, 0] = 0
        pairs[0, 1] = len(view.active) - 1
        return 1

    class Last(KernelOnly):
        binding: Any = "arrival"
        kernel = staticmethod(to_the_last)

    assert (simulate(CLUSTER, REQUESTS, Last()).requests["worker"] == 2).all()


def _refused(match: str, **changes: Any) -> None:
    policy = type("Mine", (KernelOnly,), changes)()
    with pytest.raises(TypeError, match=match) as caught:
        simulate(CLUSTER, REQUESTS, policy)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)


def test_a_kernel_that_is_not_compiled_is_refused() -> None:
    _refused("policy Mine: kernel must be made with brgym.compiled_kernel", kernel=staticmethod(lambda *_: 0))


def test_a_kernel_that_numba_refuses_is_refused_in_one_line() -> None:
    @compiled_kernel
    def unknown(view, memory, pairs):
        return view.no_such_thing

    _refused("policy Mine: kernel does not compile as kernel.*no_such_thing", kernel=staticmethod(unknown))


def test_a_kernel_of_another_return_type_is_refused() -> None:
    @compiled_kernel
    def half(view, memory, pairs):
        return 0.5

    _refused("policy Mine: kernel must return how many rows it has written, an int64", kernel=staticmethod(half))


@pytest.mark.parametrize(
    "memory",
    [None, (1, 2), Memory(np.zeros(1, np.int32), np.zeros(1)), Memory(np.zeros(4, np.int64)[::2], np.zeros(1))],
)
def test_another_memory_is_refused(memory: Any) -> None:
    _refused("policy Mine: memory must be a brgym.cluster.Memory of", memory=memory)


def test_a_policy_without_anything_to_ask_is_refused() -> None:
    class Silent:
        binding: Any = "pool"

        def reset(self, cluster: ClusterConfig, seed: int) -> None: ...

    with pytest.raises(TypeError, match="policy must have reset"):
        simulate(CLUSTER, REQUESTS, Silent())  # type: ignore[arg-type]


def test_the_example_equals_its_rule_in_python() -> None:
    class Plain:
        binding: ClassVar[Literal["pool"]] = "pool"

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            self.chosen = [0] * cluster.workers

        def admit(self, view: RouterView) -> Any:
            for candidate, fits in enumerate(view.fits()):
                where = np.flatnonzero(fits).tolist()
                if where:
                    worker = min(where, key=lambda g: (view.load_tokens[g], self.chosen[g]))
                    self.chosen[worker] += 1
                    return [(candidate, worker)]
            return []

    assert (
        simulate(CLUSTER, REQUESTS, FewestChoices()).requests.tobytes()
        == simulate(CLUSTER, REQUESTS, Plain()).requests.tobytes()
    )

"""What a policy answers is read strictly: an error names policy, boundary, fault and what was expected."""

from typing import Any

import numpy as np
import pytest

import brgym
from brgym import ClusterConfig, RouterView, Workload, compiled_kernel, simulate
from brgym.cluster import Memory

CLUSTER = ClusterConfig(workers=2, slots=2)
FIVE = Workload(np.zeros(5), np.full(5, 7), np.full(5, 3))


def serve(policy: Any, cluster: ClusterConfig = CLUSTER) -> Any:
    return simulate(cluster, FIVE, policy)


class Answers:
    """Answers every question alike."""

    def __init__(self, binding: str, answer: Any) -> None:
        self.binding, self.answer = binding, answer

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Nothing to forget."""

    def bind(self, view: RouterView) -> Any:
        return self.answer

    def admit(self, view: RouterView) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [1.5, "1", None, float("nan"), 2**70, -1, 2, True, [0], np.float64(1)])
def test_a_binding_is_a_worker(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"Answers at boundary 1: bind must return a worker, .* 0\.\.1, got"):
        serve(Answers("arrival", answer))


@pytest.mark.parametrize(
    "answer",
    [[(0.5, 0)], None, [(0, float("nan"))], [(2**70, 0)], [(0, 0, 0)], [(0, 0), (1,)], "ab", [0, 1], [[True, False]]],
)
def test_an_admission_is_rows_of_two_whole_numbers(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"Answers at boundary 1: admit must return \(candidate, worker\) rows"):
        serve(Answers("pool", answer))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([(5, 0)], r"candidate 5 to worker 0: there is no such candidate, they are 0\.\.4"),
        ([(0, 0), (5, 0)], r"candidate 5 to worker 0: there is no such candidate, they are 0\.\.4"),
        ([(-1, 0)], "there is no such candidate"),
        ([(0, 2)], r"candidate 0 to worker 2: there is no such worker, they are 0\.\.1"),
        ([(0, 0), (0, 1)], "candidate 0 to worker 1: the candidate is named twice"),
        ([(0, 0), (1, 0), (2, 0)], "candidate 2 to worker 0: it does not fit there, with 0 free slots"),
        ([(0, 0)] * 5, "admits 5 requests at once; the cluster has 4 slots"),
    ],
)
def test_a_refusal_names_its_cause(answer: Any, why: str) -> None:
    with pytest.raises(ValueError, match=rf"^policy Answers at boundary 1.*{why}"):
        serve(Answers("pool", answer))


def test_the_window_bounds_the_candidates() -> None:
    cluster = ClusterConfig(workers=2, slots=2, candidates=2)
    with pytest.raises(ValueError, match=r"no such candidate, they are 0\.\.1"):
        serve(Answers("pool", [(0, 0), (2, 1)]), cluster)


def test_an_empty_answer_holds() -> None:
    empties: list[Any] = [[], np.empty((0, 2)), ()]
    for empty in empties:
        with pytest.raises(RuntimeError, match="admits nothing"):
            serve(Answers("pool", empty))


@compiled_kernel
def asked_count(view: Any, memory: Any, pairs: Any) -> int:
    for row in range(len(pairs)):
        pairs[row, 0], pairs[row, 1] = row, row // 2
    return memory.integers[0]


@pytest.mark.parametrize("binding", ["pool", "arrival"])
@pytest.mark.parametrize("count", [-1, 5, 10**6, -(2**62), 2**62])
def test_a_kernel_says_how_many_rows_it_has_written(binding: str, count: int) -> None:
    class Own:
        kernel = staticmethod(asked_count)

        def __init__(self) -> None:
            self.binding = binding

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            self.memory = Memory(np.array([count]), np.zeros(0))

    with pytest.raises(ValueError, match=r"^policy Own at boundary 1: kernel must return how many rows .*, 0\.\.4$"):
        serve(Own())


def test_a_pool_policy_that_can_bind_too_is_asked_to_admit() -> None:
    class Both(Answers):
        def bind(self, view: RouterView) -> Any:
            raise AssertionError("not this one")

        def admit(self, view: RouterView) -> Any:
            free = np.flatnonzero(np.asarray(view.free_slots) > 0)
            return [(0, int(free[0]))] if len(free) and len(view.candidates) else []

    assert np.isfinite(serve(Both("pool", None)).requests["finish_s"]).all()


def two(view: Any, memory: Any) -> int:
    return 0


def formatted(view: Any, memory: Any, pairs: Any) -> int:
    return len(f"{view.load_tokens[0]:5.2f}")


def generator(view: Any, memory: Any, pairs: Any) -> Any:
    yield 0


@pytest.mark.parametrize("function", [two, formatted, generator])
def test_a_kernel_that_does_not_compile_is_one_line(function: Any) -> None:
    class Own:
        binding = "pool"
        kernel = staticmethod(brgym.compiled_kernel(function))

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            self.memory = Memory(np.zeros(0, np.int64), np.zeros(0))

    with pytest.raises(TypeError, match=r"^policy Own: kernel ") as raised:
        serve(Own())
    assert len(str(raised.value)) < 700
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("integers", "said"),
    [
        (np.zeros((2, 2), np.int64), "2-dimensional int64"),
        (np.zeros(4, np.int64)[::2], "strided int64"),
        (np.zeros(4, ">i8"), ">i8"),
        (np.zeros(4, np.int32), "int32"),
        (3, "int"),
    ],
)
def test_a_memory_that_will_not_do_is_described(integers: Any, said: str) -> None:
    class Own:
        binding = "pool"
        kernel = staticmethod(asked_count)

        def reset(self, cluster: ClusterConfig, seed: int) -> None:
            self.memory = Memory(integers, np.zeros(0))

    with pytest.raises(TypeError, match=f"memory must be .*, got Memory of {said}, float64"):
        serve(Own())

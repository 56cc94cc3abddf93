"""Hidden output lengths cannot reach a policy: permuting those of unfinished requests changes nothing it sees."""

from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import baselines
from brgym import ClusterConfig, RouterView, StepTime, Workload, simulate
from brgym.cluster import ClairvoyantView, View

CLUSTER = ClusterConfig(
    workers=3,
    slots=4,
    kv_capacity=400,
    candidates=5,
    recompute_s_per_token=0.01,
    step_time=StepTime.barrier(base_s=0.01, per_token_s=1e-4),
)


class Diary:
    """Writes down everything that a policy could read, until a given time."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self.policy: Any = baselines.make("br-0")
        self.pages: list[bytes] = []

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.policy.reset(cluster, seed)

    def admit(self, view: RouterView) -> Any:
        if view.now_s <= self.until_s:
            self.pages.append(everything_in(view))
        return self.policy.admit(view)


def everything_in(view: RouterView) -> bytes:
    public = [name for name in dir(RouterView) if not name.startswith("_")]
    values = [(name, getattr(view, name)) for name in public if name != "arrays"]
    asked = {"fits_together": (0, 40, 2), "lowest_load_that_fits": (20,)}
    values = [value(*asked.get(name, ())) if callable(value) else value for name, value in values]
    parts = [np.asarray(value).tobytes() for value in values]
    # of the flat arrays, what lies beyond the lists' ends is left over from the past
    ends = {"pool": view.candidates, "running": view.running, "pool_allowed": view.candidate_allowed_tokens}
    parts += [np.asarray(ends.get(name, array)).tobytes() for name, array in view.arrays._asdict().items()]
    return b"".join(parts)


def workload(output_tokens: Any) -> Workload:
    rng = np.random.default_rng(5)
    return Workload(np.sort(rng.uniform(0, 4, 80)), rng.integers(1, 60, 80), output_tokens)


def test_hidden_lengths_of_unfinished_requests_change_no_view() -> None:
    rng = np.random.default_rng(7)
    output = rng.integers(3, 40, 80)
    until_s = 2.0
    first = Diary(until_s)
    finish_s = simulate(CLUSTER, workload(output), first).requests["finish_s"]

    # what is unfinished by then gets other lengths, longer than any so that none of them ends sooner
    later = np.flatnonzero(finish_s > until_s)
    permuted = output.copy()
    permuted[later] = 40 + rng.permutation(output[later])
    second = Diary(until_s)
    simulate(CLUSTER, workload(permuted), second)

    assert len(later) > 20
    assert len(first.pages) > 20
    assert first.pages == second.pages


def test_view_has_no_output_length() -> None:
    seen: list[RouterView] = []

    class Peek(Diary):
        def admit(self, view: RouterView) -> Any:
            seen.append(view)
            return super().admit(view)

    simulate(CLUSTER, workload(np.full(80, 30)), Peek(0.0))
    names = {name for array in seen[0].arrays for name in (array.dtype.names or ())}
    assert not any("output" in name or "remaining" in name for name in names)
    assert "requests" not in View._fields


def test_view_is_read_only() -> None:
    class Vandal(Diary):
        def admit(self, view: RouterView) -> Any:
            view.load_tokens[0] = 0
            return []

    with pytest.raises(ValueError, match="read-only"):
        simulate(CLUSTER, workload(np.full(80, 30)), Vandal(0.0))


def test_clairvoyant_policy_gets_remaining_lengths_and_its_result_says_so() -> None:
    output = np.arange(1, 81)

    class Seer(Diary):
        clairvoyant = True

        def admit(self, view: RouterView) -> Any:
            assert isinstance(view, ClairvoyantView)
            expected = output[view.active_row] - view.active_generated_tokens
            np.testing.assert_array_equal(view.active_remaining_tokens, expected)
            np.testing.assert_array_equal(view.candidate_output_tokens, output[view.candidate_row])
            return super().admit(view)

    assert simulate(CLUSTER, workload(output), Seer(0.0)).clairvoyant
    assert not simulate(CLUSTER, workload(output), Diary(0.0)).metrics.clairvoyant

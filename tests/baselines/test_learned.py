"""The learned router: its compiled network is the one that torch trains, and it is a router like the others."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import baselines
from baselines.learned import Learned
from baselines.learned.features import CANDIDATE, CLUSTER, WORKER, columns, write_row
from baselines.learned.network import RouterNetwork
from baselines.learned.policy import SHIPPED
from brgym import ClusterConfig, RouterView, Workload, load_workload, simulate

CLUSTER_OF_THREE = ClusterConfig(workers=3, slots=5, kv_capacity=900, candidates=8, recompute_s_per_token=0.001)


def some_workload(seed: int, count: int = 200) -> Workload:
    rng = np.random.default_rng(seed)
    return Workload(np.sort(rng.uniform(0, 3, count)), rng.integers(1, 200, count), rng.integers(1, 60, count))


def network_of(seed: int, hidden: int = 8) -> RouterNetwork:
    torch.manual_seed(seed)
    network = RouterNetwork(hidden)
    torch.nn.init.normal_(network.score.weight)
    return network


class Compared:
    """Asks the compiled router, and looks up in torch's scores what it has chosen."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, network: RouterNetwork, router: Learned) -> None:
        self.network, self.router = network, router
        self.shortfalls: list[float] = []

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        self.router.reset(cluster, seed)
        assert cluster.candidates is not None
        self.window = cluster.candidates

    def admit(self, view: RouterView) -> Any:
        pairs = self.router.admit(view)
        row = np.empty(columns(view.workers, self.window), np.float32)
        write_row(view.arrays, row)
        mask = np.zeros((self.window, view.workers), np.bool_)
        mask[: len(view.candidates)] = view.fits()
        assert len(pairs) == mask.any()  # work-conserving
        if len(pairs):
            with torch.no_grad():
                scores = self.network(torch.from_numpy(row[None]), torch.from_numpy(mask.reshape(1, -1)), view.workers)
            points = scores.pairs[0].reshape(mask.shape).numpy()
            self.shortfalls.append(float(points.max() - points[tuple(pairs[0])]))
        return pairs


@settings(max_examples=15)
@given(seed=st.integers(0, 100), workers=st.integers(1, 8), candidates=st.integers(1, 12))
def test_the_compiled_network_chooses_what_torch_scores_highest(
    tmp_path_factory: pytest.TempPathFactory, seed: int, workers: int, candidates: int
) -> None:
    network = network_of(seed)
    file = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_file(network.state_dict(), file)
    cluster = ClusterConfig(workers=workers, slots=5, kv_capacity=900, candidates=candidates)
    compared = Compared(network, Learned(weights=file))
    simulate(cluster, some_workload(seed), compared)
    assert len(compared.shortfalls) >= 200
    assert max(compared.shortfalls) < 1e-3


def test_exchanging_workers_or_candidates_exchanges_scores() -> None:
    rng = np.random.default_rng(0)
    workers, candidates, network = 4, 6, network_of(1)
    rows = rng.normal(size=(3, columns(workers, candidates))).astype(np.float32)
    worker_part = rows[:, CLUSTER : CLUSTER + workers * WORKER].reshape(3, workers, WORKER)
    candidate_part = rows[:, CLUSTER + workers * WORKER :].reshape(3, candidates, CANDIDATE)
    candidate_part[..., 0] = 1.0
    worker_order, candidate_order = rng.permutation(workers), rng.permutation(candidates)
    exchanged = np.concatenate(
        [
            rows[:, :CLUSTER],
            worker_part[:, worker_order].reshape(3, -1),
            candidate_part[:, candidate_order].reshape(3, -1),
        ],
        axis=1,
    )
    mask = torch.ones((3, candidates * workers), dtype=torch.bool)
    with torch.no_grad():
        first = network(torch.from_numpy(rows), mask, workers)
        second = network(torch.from_numpy(exchanged), mask, workers)
    expected = first.pairs.reshape(3, candidates, workers)[:, candidate_order][:, :, worker_order]
    torch.testing.assert_close(second.pairs.reshape(expected.shape), expected)
    torch.testing.assert_close(first.value, second.value)


def test_a_window_of_workers_serves_everything_too() -> None:
    for window in (1, 2):
        result = simulate(CLUSTER_OF_THREE, some_workload(3), baselines.make("learned", worker_window=window))
        assert np.isfinite(result.requests["finish_s"]).all()


def test_more_candidates_than_its_window_are_left_alone() -> None:
    cluster = ClusterConfig(workers=2, slots=3, candidates=None)
    result = simulate(cluster, some_workload(4), baselines.make("learned", candidate_window=5))
    assert np.isfinite(result.requests["finish_s"]).all()


def test_the_shipped_weights_are_small_and_better_than_br_0() -> None:
    assert SHIPPED.stat().st_size < 2_000_000
    cluster, workload = ClusterConfig(workers=8, slots=72), load_workload("proprietary-like", seed=2000)
    learned, br_0 = (simulate(cluster, workload, baselines.make(name)).metrics for name in ("learned", "br-0"))
    assert learned.imbalance_mean < 0.6 * br_0.imbalance_mean


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"none\.safetensors"):
        baselines.make("learned", weights=tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"broken\.safetensors is no safetensors file"):
        baselines.make("learned", weights=broken)
    weights = network_of(0).state_dict()
    save_file({name: weight for name, weight in weights.items() if name != "pair.weight"}, broken)
    with pytest.raises(ValueError, match=r"broken\.safetensors: no weights of the learned router: 'pair.weight'"):
        baselines.make("learned", weights=broken)
    save_file(weights | {"pair.weight": torch.zeros((8, 3))}, broken)
    with pytest.raises(ValueError, match=r"weights of another network: pair has shape \(3, 8\), not \(4, 8\)"):
        baselines.make("learned", weights=broken)
    for wrong in (
        torch.full((8, 4), torch.nan),
        torch.full((8, 4), torch.inf),
        torch.zeros((8, 4), dtype=torch.float64),
    ):
        save_file(weights | {"pair.weight": wrong}, broken)
        with pytest.raises(ValueError, match=r"broken\.safetensors: .* pair must hold finite float32"):
            baselines.make("learned", weights=broken)
    save_file({"worker.weight": torch.zeros((8, 6)).to(torch.float8_e4m3fn)}, broken)
    with pytest.raises(ValueError, match=r"broken\.safetensors is no safetensors file"):
        baselines.make("learned", weights=broken)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        baselines.make("learned", weights=tmp_path)


@pytest.mark.parametrize("name", ["worker_window", "candidate_window"])
def test_windows_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be in 1\.\.65536"):
        baselines.make("learned", **{name: 0})

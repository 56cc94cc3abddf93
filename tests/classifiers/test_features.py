from typing import ClassVar, Literal

import numpy as np
import pytest

from brgym.cluster import ClusterConfig, simulate
from brgym.cluster.identity import key_of, row_of
from brgym.workload import Workload
from classifiers import HistGB
from classifiers.features import FEATURES, Features
from classifiers.snapshots import sample_snapshots
from tests.classifiers.conftest import workload_of


class Watcher:
    """Admits in order, and notes at every boundary what the features of the view are."""

    binding: ClassVar[Literal["pool"]] = "pool"

    def __init__(self, features):
        self.features = features
        self.seen = []

    def reset(self, cluster, seed):
        self.worker = 0

    def admit(self, view):
        self.seen.append((view.running.copy(), view.active_generated_tokens, self.features.matrix(view)))
        fits = view.fits()
        return [(0, int(np.argmax(fits[0])))] if len(fits) and fits[0].any() else []


def test_a_view_and_the_data_set_give_the_same_features(split):
    training, later = split
    days = Workload(training.arrival_s * 40, training.prompt_tokens, training.output_tokens, training.prompt_hash)
    features = Features.of(days, FEATURES, admit_s=days.arrival_s + 1.0)
    assert features.names == FEATURES
    watcher = Watcher(features)
    served = later.slice(0, 60).rebase()
    admit_s = simulate(ClusterConfig(workers=2, slots=2), served, watcher).requests["admit_s"]
    assert sum(len(rows) for _, _, rows in watcher.seen) > 100
    queueing = np.concatenate([rows[:, FEATURES.index("log_queueing")] for _, _, rows in watcher.seen])
    assert queueing.max() > np.log1p(1.0)
    drawn = sample_snapshots(served, 20_000, seed=0, step_s=None, admit_s=admit_s)
    seen = {
        (r, a): row
        for run, age, rows in watcher.seen
        for r, a, row in zip(row_of(key_of(0), run["request"]), age, rows, strict=True)
    }
    pairs = zip(drawn.request, drawn.active_generated_tokens, features.matrix(drawn), strict=True)
    met = [(seen[request, age], row) for request, age, row in pairs if (request, age) in seen]
    assert len(met) > 100
    in_view, in_data = map(np.array, zip(*met, strict=True))
    np.testing.assert_array_equal(in_view, in_data)


def test_the_hour_needs_a_day_the_history_hashes_and_queueing_a_run_in_which_somebody_queues(workload):
    assert not [name for name in Features.of(workload, FEATURES).names if name.startswith("hour")]
    bare = Workload(workload.arrival_s, workload.prompt_tokens, workload.output_tokens)
    assert not [name for name in Features.of(bare, FEATURES).names if name.startswith("hash")]
    assert "log_queueing" not in Features.of(workload, FEATURES).names
    assert "log_queueing" not in Features.of(workload, FEATURES, admit_s=workload.arrival_s).names
    queued = workload.arrival_s.copy()
    queued[7] += 1.0
    assert "log_queueing" in Features.of(workload, FEATURES, admit_s=queued).names


def test_the_history_of_a_training_request_holds_earlier_ones_only(workload):
    names = ("hash_log_count", "hash_mean_log_output")
    features = Features.of(workload, names, step_s=None)
    snapshots = sample_snapshots(workload, 500, seed=0, step_s=None)
    rows = features.training_matrix(snapshots)
    prior = np.log(workload.output_tokens).mean()
    for row, request in zip(rows, snapshots.request, strict=True):
        past = workload.output_tokens[:request][workload.prompt_hash[:request] == workload.prompt_hash[request]]
        expected = [np.log1p(len(past)), (np.log(past).sum() + prior) / (len(past) + 1)]
        np.testing.assert_allclose(row, expected)


def test_an_unknown_prompt_is_described_by_all_requests(workload):
    features = Features.of(workload, ("hash_log_count", "hash_mean_log_output"), step_s=None)
    stranger = sample_snapshots(workload_of(50, seed=3, hashes=1), 5, seed=0)
    stranger.active_prompt_hash[:] = -1
    expected = [0.0, np.log(workload.output_tokens).mean()]
    np.testing.assert_allclose(features.matrix(stranger), [expected] * 5)


def test_a_feature_that_nothing_fills_is_named(workload):
    class Hopeful(HistGB):
        wanted_features = ("age_tokens", "age_in_weeks")

    with pytest.raises(ValueError, match="unknown feature 'age_in_weeks'"):
        Hopeful(horizon=20).fit(workload)
    with pytest.raises(ValueError, match="feature 'hash_log_count' tells of past requests"):
        Features(("age_tokens", "hash_log_count"))

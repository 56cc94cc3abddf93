import numpy as np

from brgym.cluster import ClusterConfig, simulate
from brgym.workload import Workload
from classifiers.features import FEATURES, Features
from classifiers.snapshots import Snapshots, sample_snapshots
from tests.classifiers.conftest import workload_of


class Watcher:
    """Admits in order, and notes at every boundary what the features of the view are."""

    binding = "pool"

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
    features = Features.of(days, FEATURES)
    assert features.names == FEATURES
    watcher = Watcher(features)
    served = later.slice(0, 60).rebase()
    simulate(ClusterConfig(workers=2, slots=8), served, watcher)
    assert sum(len(rows) for _, _, rows in watcher.seen) > 100
    for running, age, rows in watcher.seen:
        row = running["request"]
        known = Snapshots(
            request=row,
            active_generated_tokens=age,
            active_prompt_tokens=served.prompt_tokens[row],
            active_prompt_hash=served.prompt_hash[row],
            active_admit_s=running["admit_s"],
            seen_steps=served.output_tokens[row] - age,
            ended=np.ones(len(row), bool),
        )
        np.testing.assert_array_equal(rows, features.matrix(known))


def test_the_hour_needs_a_day_and_the_history_needs_hashes(workload):
    assert not [name for name in Features.of(workload, FEATURES).names if name.startswith("hour")]
    bare = Workload(workload.arrival_s, workload.prompt_tokens, workload.output_tokens)
    assert not [name for name in Features.of(bare, FEATURES).names if name.startswith("hash")]


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

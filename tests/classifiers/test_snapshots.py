import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brgym.workload import Workload
from classifiers.snapshots import ends_within, observed_steps, sample_snapshots


def test_requests_are_met_in_proportion_to_their_length_and_ages_are_uniform():
    workload = Workload([0.0, 0.0], [5, 5], [10, 90])
    snapshots = sample_snapshots(workload, 50_000, seed=0)
    long = snapshots.request == 1
    assert long.mean() == pytest.approx(0.9, abs=0.01)
    counts = np.bincount(snapshots.active_generated_tokens[long], minlength=90)
    assert counts.max() / counts.min() < 1.4


@settings(max_examples=30)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(0, 1000))
def test_age_and_seen_steps_add_up_to_the_output(outputs, seed):
    snapshots = sample_snapshots(Workload([0.0] * len(outputs), [3] * len(outputs), outputs), 50, seed=seed)
    assert (snapshots.active_generated_tokens + snapshots.seen_steps == np.array(outputs)[snapshots.request]).all()
    assert snapshots.ended.all()
    assert snapshots.seen_steps.min() >= 1


def test_requests_still_running_when_the_trace_ends_are_censored():
    workload = Workload([0.0, 9.0, 10.0], [1, 1, 1], [5, 100, 7])
    assert observed_steps(workload, step_s=0.1).tolist() == [5, 10, 0]
    assert observed_steps(workload, step_s=None).tolist() == [5, 100, 7]
    snapshots = sample_snapshots(workload, 500, seed=0, step_s=0.1)
    assert set(snapshots.request) == {0, 1}
    assert (snapshots.ended == (snapshots.request == 0)).all()


def test_what_a_censored_request_does_within_the_horizon_is_known_only_if_it_was_seen_that_long():
    snapshots = sample_snapshots(Workload([0.0, 10.0], [1, 1], [1000, 7]), 500, seed=0, step_s=0.1)
    ends, known = ends_within(snapshots, 30)
    assert not ends.any()
    assert (known == (snapshots.seen_steps >= 30)).all()


def test_a_trace_without_a_single_whole_step_is_refused():
    with pytest.raises(ValueError, match="nothing to learn"):
        sample_snapshots(Workload([0.0, 0.001], [1, 1], [5, 5]), 10, seed=0)


def test_requests_run_from_their_admission_on():
    workload = Workload([0.0, 0.0, 10.0], [1, 1, 1], [5, 100, 7])
    admit_s = np.array([9.8, 20.0, 10.0])
    assert observed_steps(workload, 0.1, admit_s=admit_s).tolist() == [1, 0, 0]
    assert observed_steps(workload, None, admit_s=admit_s).tolist() == [5, 100, 7]
    snapshots = sample_snapshots(workload, 50, seed=0, step_s=None, admit_s=admit_s)
    np.testing.assert_array_equal(snapshots.active_admit_s, admit_s[snapshots.request])
    np.testing.assert_array_equal(snapshots.active_arrival_s, workload.arrival_s[snapshots.request])


@pytest.mark.parametrize(
    ("admit_s", "message"),
    [([0.0], r"shape \(2,\)"), ([0.0, 0.5], r"admit_s\[1\] = 0\.5"), ([np.nan, 1.0], r"admit_s\[0\] = nan")],
)
def test_admissions_that_no_run_can_have_are_refused(admit_s, message):
    with pytest.raises(ValueError, match=message):
        sample_snapshots(Workload([0.0, 1.0], [1, 1], [5, 5]), 10, seed=0, admit_s=np.array(admit_s))

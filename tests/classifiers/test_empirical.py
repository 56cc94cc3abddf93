import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from brgym.workload import Workload
from classifiers import ExactMatch, Survival
from classifiers.lookup import Buckets, KeyIndex, first_above
from classifiers.snapshots import sample_snapshots

HORIZON = 20


def test_survival_is_the_share_of_longer_outputs(split):
    training, later = split
    snapshots = sample_snapshots(later, 200, seed=0, step_s=None)
    curves = Survival().fit(training).survival(snapshots, HORIZON)
    for age, curve in zip(snapshots.active_generated_tokens, curves, strict=True):
        outlive = training.output_tokens[training.output_tokens > age]
        expected = [np.mean(outlive > age + h) if len(outlive) else 1.0 for h in range(HORIZON + 1)]
        np.testing.assert_allclose(curve, expected)


def test_exact_match_is_the_survival_of_the_same_prompt_and_of_all_on_a_miss(split):
    training, later = split
    snapshots = sample_snapshots(later, 200, seed=0, step_s=None)
    snapshots.active_prompt_hash[::5] = -7
    predictor = ExactMatch().fit(training)
    curves, fallback = predictor.survival(snapshots, HORIZON), Survival().fit(training).survival(snapshots, HORIZON)
    expected_steps = predictor.expected_remaining(snapshots, HORIZON)
    for row, prompt_hash in enumerate(snapshots.active_prompt_hash):
        same = training.output_tokens[training.prompt_hash == prompt_hash]
        outlive = same[same > snapshots.active_generated_tokens[row]] - snapshots.active_generated_tokens[row]
        expected = [np.mean(outlive > h) for h in range(HORIZON + 1)] if len(outlive) else fallback[row]
        np.testing.assert_allclose(curves[row], expected)
        assert expected_steps[row] == pytest.approx(sum(expected))


@pytest.mark.parametrize("predictor", [Survival(), ExactMatch()])
def test_unfitted_ones_say_so(split, predictor):
    _, later = split
    snapshots = sample_snapshots(later, 10, seed=0)
    for ask in (predictor.expected_remaining, predictor.survival):
        with pytest.raises(NotFittedError, match=r"has learned nothing yet: call fit\(workload\) first"):
            ask(snapshots, 5)


def test_exact_match_needs_hashes():
    with pytest.raises(ValueError, match="prompt_hash"):
        ExactMatch().fit(Workload([0.0], [1], [1]))


def test_the_key_index_finds_every_key_and_no_other():
    keys = np.random.default_rng(0).choice(np.iinfo(np.int64).max, 5000) - np.iinfo(np.int64).max // 2
    index = KeyIndex(keys)
    assert (index.places(keys) == np.arange(len(keys))).all()
    assert (index.places(keys + 1)[~np.isin(keys + 1, keys)] == -1).all()


_GROUPS = st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=12), min_size=1, max_size=5)


@given(_GROUPS, st.integers(0, 70))
def test_buckets_find_what_bisection_finds(groups, bound):
    first = np.concatenate([[0], np.cumsum([len(group) for group in groups])])
    buckets = Buckets.of(np.concatenate([np.sort(group) for group in groups]), first)
    for place, group in enumerate(groups):
        expected = first[place] + np.searchsorted(np.sort(group), bound, side="right")
        assert first_above(buckets, place, bound) == expected
    assert len(buckets.begin) <= 4 * len(buckets.values) + len(groups)

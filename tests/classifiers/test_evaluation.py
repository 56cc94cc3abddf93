import numpy as np
import pytest
from sklearn import metrics

import classifiers
from brgym.workload import Workload
from classifiers.evaluation import evaluate, held_out_snapshots, permutation_test
from classifiers.scores import Predictions, Scorer
from tests.classifiers.conftest import workload_of
from tests.classifiers.models import HORIZON, small


@pytest.fixture(scope="module")
def said():
    rng = np.random.default_rng(0)
    remaining = rng.integers(1, 60, size=3000)
    ending = np.round(1 / (1 + np.exp((remaining - 25) / 10 + rng.normal(size=3000))), 2)
    return Predictions(HORIZON, ending, (HORIZON + 1) * (1 - ending) + 5 * ending, remaining)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_figures_are_those_of_scikit_learn(said, weighted):
    weight = np.random.default_rng(1).integers(0, 4, size=3000).astype(float) if weighted else np.ones(3000)
    found = Scorer(said).scores(weight)
    inside = np.clip(said.ending, 1e-6, 1 - 1e-6)
    given = {"sample_weight": weight}
    assert found["log_loss"] == pytest.approx(metrics.log_loss(said.ends, inside, **given))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(said.ends, said.ending, **given))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(said.ends, said.ending, **given))
    expected = metrics.average_precision_score(said.ends, said.ending, **given)
    assert found["average_precision"] == pytest.approx(expected)
    capped = np.minimum(said.remaining_steps, HORIZON + 1)
    assert found["mae_steps"] == pytest.approx(np.average(abs(said.expected_steps - capped), weights=weight))


def test_perfect_predictions_have_perfect_figures():
    remaining = np.arange(1, 101)
    ends = (remaining <= HORIZON).astype(float)
    found = Scorer(Predictions(HORIZON, ends, np.minimum(remaining, HORIZON + 1.0), remaining)).scores(np.ones(100))
    assert found["auc"] == found["average_precision"] == found["concordance"] == 1.0
    assert found["ece"] == found["brier"] == found["mae_steps"] == 0.0


def test_intervals_hold_the_value_and_buckets_all_snapshots(split):
    training, later = split
    snapshots = held_out_snapshots(later, HORIZON, count=3000)
    found = evaluate({"survival": classifiers.Survival().fit(training)}, snapshots, HORIZON)["survival"]
    for figure in ("log_loss", "auc", "brier", "mae_steps"):
        interval = found.figures[figure]
        assert interval.low < interval.value < interval.high
    assert sum(found.share_by_age.values()) == pytest.approx(1.0)
    assert found.by_age.keys() == found.share_by_age.keys()


def test_the_bootstrap_draws_requests_not_snapshots(split):
    training, later = split
    predictors = {"survival": classifiers.Survival().fit(training)}
    few = held_out_snapshots(later.slice(0, 40), HORIZON, count=500)
    many = held_out_snapshots(later.slice(0, 40), HORIZON, count=20_000)
    width = [evaluate(predictors, drawn, HORIZON)["survival"].figures["brier"] for drawn in (few, many)]
    assert width[1].high - width[1].low > 0.5 * (width[0].high - width[0].low)


def test_the_permutation_test_tells_whether_the_prompt_says_anything():
    told = workload_of(3000, seed=2)
    rng = np.random.default_rng(0)
    untold = Workload(told.arrival_s, rng.permutation(told.prompt_tokens), told.output_tokens)
    p_value = {}
    for name, workload in {"told": told, "untold": untold}.items():
        training, later = workload.split_by_time(0.7)
        snapshots = held_out_snapshots(later, HORIZON, count=2000)
        p_value[name] = permutation_test(small("hist-gb").fit(training), snapshots, HORIZON).p_value
    assert p_value["told"] == 0.01
    assert p_value["untold"] > 0.05


def test_held_out_requests_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="one class only"):
        held_out_snapshots(Workload([0.0, 1.0], [1, 1], [3, 4]), HORIZON)

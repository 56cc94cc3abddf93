import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

import classifiers
from brgym.workload import Workload
from classifiers import Predictor
from classifiers.hazard import device_of
from classifiers.snapshots import sample_snapshots
from tests.classifiers.conftest import workload_of
from tests.classifiers.models import HORIZON, LEARNED, SMALL, small

CHECKS = (
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
)
"""Those of `check_estimator` that ask an estimator for no table X: ours learn from a workload."""


@pytest.fixture(scope="module")
def fitted(split):
    return {name: small(name).fit(split[0]) for name in SMALL}


@pytest.fixture(scope="module")
def snapshots(split):
    return sample_snapshots(split[1], 2000, seed=5, step_s=None)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("horizon", [0, HORIZON, 3 * HORIZON])
def test_every_predictor_gives_curves_and_their_sums(fitted, snapshots, name, horizon):
    predictor = fitted[name]
    assert isinstance(predictor, Predictor)
    curves, expected = predictor.survival(snapshots, horizon), predictor.expected_remaining(snapshots, horizon)
    assert curves.shape == (len(snapshots), horizon + 1)
    assert (curves[:, 0] == 1.0).all()
    assert (curves >= 0.0).all()
    assert (np.diff(curves, axis=1) <= 1e-12).all()
    np.testing.assert_allclose(curves.sum(axis=1), expected)


@pytest.mark.parametrize("name", SMALL)
def test_every_predictor_keeps_the_conventions_of_scikit_learn(name):
    predictor = small(name)
    assert clone(predictor).get_params() == predictor.get_params()
    for check in CHECKS:
        check(type(predictor).__name__, predictor)


@pytest.mark.parametrize("name", LEARNED)
def test_the_same_random_state_gives_the_same_numbers(fitted, split, snapshots, name):
    again = small(name).fit(split[0])
    np.testing.assert_array_equal(
        again.expected_remaining(snapshots, HORIZON), fitted[name].expected_remaining(snapshots, HORIZON)
    )


@pytest.mark.parametrize("name", LEARNED)
def test_nothing_leaks_from_after_the_end_of_the_training_trace(split, snapshots, name):
    training = split[0]
    running = training.arrival_s + 0.06 * training.output_tokens > training.arrival_s[-1]
    assert running.sum() > 1
    longer = np.where(running, training.output_tokens + 17, training.output_tokens)
    other = Workload(training.arrival_s, training.prompt_tokens, longer, training.prompt_hash)
    np.testing.assert_array_equal(
        small(name).fit(training).expected_remaining(snapshots, HORIZON),
        small(name).fit(other).expected_remaining(snapshots, HORIZON),
    )


@pytest.mark.parametrize("name", SMALL)
def test_an_idle_cluster_has_no_predictions(fitted, split, name):
    one = sample_snapshots(split[1], 1, seed=0, step_s=None)
    nobody = replace(one, **{name: value[:0] for name, value in vars(one).items()})
    assert fitted[name].expected_remaining(nobody, HORIZON).shape == (0,)
    assert fitted[name].survival(nobody, HORIZON).shape == (0, HORIZON + 1)


@pytest.mark.parametrize("name", LEARNED)
def test_queueing_is_learned_from_where_a_run_tells_it(split, name):
    training, later = split
    queued_s = np.where(training.output_tokens > 60, 30.0, 0.0)
    more = {"max_epochs": 20, "learning_rate": 0.03} if name.endswith("hazard") else {}
    told = small(name, step_s=None, **more).fit(training, admit_s=training.arrival_s + queued_s)
    assert "log_queueing" in told.features_.names
    assert told.workload_fingerprint_ != training.fingerprint()
    snapshots = sample_snapshots(later, 500, seed=0, step_s=None)
    queued = replace(snapshots, active_admit_s=snapshots.active_arrival_s + 30.0)
    longer = told.expected_remaining(queued, HORIZON) - told.expected_remaining(snapshots, HORIZON)
    assert longer.mean() > 0.5


@pytest.mark.parametrize("name", LEARNED)
def test_unfitted_predictors_say_so(snapshots, name):
    with pytest.raises(NotFittedError, match="fit"):
        small(name).survival(snapshots, HORIZON)


@pytest.mark.parametrize("name", LEARNED)
def test_a_horizon_longer_than_every_output_is_refused(workload, name):
    with pytest.raises(ValueError, match="longest output"):
        small(name, horizon=10_000).fit(workload)


@pytest.mark.parametrize("name", LEARNED)
def test_one_class_is_refused(name):
    endless = Workload(np.arange(50.0), [5] * 50, [10_000] * 50)
    with pytest.raises(ValueError, match="one class only"):
        small(name).fit(endless)


def test_cuda_is_taken_where_there_is_one(monkeypatch):
    for there, chosen in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device_of("auto").type == chosen
        assert device_of("cpu").type == "cpu"
    assert device_of("cuda").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name, message in (("cuda", "there is none here"), ("gpu", "unknown device")):
        with pytest.raises(ValueError, match=message):
            small("mlp-hazard", device=name).fit(workload_of(200))


@pytest.mark.parametrize("calibration", ["isotonic", "platt"])
@pytest.mark.parametrize("name", ["logistic", "hist-gb"])
def test_calibration_is_monotone(split, snapshots, fitted, name, calibration):
    raw, calibrated = fitted[name], small(name, calibration=calibration).fit(split[0])
    said = [1.0 - predictor.survival(snapshots, HORIZON)[:, -1] for predictor in (raw, calibrated)]
    order = np.argsort(said[0])
    assert (np.diff(said[1][order]) >= -1e-9).all()


def test_trees_give_what_scikit_learn_gives(fitted, snapshots):
    predictor = fitted["hist-gb"]
    rows = predictor.features_.matrix(snapshots)
    ending = predictor.classifier_.predict_proba(rows)[:, 1]
    np.testing.assert_allclose(predictor.ending_on(rows), ending, rtol=1e-12)
    steps = np.clip(predictor.regressor_.predict(rows), 1, HORIZON)
    np.testing.assert_allclose(predictor.mean_steps_on(rows), steps, rtol=1e-12)


def test_the_quantile_regressor_gives_a_median_within_the_horizon(split, snapshots):
    predictor = small("hist-gb", steps_loss="quantile").fit(split[0])
    steps = predictor.mean_steps_on(predictor.features_.matrix(snapshots))
    assert ((steps >= 1) & (steps <= HORIZON)).all()


def test_a_learned_model_beats_survival_where_the_prompt_tells_the_output():
    training, later = workload_of(6000, seed=1).split_by_time(0.7)
    snapshots = sample_snapshots(later, 4000, seed=0, step_s=None)
    learned = small("hist-gb", max_trees=30).fit(training)
    found = classifiers.evaluate(
        {"survival": classifiers.Survival().fit(training), "hist-gb": learned}, snapshots, HORIZON, reference="survival"
    )
    assert found["hist-gb"].against["log_loss"].high < 0.0


def test_importing_the_package_imports_neither_torch_nor_scikit_learn():
    code = "import sys, classifiers; assert not {'torch', 'sklearn'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)

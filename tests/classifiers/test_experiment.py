import numpy as np
import pytest

from brgym.workload import Workload
from classifiers.experiment import Experiment
from tests.classifiers.models import HORIZON


def quiet(stage, done, figures):
    pass


def test_requests_are_held_out_by_time_and_their_outputs_reach_no_predictor(workload, tmp_path):
    admit_s = workload.arrival_s + 1.0
    first = Experiment.of("w", workload, horizon=HORIZON, admit_s=admit_s)
    cut = len(first.training)
    assert first.training.arrival_s.max() <= first.held_out.arrival_s.min()
    np.testing.assert_array_equal(first.admit_s, admit_s[:cut])
    np.testing.assert_allclose(first.snapshots.active_admit_s - first.snapshots.active_arrival_s, 1.0)

    longer = np.append(workload.output_tokens[:cut], workload.output_tokens[cut:] + 17)
    other = Workload(workload.arrival_s, workload.prompt_tokens, longer, workload.prompt_hash)
    second = Experiment.of("w", other, horizon=HORIZON, admit_s=admit_s)
    for model in ("hist-gb", "exact-match"):
        predictors = [
            experiment.trained(model, tmp_path / str(place) / model, overwrite=False, monitor=quiet)[0]
            for place, experiment in enumerate((first, second))
        ]
        said = [predictor.expected_remaining(first.snapshots, HORIZON) for predictor in predictors]
        np.testing.assert_array_equal(*said)


def test_all_requests_held_out_leaves_none_to_learn_from(workload):
    with pytest.raises(ValueError, match="no request would be left"):
        Experiment.of("w", workload, horizon=HORIZON, held_out=1.0)

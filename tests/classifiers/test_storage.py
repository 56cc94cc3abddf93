import json
import subprocess
import sys

import numpy as np
import pytest

import classifiers
from classifiers import StorageError
from classifiers.snapshots import sample_snapshots
from tests.classifiers.models import HORIZON, SMALL, small


@pytest.fixture(scope="module")
def saved(tmp_path_factory, split):
    folder = tmp_path_factory.mktemp("predictors")
    predictors = {name: small(name).fit(split[0]) for name in SMALL}
    for name, predictor in predictors.items():
        classifiers.save(predictor, folder / name)
    return folder, predictors


@pytest.fixture(scope="module")
def snapshots(split):
    return sample_snapshots(split[1], 500, seed=5, step_s=None)


@pytest.mark.parametrize("name", SMALL)
def test_a_loaded_predictor_gives_the_same_numbers(saved, snapshots, name):
    folder, predictors = saved
    loaded = classifiers.load(folder / name)
    assert loaded.get_params() == predictors[name].get_params()
    assert loaded.workload_fingerprint_ == predictors[name].workload_fingerprint_
    assert loaded.mean_output_tokens == predictors[name].mean_output_tokens
    np.testing.assert_array_equal(loaded.survival(snapshots, HORIZON), predictors[name].survival(snapshots, HORIZON))


@pytest.mark.parametrize("name", ["hist-gb", "mlp-hazard"])
def test_so_it_does_in_a_new_process(saved, split, snapshots, name, tmp_path):
    folder, predictors = saved
    np.savez(tmp_path / "w.npz", a=split[1].arrival_s, p=split[1].prompt_tokens, o=split[1].output_tokens,
             h=split[1].prompt_hash)  # fmt: skip
    code = f"""
import numpy as np, classifiers
from brgym.workload import Workload
from classifiers.snapshots import sample_snapshots
w = np.load({str(tmp_path / "w.npz")!r})
snapshots = sample_snapshots(Workload(w["a"], w["p"], w["o"], w["h"]), 500, seed=5, step_s=None)
predictor = classifiers.load({str(folder / name)!r})
np.save({str(tmp_path / "said.npy")!r}, predictor.expected_remaining(snapshots, {HORIZON}))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    expected = predictors[name].expected_remaining(snapshots, HORIZON)
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), expected)


def test_what_is_no_predictor_is_refused_with_a_reason(saved, tmp_path, split):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        classifiers.load(tmp_path / "nowhere")
    with pytest.raises(StorageError, match=r"no metadata\.json"):
        classifiers.load(tmp_path)
    (tmp_path / "metadata.json").write_text('{"format": "something else"}')
    with pytest.raises(StorageError, match="not of a predictor of brgym"):
        classifiers.load(tmp_path)
    (tmp_path / "metadata.json").write_text('{"format": ')
    with pytest.raises(StorageError, match="damaged"):
        classifiers.load(tmp_path)


@pytest.fixture
def copy(saved, tmp_path):
    classifiers.save(saved[1]["hist-gb"], tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("file", ["arrays.safetensors", "estimators.skops"])
def test_a_truncated_or_missing_file_is_refused(copy, file):
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(StorageError, match="damaged"):
        classifiers.load(copy)
    (copy / file).unlink()
    with pytest.raises(StorageError, match="missing"):
        classifiers.load(copy)


@pytest.mark.parametrize(("entry", "value"), [("format_version", 0), ("scikit_learn", "0.1")])
def test_another_version_is_refused(copy, entry, value):
    metadata = json.loads((copy / "metadata.json").read_text())
    (copy / "metadata.json").write_text(json.dumps(metadata | {entry: value}))
    with pytest.raises(StorageError, match="train it again"):
        classifiers.load(copy)


def test_saving_replaces_a_predictor_and_nothing_else(saved, tmp_path):
    predictors = saved[1]
    classifiers.save(predictors["survival"], tmp_path / "x")
    classifiers.save(predictors["hist-gb"], tmp_path / "x")
    assert type(classifiers.load(tmp_path / "x")).__name__ == "HistGB"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not a predictor"):
        classifiers.save(predictors["survival"], tmp_path / "notes")


def test_only_what_has_learned_can_be_saved(tmp_path):
    with pytest.raises(ValueError, match="fit"):
        classifiers.save(classifiers.Survival(), tmp_path / "x")
    with pytest.raises(TypeError, match="learns nothing"):
        classifiers.save(classifiers.Oracle(), tmp_path / "x")

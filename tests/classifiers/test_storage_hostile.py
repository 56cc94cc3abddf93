"""A stored predictor from a stranger is refused or works, whatever is in its folder and its digests fit."""

import io
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
import torch
from sklearn.neighbors import KNeighborsClassifier

import brgym.cli
import classifiers
from classifiers import StorageError
from classifiers.storage import ARRAYS, ESTIMATORS, METADATA, TRUSTED_TYPES
from tests.classifiers.models import SMALL, small
from tests.classifiers.mutations import DEEP, change_archive, change_arrays, redigest

KINDS: dict[str, dict[str, str]] = {name: {} for name in SMALL} | {
    "logistic": {"calibration": "isotonic"},
    "hist-gb": {"calibration": "platt"},
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory, split):
    folder = tmp_path_factory.mktemp("stored")
    for name, parameters in KINDS.items():
        classifiers.save(small(name, **parameters).fit(split[0]), folder / name)
    return folder


@pytest.fixture
def copy(stored, tmp_path):
    def make(name):
        classifiers.save(classifiers.load(stored / name), tmp_path / name)
        return tmp_path / name

    return make


def refused(folder: Path, file: str, said: str):
    """One line, which names the file."""
    with pytest.raises(StorageError, match=said) as raised:
        classifiers.load(folder)
    assert "\n" not in str(raised.value)
    assert str(folder / file if file else folder) in str(raised.value)
    assert len(str(raised.value)) < 1500


def change_metadata(folder, **entries):
    metadata = json.loads((folder / METADATA).read_text())
    (folder / METADATA).write_text(json.dumps(metadata | entries))


def change_parameters(folder, **parameters):
    change_metadata(folder, parameters=json.loads((folder / METADATA).read_text())["parameters"] | parameters)


def change_nodes(folder, change):
    """Changes the nodes of the first tree of at least three leaves."""

    def changed(content):
        for name in sorted(content):
            if name.endswith(".npy"):
                nodes = np.load(io.BytesIO(content[name]))
                if nodes.dtype.names and len(nodes) >= 5:
                    change(nodes)
                    packed = io.BytesIO()
                    np.save(packed, nodes)
                    return content | {name: packed.getvalue()}
        raise AssertionError("no tree")

    change_archive(folder, changed)


@pytest.mark.parametrize(
    ("outputs", "first", "said"),
    [
        ([4, -(10**6), *[2**21] * 300_000], [0, 1, 2, 300_002], "outputs must be finite and in 1"),
        ([4, 5, 6], [0, 2], r"first\[-1\] must be 3, got 2"),
        ([4, 5, 6], [0], "must have shape"),
        ([4, 5, 6], [0, -5, -5], "first must be strictly rising"),
        ([4, 5, 6], [1, 3], r"first\[0\] must be 0, got 1"),
        ([4, 5, 6], [0, 9], r"first\[-1\] must be 3, got 9"),
        ([4, 5, 6], [0, 3, 3], "first must be strictly rising"),
        ([4, 6, 5], [0, 3], "outputs must be rising: it is not from row 1"),
        ([4, 5, 2**40], [0, 3], "outputs must be finite and in 1"),
    ],
)
def test_offsets_stay_inside(copy, outputs, first, said):
    folder = copy("exact-match")
    keys = np.arange(max(len(first) - 1, 1))
    arrays = {"hashes": keys, "first": np.array(first), "outputs": np.array(outputs)}
    change_arrays(folder, lambda _: arrays)
    refused(folder, ARRAYS, said)


@pytest.mark.parametrize(
    ("name", "array", "value"),
    [
        ("survival", "tail", -1),
        ("exact-match", "outputs", 0),
        ("logistic", "calibrated", np.nan),
        ("logistic", "calibrated", 1.5),
        ("logistic", "hash_prior", -1.0),
        ("hist-gb", "hash_moments", 1e300),
        ("hist-gb", "calibration_logit", np.inf),
        ("mlp-hazard", "network.0.scale", 0.0),
        ("mlp-hazard", "network.0.mean", np.nan),
        ("mlp-hazard", "network.5.weight", 1e38),
        ("binned-hazard", "network.log_longest", -1.0),
        ("binned-hazard", "network.log_width", np.nan),
    ],
)
def test_values_outside_their_range_are_refused(copy, name, array, value):
    def change(arrays):
        arrays[array].flat[0] = value
        return arrays

    folder = copy(name)
    change_arrays(folder, change)
    refused(folder, ARRAYS, f"{array} must be")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("kind", ["missing", "more", "shape", "type"])
def test_arrays_of_another_kind_are_refused(copy, name, kind):
    def change(arrays):
        first = min(arrays)
        if kind == "missing":
            return {other: arrays[other] for other in arrays if other != first}
        other = {"shape": arrays[first][..., None], "type": arrays[first].astype(np.float16), "more": arrays[first]}
        return arrays | {"more" if kind == "more" else first: other[kind]}

    folder = copy(name)
    change_arrays(folder, change)
    refused(folder, ARRAYS, "must (be|have|hold)")


@pytest.mark.parametrize("file", [METADATA, ARRAYS, ESTIMATORS])
def test_a_folder_in_place_of_a_file_is_refused(copy, file):
    folder = copy("hist-gb")
    (folder / file).unlink()
    (folder / file).mkdir()
    refused(folder, "", "it has no metadata" if file == METADATA else "is missing")


@pytest.mark.parametrize("file", [METADATA, ARRAYS, ESTIMATORS])
@pytest.mark.parametrize("content", [b"", b"neither JSON nor tensors nor a zip", b"\xff\xfe\x00"])
def test_a_file_that_holds_something_else_is_refused(copy, file, content):
    folder = copy("logistic")
    (folder / file).write_bytes(content)
    redigest(folder)
    refused(folder, file, "is damaged")


def test_json_nested_deep_is_refused(copy):
    folder = copy("hist-gb")
    whole = (folder / METADATA).read_text()
    (folder / METADATA).write_text(DEEP)
    refused(folder, METADATA, "RecursionError")
    (folder / METADATA).write_text(whole.replace('"platt"', DEEP))
    refused(folder, METADATA, "RecursionError")
    (folder / METADATA).write_text(whole)
    change_archive(folder, lambda content: content | {"schema.json": DEEP.encode()})
    refused(folder, ESTIMATORS, "RecursionError")


def test_a_type_that_numpy_lacks_is_refused(copy):
    header = json.dumps({"tail": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}).encode()
    folder = copy("survival")
    (folder / ARRAYS).write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    redigest(folder)
    refused(folder, ARRAYS, "is damaged")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mlp-hazard", {"hidden": 10**12}),
        ("mlp-hazard", {"hidden": 4096}),
        ("mlp-hazard", {"intervals": 10**12}),
        ("binned-hazard", {"bins": 10**12}),
        ("hist-gb", {"horizon": 10**12}),
        ("hist-gb", {"horizon": "20"}),
        ("hist-gb", {"learning_rate": 10**400}),
        ("logistic", {"unheard_of": 1}),
        ("logistic", {"step_s": []}),
        ("logistic", {"calibration": "none"}),
        ("mlp-hazard", {"device": "elsewhere"}),
    ],
)
def test_parameters_out_of_range_are_refused_at_once(copy, name, parameters):
    folder = copy(name)
    change_parameters(folder, **parameters)
    start_s = time.perf_counter()
    refused(folder, "", "is damaged")
    assert time.perf_counter() - start_s < 5.0


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("binned-hazard", {"longest": 2**40}),
        ("binned-hazard", {"longest": True}),
        ("hist-gb", {"features": ["prompt_tokens"]}),
        ("hist-gb", {"features": ["hash_log_count"] * 9}),
        ("hist-gb", {"features": "age_tokens"}),
        ("hist-gb", {"straight": False}),
        ("hist-gb", {"more": 1}),
    ],
)
def test_settings_of_another_predictor_are_refused(copy, name, change):
    folder = copy(name)
    change_metadata(folder, settings=json.loads((folder / METADATA).read_text())["settings"] | change)
    refused(folder, METADATA, "must be")


@pytest.mark.parametrize(
    "entry", ["model", "parameters", "settings", "files", "workload_fingerprint", "scikit_learn", "format_version"]
)
@pytest.mark.parametrize("value", [None, 7, "x\ny", [], {}, ["x"], {"x": 1}])
def test_entries_of_another_type_are_refused(copy, entry, value):
    folder = copy("exact-match")
    change_metadata(folder, **{entry: value})
    if (entry, type(value)) in {("workload_fingerprint", str), ("scikit_learn", str)}:
        classifiers.load(folder)  # any text will do, without models of scikit-learn
    elif (entry, value) in [("parameters", {}), ("settings", {})]:
        classifiers.load(folder)  # it has none
    else:
        refused(folder, "", str(folder))


@pytest.mark.parametrize(
    ("field", "row", "value", "said"),
    [
        ("left", 0, 0, "no tree"),  # a circle
        ("right", 0, 1, "no tree"),  # both children the same: a walk doubles with each level
        ("right", 0, 10**6, "no tree"),
        ("is_leaf", 0, 1, "no tree"),
        ("is_leaf", 0, 7, "is_leaf must be"),
        ("is_categorical", 0, 1, "is_categorical must be"),
        ("feature_idx", 0, 9, "looks at a feature beyond"),
        ("feature_idx", 0, -1, "feature_idx must be"),
        ("num_threshold", 0, np.nan, "num_threshold must be finite"),
        ("value", -1, np.inf, "value must be finite"),
    ],
)
def test_trees_that_are_none_are_refused(copy, field, row, value, said):
    def change(nodes):
        nodes[field][row] = value

    folder = copy("hist-gb")
    change_nodes(folder, change)
    refused(folder, ESTIMATORS, said)


def repack(folder, estimators):
    (folder / ESTIMATORS).write_bytes(skops.io.dumps(estimators))
    redigest(folder)


def test_models_of_another_class_are_refused(copy):
    folder = copy("logistic")
    models = skops.io.loads((folder / ESTIMATORS).read_bytes(), trusted=list(TRUSTED_TYPES))
    repack(folder, models | {"classifier": KNeighborsClassifier().fit([[0.0], [1.0]], [0, 1])})
    refused(folder, ESTIMATORS, "types that are not trusted")
    repack(folder, models | {"classifier": models["regressor"]})
    refused(folder, ESTIMATORS, "must be a LogisticRegression, not a PoissonRegressor")
    repack(folder, {"classifier": models["classifier"]})
    refused(folder, ESTIMATORS, "the parts must be")
    models["classifier"].steps[1][1].coef_[0, 0] = np.nan
    repack(folder, models)
    refused(folder, ESTIMATORS, "coef_ must be finite")


def test_a_model_whose_parameters_do_not_predict_is_refused(copy):
    folder = copy("logistic")
    models = skops.io.loads((folder / ESTIMATORS).read_bytes(), trusted=list(TRUSTED_TYPES))
    models["regressor"].steps[1][1]._base_loss = "none"
    repack(folder, models)
    refused(folder, ESTIMATORS, "is damaged")


def test_an_archive_that_unpacks_to_gigabytes_is_refused(copy):
    folder = copy("logistic")
    with zipfile.ZipFile(folder / ESTIMATORS, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(2**28))
    redigest(folder)
    refused(folder, ESTIMATORS, "unpacks to")


def test_keys_that_all_want_the_same_slot_are_refused(copy):
    """Searching among n of them would take n^2 / 2 steps."""
    count = 20_000
    factor = 0x9E3779B97F4A7C1
    spread = np.arange(1, 3 * count, dtype=np.uint64) << np.uint64(17 + count.bit_length() + 2)
    mixed = (spread * np.uint64(pow(factor, -1, 2**64))).view(np.int64)
    mixed = mixed[mixed >= 0][:count]
    keys = mixed
    for _ in range(3):  # undoes key ^ (key >> 29)
        keys = mixed ^ (keys >> 29)
    folder = copy("exact-match")
    outputs = np.full(count, 5)
    change_arrays(folder, lambda _: {"hashes": np.sort(keys), "first": np.arange(count + 1), "outputs": outputs})
    refused(folder, ARRAYS, "hashes must be at most 500 slots off")
    change_arrays(folder, lambda arrays: arrays | {"hashes": np.arange(count)})
    classifiers.load(folder)


def test_ages_that_no_request_has_reached_are_told_nothing_of(copy):
    """A tail may end in several zeros; after any of them nobody is left to tell."""
    folder = copy("survival")
    change_arrays(folder, lambda _: {"tail": np.array([6, 3, 0, 0, 0])})
    survival = classifiers.load(folder)
    curves = [[1.0, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0] * 4, [1.0] * 4, [1.0] * 4, [1.0] * 4]
    np.testing.assert_array_equal(survival.survival_after(np.arange(6), 3), curves)
    np.testing.assert_array_equal(survival.expected_at_each_age(3), np.sum(curves, axis=1)[:5])


def test_what_no_stored_predictor_may_hold_is_not_saved(copy, tmp_path):
    predictor = classifiers.load(copy("mlp-hazard"))
    with torch.no_grad():
        predictor.network_[1].weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"network\.1\.weight must be finite"):
        classifiers.save(predictor, tmp_path / "nan")
    assert not (tmp_path / "nan").exists()


def test_a_predictor_trained_on_cuda_is_loaded_without_it(copy, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    folder = copy("mlp-hazard")
    change_parameters(folder, device="cuda")
    assert classifiers.load(folder).device == "cuda"


def test_the_command_line_says_it_in_one_line(copy, capsys):
    folder = copy("exact-match")
    change_arrays(folder, lambda arrays: arrays | {"first": arrays["first"][::-1]})
    arguments = ["--workers", "2", "--slots", "2", "--requests", "30", "--policies", "br-h", "--seeds", "1"]
    assert brgym.cli.main(["compare", *arguments, "--predictor", str(folder)]) == 2
    error = capsys.readouterr().err
    assert str(folder / ARRAYS) in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_mutated_predictor_is_refused_or_conforms(stored, tmp_path):
    command = [sys.executable, "-m", "tests.classifiers.fuzz_storage", str(stored), str(tmp_path), "50"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes = json.loads(done.stdout.replace("'", '"'))
    assert min(outcomes["refused"], outcomes["loaded"]) > 20

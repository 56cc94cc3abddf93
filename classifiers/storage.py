"""Fitted predictors on disk, in a folder that is safe to load from anybody: no code is run by loading it.

`metadata.json` says what it is and holds a digest of the other files: `arrays.safetensors`, everything that is an array
(weights of torch models included), and `estimators.skops`, scikit-learn's models, of which skops restores known types
only. A digest tells damage, not intent: all parts are also checked against what the predictor's kind declares of them
(`classifiers.layout`), since compiled code trusts them.
"""

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as arrays_as_bytes

import brgym
from classifiers.layout import check_parts
from classifiers.registry import class_of, name_of, names

FORMAT = "brgym-predictor"
FORMAT_VERSION = 2
METADATA, ARRAYS, ESTIMATORS = "metadata.json", "arrays.safetensors", "estimators.skops"

TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.PinballLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfPoissonLoss",
    "sklearn._loss._loss.CyPinballLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""What skops may restore besides the types that it trusts by itself: plain data of scikit-learn's own models."""


ESTIMATOR_TYPES = (
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "sklearn.linear_model._glm.glm.PoissonRegressor",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._label.LabelEncoder",
)
"""What else our models are made of. skops trusts all of scikit-learn, much of which is compiled code, and more; of
Python's and numpy's own types it trusts plain data."""

MAX_METADATA_BYTES = 2**20
MAX_UNPACKED_BYTES = 2**28
"""Estimators that unpack to more are refused (our choice)."""


class StorageError(ValueError):
    """A folder that holds no predictor which this version can load; the message says why."""


def save(predictor: Any, folder: str | os.PathLike[str]) -> None:
    """Saves a fitted predictor; the folder is replaced as a whole, once everything is written.

    Args:
        predictor: One of the classes of `classifiers.names()`, fitted.
        folder: Where; made if it is not there.

    Raises:
        TypeError: If the predictor is of another class.
        ValueError: If it is not fitted, or holds what no stored predictor may, such as a weight that is NaN.
        OSError: If the folder cannot be written, or is there and holds something else.
    """
    name = name_of(predictor)
    if not hasattr(predictor, "workload_fingerprint_"):
        raise ValueError(f"this {type(predictor).__name__} has learned nothing yet: call fit(workload) first")
    target = Path(folder).resolve()
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / METADATA).is_file())):
        raise FileExistsError(f"{folder} is there and is not a predictor's folder: nothing was written")
    settings, arrays, estimators = predictor.dump()
    arrays = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    layout = predictor.layout(settings)
    check_parts(layout.arrays, arrays, layout.sizes)
    check_parts(layout.estimators, estimators, layout.sizes)
    files = {ARRAYS: arrays_as_bytes(arrays)}
    if estimators:
        import skops.io

        files[ESTIMATORS] = skops.io.dumps(estimators)
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "brgym": brgym.__version__,
        "scikit_learn": sklearn.__version__,
        "model": name,
        "parameters": predictor.get_params(),
        "workload_fingerprint": predictor.workload_fingerprint_,
        "settings": settings,
        "files": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
    }
    files[METADATA] = json.dumps(metadata, indent=2).encode() + b"\n"
    _replace(target, files)


def load(folder: str | os.PathLike[str]) -> Any:
    """Loads a predictor that `save` has saved.

    Raises:
        FileNotFoundError: If there is no such folder.
        StorageError: If it holds no predictor, one of another version, or one that is damaged or not as `save` writes
            it, whatever of it that is.
    """
    place = Path(folder)
    metadata = read_metadata(place)
    contents = {file: _checked(place / file, digest) for file, digest in metadata["files"].items()}
    settings = metadata["settings"]
    with _refusing(place / METADATA):
        predictor = class_of(metadata["model"])(**metadata["parameters"])
        layout = predictor.layout(settings)
    with _refusing(place / ARRAYS):
        arrays = read_arrays(contents[ARRAYS])
        check_parts(layout.arrays, arrays, layout.sizes)
    with _refusing(place / ESTIMATORS):
        estimators = _estimators(contents.get(ESTIMATORS), metadata, place)
        check_parts(layout.estimators, estimators, layout.sizes)
    with _refusing(place / ARRAYS):
        predictor.restore(settings, arrays, estimators)
    predictor.workload_fingerprint_ = metadata["workload_fingerprint"]
    return predictor


def read_metadata(folder: Path) -> dict[str, Any]:
    """What a predictor's folder says of itself, checked as far as it goes.

    Raises:
        FileNotFoundError: If there is no such folder.
        StorageError: If it holds no predictor, or one of another version.
    """
    path = folder / METADATA
    with _refusing(folder):
        there = folder.is_dir()
    if not there:
        raise FileNotFoundError(f"no such folder: {folder}")
    with _refusing(path):
        if not path.is_file():
            raise StorageError(f"{folder} is not a predictor's folder: it has no {METADATA}")
        if path.stat().st_size > MAX_METADATA_BYTES:
            raise ValueError(f"it is larger than {MAX_METADATA_BYTES} bytes")
        metadata = json.loads(path.read_bytes())
        _check_metadata(metadata, folder)
    return metadata


_ENTRIES = {
    "model": str,
    "parameters": dict,
    "settings": dict,
    "files": dict,
    "workload_fingerprint": str,
    "scikit_learn": str,
}


def _check_metadata(metadata: Any, folder: Path) -> None:
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise StorageError(f"{folder / METADATA} is not of a predictor of brgym: its format is not {FORMAT!r}")
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise StorageError(
            f"{folder} is of format version {version!r:.40}, this is brgym {brgym.__version__}, which reads version "
            f"{FORMAT_VERSION}: train it again"
        )
    for entry, kind in _ENTRIES.items():
        if not isinstance(metadata.get(entry), kind):
            raise StorageError(f"{folder / METADATA} is damaged: {entry} is missing or no {kind.__name__}")
    if metadata["model"] not in names():
        raise StorageError(f"{folder / METADATA} is damaged: there is no model {metadata['model']!r:.40}")
    if not {ARRAYS} <= metadata["files"].keys() <= {ARRAYS, ESTIMATORS}:
        listed = sorted(metadata["files"])
        raise StorageError(f"{folder / METADATA} is damaged: a file is missing or unknown {listed!s:.80}")


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turns whatever is raised into one line that names the file.

    What a stranger wrote goes through parsers of several libraries, and none of them says all that it may raise.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:500]
        if not isinstance(error, ValueError):
            said = f"{type(error).__name__} {said}"
        raise StorageError(f"{path} is damaged or is no predictor's: {said}") from error


def _checked(path: Path, digest: object) -> bytes:
    with _refusing(path):
        if not path.is_file():
            raise StorageError(f"{path} is missing")
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise StorageError(f"{path} is damaged or of another predictor: {len(content)} bytes of another digest")
    return content


def _estimators(content: bytes | None, metadata: Mapping[str, Any], place: Path) -> dict[str, Any]:
    if content is None:
        return {}
    import skops.io

    if metadata["scikit_learn"] != sklearn.__version__:
        raise StorageError(
            f"{place} was saved with scikit-learn {metadata['scikit_learn']!r:.40}, here is {sklearn.__version__}, "
            "whose models may differ inside: train it again"
        )
    untrusted = _types(content) - {*TRUSTED_TYPES, *ESTIMATOR_TYPES}
    if untrusted:
        raise StorageError(f"{place / ESTIMATORS} holds types that are not trusted: {sorted(untrusted)!s:.300}")
    estimators: dict[str, Any] = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    return estimators


def _types(content: bytes) -> set[str]:
    """The full names of all types in a file of skops, without Python's and numpy's own."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise ValueError(f"it unpacks to {unpacked} bytes, which is more than {MAX_UNPACKED_BYTES}")
        left = [json.loads(archive.read("schema.json"))]
    types = set()
    while left:
        node = left.pop()
        if isinstance(node, dict):
            module = str(node.get("__module__", "builtins"))
            if module.partition(".")[0] not in ("builtins", "numpy"):
                types.add(f"{module}.{node.get('__class__')}")
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)
    return types


def _replace(target: Path, files: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        part.mkdir()
        for name, content in files.items():
            (part / name).write_bytes(content)
        if target.exists():
            target.replace(old)
        part.replace(target)
    finally:
        if old.exists() and not target.exists():
            old.replace(target)
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)

"""Fitted predictors on disk, in a folder that is safe to load from anybody: no code is run by loading it.

`metadata.json` says what it is and holds a digest of the other files: `arrays.safetensors`, everything that is an array
(weights of torch models included), and `estimators.skops`, scikit-learn's models, of which skops restores known types
only.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from safetensors import SafetensorError
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as arrays_as_bytes

import brgym
from classifiers.registry import class_of, name_of, names

FORMAT = "brgym-predictor"
FORMAT_VERSION = 1
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


class StorageError(ValueError):
    """A folder that holds no predictor which this version can load; the message says why."""


def save(predictor: Any, folder: str | os.PathLike[str]) -> None:
    """Saves a fitted predictor; the folder is replaced as a whole, once everything is written.

    Args:
        predictor: One of the classes of `classifiers.names()`, fitted.
        folder: Where; made if it is not there.

    Raises:
        TypeError: If the predictor is of another class.
        ValueError: If it is not fitted.
        OSError: If the folder cannot be written, or is there and holds something else.
    """
    name = name_of(predictor)
    if not hasattr(predictor, "workload_fingerprint_"):
        raise ValueError(f"this {type(predictor).__name__} has learned nothing yet: call fit(workload) first")
    target = Path(folder).resolve()
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / METADATA).is_file())):
        raise FileExistsError(f"{folder} is there and is not a predictor's folder: nothing was written")
    settings, arrays, estimators = predictor.dump()
    files = {ARRAYS: arrays_as_bytes({key: np.ascontiguousarray(array) for key, array in arrays.items()})}
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
        StorageError: If it holds no predictor, one of another version, or one that is damaged.
    """
    place = Path(folder)
    metadata = read_metadata(place)
    contents = {file: _checked(place / file, digest) for file, digest in metadata["files"].items()}
    try:
        arrays = read_arrays(contents[ARRAYS])
        estimators = _estimators(contents.get(ESTIMATORS), metadata, place)
        predictor = class_of(metadata["model"])(**metadata["parameters"])
        predictor.restore(metadata["settings"], arrays, estimators)
    except (KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise StorageError(f"{place}: the predictor's parts do not fit together: {error!r}") from error
    predictor.workload_fingerprint_ = metadata["workload_fingerprint"]
    return predictor


def read_metadata(folder: Path) -> dict[str, Any]:
    """What a predictor's folder says of itself, checked as far as it goes.

    Raises:
        FileNotFoundError: If there is no such folder.
        StorageError: If it holds no predictor, or one of another version.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    try:
        metadata = json.loads((folder / METADATA).read_text())
    except FileNotFoundError:
        raise StorageError(f"{folder} is not a predictor's folder: it has no {METADATA}") from None
    except ValueError as error:
        raise StorageError(f"{folder / METADATA} is damaged: {error}") from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise StorageError(f"{folder / METADATA} is not of a predictor of brgym: its format is not {FORMAT!r}")
    if metadata.get("format_version") != FORMAT_VERSION:
        raise StorageError(
            f"{folder} is of format version {metadata.get('format_version')}, this is brgym {brgym.__version__}, which "
            f"reads version {FORMAT_VERSION}: train it again"
        )
    missing = {"model", "parameters", "settings", "files", "workload_fingerprint", "scikit_learn"} - metadata.keys()
    if missing or metadata["model"] not in names() or not set(metadata["files"]) <= {ARRAYS, ESTIMATORS}:
        raise StorageError(f"{folder / METADATA} is damaged: an entry is missing or unknown {sorted(missing)}")
    return metadata


def _checked(path: Path, digest: str) -> bytes:
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
            f"{place} was saved with scikit-learn {metadata['scikit_learn']}, here is {sklearn.__version__}, whose "
            "models may differ inside: train it again"
        )
    untrusted = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES)
    if untrusted:
        raise StorageError(f"{place / ESTIMATORS} holds types that are not trusted: {sorted(untrusted)}")
    estimators: dict[str, Any] = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    return estimators


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

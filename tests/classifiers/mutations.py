"""Stored predictors of a stranger: copies in which something is not as `classifiers.save` writes it.

Each mutation has the digests made anew: they tell damage, and a stranger can make them fit whatever he writes.
"""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from classifiers.storage import ARRAYS, ESTIMATORS, METADATA

DEEP = "[" * 100_000 + "]" * 100_000

_NUMBERS = (np.nan, np.inf, -np.inf, 1e300, -1e300, -1.0, 0.0, 1.0, 0.5, 2.0**20, 2.0**40, -(2.0**62))
_FIELDS: tuple[Any, ...] = (None, True, False, -1, 0, 1, 2, 21, 2.5, 1e300, float("nan"), 10**400, 2**63)
_FIELDS += ("", "x\ny", [], {}, ["age_tokens"], "\0DEEP")

Rng = np.random.Generator
Arrays = dict[str, np.ndarray]


def redigest(folder: Path) -> None:
    """Writes the digests that the files have, where there is still a place to write them."""
    try:
        metadata = json.loads((folder / METADATA).read_bytes())
        for name in metadata["files"]:
            metadata["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    except (ValueError, TypeError, KeyError, OSError, RecursionError):
        return
    (folder / METADATA).write_text(json.dumps(metadata))


def change_arrays(folder: Path, change: Callable[[Arrays], Arrays]) -> None:
    """Replaces a folder's arrays, digest and all."""
    arrays = {name: array.copy() for name, array in load((folder / ARRAYS).read_bytes()).items()}
    (folder / ARRAYS).write_bytes(save({name: np.ascontiguousarray(array) for name, array in change(arrays).items()}))
    redigest(folder)


def change_archive(folder: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    """Replaces what is packed in a folder's estimators, digest and all."""
    with zipfile.ZipFile(folder / ESTIMATORS) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(folder / ESTIMATORS, "w") as archive:
        for name, packed in change(content).items():
            archive.writestr(name, packed)
    redigest(folder)


def mutate(folder: Path, target: Path, rng: Rng) -> str:
    """Copies a folder with one mutation; says which."""
    shutil.copytree(folder, target)
    kinds: list[Callable[[Path, Rng], None]] = [_flip, _cut, _replace_file, _array, _array, _array, _field, _field]
    if (folder / ESTIMATORS).is_file():
        kinds += [_packed_array, _packed_array, _packed_array, _schema, _schema]
    kind = kinds[rng.integers(len(kinds))]
    kind(target, rng)
    return kind.__name__


def _file(folder: Path, rng: Rng) -> Path:
    files = sorted(folder.iterdir())
    return files[rng.integers(len(files))]


def _flip(folder: Path, rng: Rng) -> None:
    file = _file(folder, rng)
    content = bytearray(file.read_bytes())
    for place in rng.integers(len(content), size=rng.integers(1, 4)):
        content[place] ^= 1 << rng.integers(8)
    file.write_bytes(content)
    if rng.random() < 0.8:
        redigest(folder)


def _cut(folder: Path, rng: Rng) -> None:
    file = _file(folder, rng)
    content = file.read_bytes()
    file.write_bytes(content[: rng.integers(len(content))])
    redigest(folder)


def _replace_file(folder: Path, rng: Rng) -> None:
    file = _file(folder, rng)
    file.unlink()
    kind = rng.integers(4)
    if kind == 0:
        file.mkdir()
    elif kind < 3:
        file.write_bytes((b"", b"no zip, no JSON, no tensors")[kind - 1])
    redigest(folder)


def _other_array(array: np.ndarray, rng: Rng) -> np.ndarray:
    """Another array of the same rank and type, or of another."""
    if rng.random() < 0.6 and array.size and array.dtype.names is None:
        return _other_values(array.copy(), rng)
    others: list[Callable[[], np.ndarray]] = [
        lambda: array[:0] if array.ndim else array[None],
        lambda: array[:-1] if array.ndim else array[None],
        lambda: np.concatenate([array, array]) if array.ndim else array[None],
        lambda: array[..., None],
        lambda: np.zeros(3, np.float16),
        lambda: array.astype(np.float32) if array.dtype.names is None else array[::-1],
        lambda: array.astype(np.float64) if array.dtype.names is None else array[::-1],
        lambda: array.astype(np.int64) if array.dtype.names is None else array[::-1],
        lambda: array.astype(bool) if array.dtype.names is None else np.zeros_like(array),
    ]
    with np.errstate(all="ignore"):
        return others[rng.integers(len(others))]()


def _other_values(array: np.ndarray, rng: Rng) -> np.ndarray:
    kind = rng.integers(5)
    with np.errstate(all="ignore"):
        if kind < 3:
            place = tuple(rng.integers(length) for length in array.shape)
            array[place] = np.asarray(_NUMBERS[rng.integers(len(_NUMBERS))]).astype(array.dtype)
        elif kind == 3:
            array = array[::-1] if array.ndim else -array
        else:
            array[...] = np.asarray(_NUMBERS[rng.integers(len(_NUMBERS))]).astype(array.dtype)
    return array


def _array(folder: Path, rng: Rng) -> None:
    def change(arrays: Arrays) -> Arrays:
        if not arrays:
            return {"more": np.zeros(2)}
        name = sorted(arrays)[rng.integers(len(arrays))]
        if rng.random() < 0.1:
            return {other: array for other, array in arrays.items() if other != name}
        return arrays | {name: _other_array(arrays[name], rng)}

    change_arrays(folder, change)


def _field(folder: Path, rng: Rng) -> None:
    metadata = json.loads((folder / METADATA).read_text())
    _change_node(metadata, rng)
    (folder / METADATA).write_text(json.dumps(metadata).replace('"\\u0000DEEP"', DEEP))


def _change_node(tree: Any, rng: Rng) -> None:
    """Replaces, or removes, one of the nodes of a tree of JSON."""
    places = []
    left = [tree]
    while left:
        node = left.pop()
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                left.append(node[key])
    node, key = places[rng.integers(len(places))]
    if rng.random() < 0.15:
        del node[key]
    else:
        node[key] = _FIELDS[rng.integers(len(_FIELDS))]


def _packed_array(folder: Path, rng: Rng) -> None:
    def change(content: dict[str, bytes]) -> dict[str, bytes]:
        names = sorted(name for name in content if name.endswith(".npy"))
        arrays = {name: np.load(io.BytesIO(content[name])) for name in names}
        trees = [name for name in names if arrays[name].dtype.names]
        name = trees[rng.integers(len(trees))] if trees and rng.random() < 0.7 else names[rng.integers(len(names))]
        array = arrays[name]
        if array.dtype.names and rng.random() < 0.9:
            used = ("value", "feature_idx", "num_threshold", "left", "right", "is_leaf", "is_categorical")
            field = used[rng.integers(len(used))]
            array[field] = _other_values(array[field].copy(), rng)
        else:
            array = _other_array(array, rng)
        packed = io.BytesIO()
        np.save(packed, array)
        return content | {name: packed.getvalue()}

    change_archive(folder, change)


def _schema(folder: Path, rng: Rng) -> None:
    def change(content: dict[str, bytes]) -> dict[str, bytes]:
        schema = json.loads(content["schema.json"])
        _change_node(schema, rng)
        text = json.dumps(schema).replace('"\\u0000DEEP"', DEEP)
        return content | {"schema.json": text.encode()}

    change_archive(folder, change)

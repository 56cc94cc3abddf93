"""Latency coefficients in a TOML file: the attributes of `Coefficients` as keys, at the top level."""

import os
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

from brgym._checks import check_choice
from brgym.afd.coefficients import Coefficients


def read_coefficients(path: str | os.PathLike[str]) -> Coefficients:
    """Reads latency coefficients; keys left out take the defaults of `Coefficients`.

    Args:
        path: A TOML file, such as `examples/afd-illustrative.toml`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no TOML, or a key is unknown, missing or has a bad value; the message names file and
            key.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no coefficients file {str(path)!r}")
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        _check_keys(values)
        return Coefficients(**values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _check_keys(values: dict[str, object]) -> None:
    known = {field.name: field for field in fields(Coefficients)}
    for key, value in values.items():
        field = known[check_choice("key", key, known)]
        if field.type is not float and not isinstance(value, str):
            raise ValueError(f"{key} must be a text in quotes, got {value!r}")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in values]
    if missing:
        raise ValueError(f"missing {', '.join(missing)}")

"""What it takes to run a study again: its settings, versions and commands."""

import platform
import shlex
from importlib.metadata import version
from pathlib import Path

import brgym
from brgym.study.report.standing import value_text
from brgym.study.results import Results

_PACKAGES = ("numpy", "numba", "scipy", "pyarrow", "plotly")


def settings_table(found: Results) -> tuple[tuple[str, str], ...]:
    """Every setting by dotted name, with the values that it takes."""
    said = dict.fromkeys(key for setting in found.settings for key in setting)
    return tuple(
        (key, ", ".join(dict.fromkeys(value_text(setting.get(key)) for setting in found.settings))) for key in said
    )


def versions() -> tuple[tuple[str, str], ...]:
    """What the page is written with: brgym, Python and the packages that numbers come through."""
    return (
        ("brgym", brgym.__version__),
        ("Python", platform.python_version()),
        *((package, version(package)) for package in _PACKAGES),
    )


def commands(folder: Path) -> tuple[str, ...]:
    """The commands that run the study of a folder again and write this page."""
    name = folder.resolve().name or "results"
    return (
        f"brgym sweep {shlex.quote(f'{name}/study.toml')} --out {shlex.quote(f'{name}-again')}",
        f"brgym report {shlex.quote(f'{name}-again')} --out {shlex.quote(f'{name}-again.html')}",
    )

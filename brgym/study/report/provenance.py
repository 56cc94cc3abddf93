"""What it takes to run a study again: its settings and commands."""

import shlex
from pathlib import Path

from brgym.study.report.standing import value_text
from brgym.study.results import Results


def settings_table(found: Results) -> tuple[tuple[str, str], ...]:
    """Every setting by dotted name, with the values that it takes."""
    said = dict.fromkeys(key for setting in found.settings for key in setting)
    return tuple(
        (key, ", ".join(dict.fromkeys(value_text(setting.get(key)) for setting in found.settings))) for key in said
    )


def commands(folder: Path) -> tuple[str, ...]:
    """The commands that run the study of a folder again and write this page."""
    name = folder.resolve().name or "results"
    return (
        f"brgym sweep {shlex.quote(f'{name}/study.toml')} --out {shlex.quote(f'{name}-again')}",
        f"brgym report {shlex.quote(f'{name}-again')} --out {shlex.quote(f'{name}-again.html')}",
    )

"""Imports point one way, and the cluster is entered through its doors."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOORS = {"brgym.cluster", "brgym.cluster.engine", "brgym.cluster.vocabulary"}
LAYERS = [
    ("brgym/workload", "brgym/cluster"),
    ("brgym/afd", "classifiers", "baselines"),
    ("brgym/envs", "brgym/study", "brgym/learning", "brgym/testing"),
    ("brgym/cli",),
]


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def _sources() -> list[Path]:
    folders = ("brgym", "baselines", "classifiers", "examples", "benchmarks")
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def test_nobody_reaches_past_the_doors_of_the_cluster() -> None:
    modules = {f"brgym.cluster.{file.stem}" for file in (ROOT / "brgym" / "cluster").glob("*.py")} - DOORS
    for file in _sources():
        if file.parent.name != "cluster":
            assert not _imports(file) & modules, file


@pytest.mark.parametrize("level", range(len(LAYERS)))
def test_no_layer_imports_a_higher_one(level: int) -> None:
    higher = {folder.replace("/", ".") for layer in LAYERS[level + 1 :] for folder in layer}
    for folder in LAYERS[level]:
        for file in sorted((ROOT / folder).rglob("*.py")):
            reached = {name for name in _imports(file) for above in higher if f"{name}.".startswith(f"{above}.")}
            assert not reached, file

"""Prints what each benchmark puts into `extra_info`, as a table in Markdown below pytest-benchmark's own."""

import platform

import pytest

_FIGURES = pytest.StashKey[dict[str, dict[str, float]]]()


def pytest_configure(config):
    config.stash[_FIGURES] = {}


@pytest.fixture(autouse=True)
def _keep_figures(request, benchmark):
    yield
    request.config.stash[_FIGURES][request.node.name.removeprefix("test_")] = benchmark.extra_info


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section(f"figures, on {platform.machine()}, Python {platform.python_version()}")
    terminalreporter.write_line("| benchmark | figures |\n|---|---|")
    for name, figures in config.stash[_FIGURES].items():
        row = ", ".join(f"{figure.replace('_', ' ')} {_rounded(value)}" for figure, value in figures.items())
        terminalreporter.write_line(f"| {name} | {row} |")


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"

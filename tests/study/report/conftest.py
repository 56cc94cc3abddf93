"""Pages to look at, and a browser to look at them with."""

from typing import Any

import pytest

from brgym.study.report import write_report
from tests.study.report.browser import chromium, tab
from tests.study.report.fabricated import HOSTILE, LOADS, NAMES, ONE, POLICIES, results

MANY = tuple(f"{policy}:subset_window={window}" for policy in POLICIES for window in (2, 4))
PAGES: dict[str, dict[str, Any]] = {
    "loads": {"settings": LOADS, "failed": [(0, 2, 1), (3, 1, 4)]},
    "names": {"settings": NAMES},
    "one": {"settings": ONE, "seeds": 1},
    "many": {"settings": LOADS[:2], "policies": MANY},
    "hostile": {"settings": [{"workload.name": name} for name in (HOSTILE, "$x$")], "policies": ["jsq", HOSTILE]},
    "nothing": {"settings": ONE, "seeds": 1, "failed": [(0, policy, 0) for policy in range(len(POLICIES))]},
}


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The page of each study, by name."""
    folder = tmp_path_factory.mktemp("pages")
    written = {}
    for name, options in PAGES.items():
        (folder / name).mkdir()
        results(**options, name=name).write(folder / name)
        written[name] = folder / f"{name}.html"
        write_report(folder / name, written[name])
    return written


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A tab of a headless browser; tests are skipped where there is none."""
    if chromium() is None:
        pytest.skip("no browser: install Debian's package chromium, or Chrome")
    with tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened

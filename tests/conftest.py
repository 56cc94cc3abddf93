"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are noisy, and the first call of compiled code compiles: no test fails by the clock.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_SHARED_TRACES = Path(__file__).resolve().parents[2] / "shared" / "traces"

if "BRGYM_TRACE_DIR" not in os.environ and _SHARED_TRACES.is_dir():
    os.environ["BRGYM_TRACE_DIR"] = str(_SHARED_TRACES)


@pytest.fixture(scope="session")
def trace_dir() -> Path:
    """The folder of real traces; the test is skipped where there is none."""
    folder = Path(os.environ.get("BRGYM_TRACE_DIR", ""))
    if not folder.is_dir() or not os.environ.get("BRGYM_TRACE_DIR"):
        pytest.skip("no real traces: BRGYM_TRACE_DIR is not set")
    return folder

"""What `import brgym` does, and what it leaves alone."""

import subprocess
import sys

import gymnasium
import pytest

import brgym


def test_import_is_light() -> None:
    code = (
        "import brgym, sys; print([name for name in ('torch', 'matplotlib', 'numba', 'scipy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["MaskInObservation", "RecordEpisodeMetrics", "RequestOnly", "WorkerOnly"])
def test_wrappers_load_no_learning_library(name: str) -> None:
    code = (
        f"import brgym.envs.wrappers, sys; brgym.envs.wrappers.{name}; "
        "print([name for name in ('torch', 'stable_baselines3', 'torchrl') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_import_registers_the_environments() -> None:
    assert {"brgym/StickyRouting-v0", "brgym/ArrivalRouting-v0"} <= set(gymnasium.registry)


@pytest.mark.parametrize("name", brgym.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(brgym, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        brgym.simulat  # noqa: B018

"""What figures are computed with."""

import platform
from importlib.metadata import version

import brgym

_PACKAGES = ("numpy", "numba", "scipy", "torch")


def versions() -> dict[str, str]:
    """Versions of brgym, of Python, and of the packages that numbers come through, by name."""
    return {
        "brgym": brgym.__version__,
        "Python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }

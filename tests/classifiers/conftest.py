import numpy as np
import pytest

from brgym.workload import Workload


def workload_of(count=4000, *, seed=0, hashes=40, span_s=4000.0):
    """Requests whose outputs depend on the prompt: its length and, more, its hash."""
    rng = np.random.default_rng(seed)
    group = rng.integers(hashes, size=count)
    prompt = 50 + 20 * group + rng.integers(10, size=count)
    output = np.maximum(1, rng.normal(20 + 10 * (group % 7), 8)).astype(int) + rng.geometric(0.1, size=count)
    return Workload(np.sort(rng.uniform(0, span_s, count)), prompt, output, group * 1_000_003)


@pytest.fixture(scope="session")
def workload():
    return workload_of()


@pytest.fixture(scope="session")
def split(workload):
    return workload.split_by_time(0.7)

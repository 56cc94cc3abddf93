"""An interrupt ends a run that would go on for long, compiled or not."""

import os
import signal
import subprocess
import sys

import pytest

RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
import numpy as np
import baselines
from brgym import ClusterConfig, Workload, simulate
cluster = ClusterConfig(workers={workers}, slots={slots}, candidates={candidates})
count = {count}
rng = np.random.default_rng(0)
requests = Workload(np.zeros(count), rng.integers(1, 9000, count), rng.integers(1, 4000, count))
policy = baselines.make("{policy}", **{options})
print("begun", flush=True)
simulate(cluster, requests, policy)
"""

LONG = {
    "compiled": {"policy": "br-0", "options": {}, "workers": 1024, "slots": 64, "candidates": 512, "count": 10**6},
    "a solver": {
        "policy": "bf-io",
        "options": {"node_limit": 10**9},
        "workers": 64,
        "slots": 8,
        "candidates": 200,
        "count": 4000,
    },
}


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("what", LONG)
def test_an_interrupt_is_heard(what: str) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", RUN.format(**LONG[what])], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        with pytest.raises(subprocess.TimeoutExpired):  # it is at work, and would be for minutes
            running.wait(timeout=5)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert "KeyboardInterrupt" in said

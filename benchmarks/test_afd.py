"""Slot-steps per second of the bundle simulator: a decode step of one slot of one attention worker.

Most steps of a worker only add its batch to its load; its slots are looked at when a request ends. So the figure grows
with batch and outputs. The draw of the requests and the stationary start are part of it.
"""

import pytest

from brgym import afd

STEPS = 20_000
BUNDLES = {
    "illustrative": (afd.GeometricLengths(100, 500), 9, 256, 3),
    "small batch, short outputs": (afd.GeometricLengths(1000, 50), 4, 16, 2),
    "heavy tail, many workers": (afd.LognormalLengths(1000, 500, correlation=0.8), 32, 256, 3),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_afd(benchmark, name):
    lengths, ratio, batch, microbatches = BUNDLES[name]
    options = {"ratio": ratio, "batch": batch, "microbatches": microbatches, "steps": STEPS}
    coefficients = afd.Coefficients.illustrative()
    benchmark.pedantic(afd.simulate_bundle, (coefficients, lengths), options, rounds=5, warmup_rounds=1)
    benchmark.group = "AFD bundle simulator"
    benchmark.extra_info["slot_steps_per_s"] = STEPS * ratio * batch * microbatches / benchmark.stats["min"]

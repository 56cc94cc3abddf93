"""Whole public traces, from their native files, through the cluster."""

from pathlib import Path

import numpy as np
import pytest

import baselines
from brgym import load_workload, preset, simulate


@pytest.mark.parametrize("policy", ["jsq", "br-0"])
@pytest.mark.parametrize(
    ("trace", "requests"), [("azure-2023-conv", 19_366), ("azure-2023-code", 8_819), ("mooncake-conversation", 12_031)]
)
def test_public_trace_replays_whole(trace_dir: Path, trace: str, requests: int, policy: str) -> None:
    workload = load_workload(trace)
    result = simulate(preset("ascend-910c", workers=8), workload, baselines.make(policy))
    assert result.metrics.requests == requests == len(workload)
    assert result.metrics.dropped == 0
    assert result.steps["active"].sum() == workload.output_tokens.sum()
    assert np.isfinite(result.requests["finish_s"]).all()
    assert (result.requests["finish_s"] > workload.arrival_s).all()

"""Every baseline by name, ready to run: a new one is covered wherever tests go by `baselines.names()`."""

from typing import Any

import baselines
import classifiers
from brgym.cluster import Policy, PoolPolicy

PARAMETERS: dict[str, dict[str, Any]] = {
    "bf-io": {"node_limit": 20},  # a limit in nodes for the sake of time
    "br-h": {"predictor": classifiers.Oracle()},
}
"""What a policy needs beside its name."""


def make_policy(name: str) -> Policy:
    """A baseline with its defaults, and with what it cannot do without."""
    return baselines.make(name, **PARAMETERS.get(name, {}))


def pooled(name: str) -> PoolPolicy:
    """The same, of a policy that binds from the pool."""
    policy = make_policy(name)
    assert isinstance(policy, PoolPolicy)
    return policy

"""A router that was learned in brgym's own environment; begin with `policy.py`."""

from baselines.learned.policy import Learned

__all__ = ["Learned"]

"""How large what a bundle is made of may be, so that no product overflows and no search runs for ever (our choice)."""

from typing import Final

MAX_COUNT: Final = 2**31 - 1
"""The most workers, requests of a batch, or instances on a node."""

MAX_MICROBATCHES: Final = 256
"""The most microbatches in flight."""

MAX_TOKENS: Final = 2**31 - 1
"""The longest prompt or output, as in `brgym.workload`."""

MAX_LOAD_TOKENS: Final = 2.0**53
"""The largest mean and deviation of a slot's load, in tokens."""

MAX_SKEWNESS: Final = 1e100

MAX_TIME: Final = 1e15
"""The largest coefficient, in any unit of time: eleven days in nanoseconds."""

MIN_COST, MAX_COST = 1e-6, 1e9
"""Cost of an instance, in any unit."""

MAX_RATIO: Final = 1e9
"""The largest ratio that is looked for."""

MAX_INSTANCES: Final = 1_000_000
"""The most instances that are cut into equal bundles."""

MAX_NODES: Final = 100_000
"""The most nodes that are cut in two, every cut being tried."""

MAX_REPLICATES: Final = 1_000_000

MAX_STEPS: Final = 10**9
"""The most decode steps of a simulated microbatch."""

MAX_SLOTS: Final = 2**28
"""The most slots of a simulated bundle, over all microbatches and workers."""

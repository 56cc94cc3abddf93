"""A policy that decides in Python, for the benchmark of those."""

import numpy as np

from brgym.cluster import ClusterConfig, RouterView


class LowestLoad:
    """The oldest waiting request that fits goes to the worker with the lowest load."""

    binding = "pool"

    def reset(self, cluster: ClusterConfig, seed: int) -> None:
        """Has nothing to forget."""

    def admit(self, view: RouterView) -> list[tuple[int, int]]:
        """One admission at a time."""
        fits = view.fits()
        if not fits.any():
            return []
        candidate = int(np.flatnonzero(fits.any(axis=1))[0])
        worker = min(np.flatnonzero(fits[candidate]), key=lambda g: view.load_tokens[g])
        return [(candidate, int(worker))]

"""The F-score: what admitting a set of requests to a worker does to the imbalance."""

import numpy as np
import numpy.typing as npt


def f_score(total: npt.ArrayLike, margin: npt.ArrayLike, workers: int) -> npt.NDArray[np.float64]:
    """F = total - G max(0, total - margin): exactly the decrease of I = G M - sum L_g (BalanceRoute, arXiv 2605.06113).

    Below the margin every token admitted fills a gap under the envelope; above it every token raises the envelope for
    all G workers.

    Args:
        total: Tokens admitted to a worker; any shape.
        margin: The worker's safe margin M - L_g before, in tokens; broadcast against `total`.
        workers: Number of workers, G.
    """
    tokens = np.asarray(total, dtype=np.float64)
    return np.asarray(tokens - workers * np.maximum(0.0, tokens - np.asarray(margin)))

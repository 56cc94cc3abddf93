"""The reliability plot: how often requests end within the horizon, by the probability that was said."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from brgym.plumbing.pictures import write_picture
from classifiers.scores import BINS, Predictions


def write_reliability_plot(said: Mapping[str, Predictions], path: Path) -> None:
    """Draws the curve of each predictor, and how often each probability was said.

    Args:
        said: Predictions by name.
        path: The file; replaced if it is there.

    Raises:
        OSError: If it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 6.5), dpi=120, layout="constrained")
    curve, counts = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    curve.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, predictions in said.items():
        place = np.minimum((predictions.ending * BINS).astype(np.int64), BINS - 1)
        count = np.bincount(place, minlength=BINS)
        used = count > 0
        mean = np.bincount(place, weights=predictions.ending, minlength=BINS)[used] / count[used]
        share = np.bincount(place, weights=predictions.ends, minlength=BINS)[used] / count[used]
        curve.plot(mean, share, marker="o", markersize=3, label=name)
        counts.step(np.arange(BINS) / BINS, count / count.sum(), where="post")
    curve.set_ylabel("share that ended")
    curve.legend()
    counts.set_yscale("log")
    counts.set_ylabel("share of snapshots")
    counts.set_xlabel("predicted probability of ending within the horizon")
    write_picture(figure, path)

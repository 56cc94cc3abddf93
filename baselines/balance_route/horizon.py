"""How far it pays to look ahead, from how long outputs are (DESIGN 2.7, ours)."""

import warnings
from typing import Final

from brgym.cluster import ClairvoyantView, RouterView
from classifiers import Predictor

AUTO: Final = "auto"

_BEST_HORIZON, _AT_MEAN_TOKENS = 80, 1200
"""The best horizon measured on long outputs (the paper's too), and their mean."""

_POWER = 1.5
"""80 of 1,200, 5 of 200, none of 57: measured optima shrink faster than the outputs do."""


class HorizonWarning(UserWarning):
    """BR-H looks further ahead than requests last, which costs balance."""


def auto_horizon(mean_output_tokens: float) -> int:
    """The horizon for a mean output length: floor(80 (mean / 1,200)^1.5) steps (our choice, from measured optima).

    Beyond 1,200 tokens nothing was measured; there it stays at 80.
    """
    return int(_BEST_HORIZON * min(mean_output_tokens / _AT_MEAN_TOKENS, 1.0) ** _POWER)


def knows_mean_output(predictor: Predictor) -> bool:
    """Whether BR-H can know how long outputs are on average: the predictor says it, or sees them."""
    return hasattr(predictor, "mean_output_tokens") or bool(getattr(predictor, "clairvoyant", False))


def mean_output_tokens(predictor: Predictor, view: RouterView) -> float | None:
    """Mean output length: of what the predictor learned from, of the run if it is clairvoyant; None if unknown."""
    learned: float | None = getattr(predictor, "mean_output_tokens", None)
    if learned is None and isinstance(view, ClairvoyantView):
        return view.mean_output_tokens
    return learned


def warn_if_too_far(horizon: int, mean: float | None) -> None:
    """Warns where the horizon exceeds the mean output."""
    if mean is not None and horizon > mean:
        warnings.warn(
            f"BR-H looks {horizon} steps ahead, further than the mean output of {mean:,.0f} tokens, which costs "
            f"balance; horizon='auto' would be {auto_horizon(mean)}",
            HorizonWarning,
            stacklevel=3,
        )

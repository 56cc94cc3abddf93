"""Whether a predictor has learned anything yet."""

from sklearn.exceptions import NotFittedError


def check_fitted(predictor: object, learned: str) -> None:
    """Refuses a predictor that has learned nothing yet; quick enough for every prediction.

    Args:
        predictor: The predictor.
        learned: An attribute that it has from `fit` on.

    Raises:
        NotFittedError: If it has no such attribute.
    """
    if not hasattr(predictor, learned):
        raise NotFittedError(f"this {type(predictor).__name__} has learned nothing yet: call fit(workload) first")

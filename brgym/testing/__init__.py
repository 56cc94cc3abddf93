"""Conformance suites for other people's policies, predictors and environments, as scikit-learn has `check_estimator`.

Each takes an object and returns nothing, or raises a `ConformanceError` that says which rule of the contract
(docs/design.md, section 2) the object breaks, and where.

```pycon
>>> import baselines, classifiers
>>> from brgym.testing import check_policy, check_predictor
>>> check_policy(baselines.make("br-0"))
>>> check_predictor(classifiers.Oracle())

```
"""

from brgym.testing.environment import check_env
from brgym.testing.failure import ConformanceError
from brgym.testing.policy import check_policy
from brgym.testing.predictor import check_predictor

__all__ = ["ConformanceError", "check_env", "check_policy", "check_predictor"]

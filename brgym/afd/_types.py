"""Types that the modules of this package share."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Interval = tuple[float, float]
"""Lower and upper end of a confidence interval."""

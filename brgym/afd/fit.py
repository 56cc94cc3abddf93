"""Latency coefficients from measurements: a line through (load, time) pairs for each phase."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from brgym._checks import check_flag, check_real
from brgym.afd._types import FloatArray, Interval
from brgym.afd.coefficients import Coefficients, CommunicationPer


@dataclass(frozen=True)
class LineFit:
    """A least-squares line `time = slope * load + intercept` that neither falls nor starts below zero.

    Attributes:
        slope: Time per unit of load.
        intercept: Time at no load.
        slope_interval: Interval of the slope, normal errors of equal size assumed.
        intercept_interval: Interval of the intercept, likewise.
        residual_std: Standard deviation of the measurements about the line.
        measurements: Number of measurements.
    """

    slope: float
    intercept: float
    slope_interval: Interval
    intercept_interval: Interval
    residual_std: float
    measurements: int


@dataclass(frozen=True)
class CoefficientFit:
    """Fitted coefficients, and the three lines they come from.

    Attributes:
        coefficients: What `optimal_ratio` and `simulate_bundle` take.
        attention: Attention time against tokens of KV cache.
        communication: Communication time against requests.
        ffn: FFN time against requests.
    """

    coefficients: Coefficients
    attention: LineFit
    communication: LineFit
    ffn: LineFit


def fit_coefficients(
    attention: tuple[npt.ArrayLike, npt.ArrayLike],
    communication: tuple[npt.ArrayLike, npt.ArrayLike],
    ffn: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    comm_per: CommunicationPer = "worker",
    time_unit: str = "time unit",
    label: str = "fitted",
    confidence: float = 0.95,
) -> CoefficientFit:
    """Fits all coefficients from measured (load, time) pairs, one pair of 1-D arrays for each phase.

    Args:
        attention: Tokens of KV cache on a worker, and attention times.
        communication: Requests of a worker (of the bundle with `comm_per="bundle"`), and times there and back.
        ffn: Requests of the bundle's microbatch (ratio times batch), and FFN times.
        comm_per: What the communication's load counts.
        time_unit: Name of the unit of the times.
        label: Where the measurements come from.
        confidence: Confidence of the intervals.

    Raises:
        ValueError: If the measurements of a phase cannot identify its line (`fit_line`); the phase is named.
    """
    lines = (
        fit_line(*attention, phase="attention", confidence=confidence),
        fit_line(*communication, phase="communication", confidence=confidence, may_be_flat=True),
        fit_line(*ffn, phase="ffn", confidence=confidence),
    )
    (alpha_a, beta_a), (alpha_c, beta_c), (alpha_f, beta_f) = ((line.slope, line.intercept) for line in lines)
    coefficients = Coefficients(
        alpha_a, beta_a, alpha_c, beta_c, alpha_f, beta_f, comm_per=comm_per, time_unit=time_unit, label=label
    )
    return CoefficientFit(coefficients, *lines)


def fit_line(
    load: npt.ArrayLike,
    time: npt.ArrayLike,
    *,
    phase: str = "phase",
    confidence: float = 0.95,
    may_be_flat: bool = False,
) -> LineFit:
    """Fits one phase by ordinary least squares.

    An intercept (or, where `may_be_flat`, a slope) that comes out negative but whose interval reaches zero is set to
    zero and the other coefficient fitted anew; the intervals stay those of the free fit, cut at zero.

    Args:
        load: Loads, shape (measurements,).
        time: Times, same shape, at least 0.
        phase: Name of the phase, for errors.
        confidence: Confidence of the intervals.
        may_be_flat: Whether the time need not depend on the load.

    Raises:
        ValueError: If there are fewer than three measurements or only one distinct load, if the measurements do not
            show that the time grows with the load, or show a time below zero at no load.
    """
    x, y = _check_measurements(phase, load, time)
    confidence = check_real("confidence", confidence, minimum=0.0, maximum=1.0 - 1e-12, exclusive=True)
    check_flag("may_be_flat", may_be_flat)
    slope, intercept, errors, residual_std = _least_squares(x, y)
    rounding = 1e-12 * y.max() * np.array([1 / np.ptp(x), 1.0])
    reach = np.maximum(rounding, float(stdtrit(x.size - 2, (1 + confidence) / 2)) * errors)
    _check_identified(phase, x, slope, intercept, reach, may_be_flat=may_be_flat)
    intervals = _above_zero(slope, reach[0]), _above_zero(intercept, reach[1])
    if slope < 0:
        slope, intercept = 0.0, float(y.mean())
    elif intercept < 0:
        slope, intercept = float(x @ y / (x @ x)), 0.0
    return LineFit(slope, intercept, *intervals, residual_std, x.size)


def _least_squares(x: FloatArray, y: FloatArray) -> tuple[float, float, FloatArray, float]:
    """Slope, intercept, their standard errors, and the standard deviation of the residuals."""
    centre, spread = x.mean(), ((x - x.mean()) ** 2).sum()
    slope = float((x - centre) @ y / spread)
    intercept = float(y.mean() - slope * centre)
    variance = float(((y - slope * x - intercept) ** 2).sum() / (x.size - 2))
    errors = np.sqrt(variance * np.array([1 / spread, 1 / x.size + centre**2 / spread]))
    return slope, intercept, errors, float(np.sqrt(variance))


def _check_measurements(phase: str, load: npt.ArrayLike, time: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    x, y = np.asarray(load, dtype=np.float64), np.asarray(time, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"{phase}: load and time must be 1-D and of one length, got shapes {x.shape} and {y.shape}")
    bad = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y) & (x >= 0) & (y >= 0)))
    if bad.size:
        row = bad[0]
        raise ValueError(f"{phase}, row {row}: load and time must be finite and at least 0, got {x[row]} and {y[row]}")
    if x.size < 3:
        raise ValueError(f"{phase}: a line and its uncertainty need at least 3 measurements, got {x.size}")
    if np.ptp(x) <= 1e-9 * x.max():
        raise ValueError(f"{phase}: slope and intercept cannot be told apart, every load is {x[0]:g}")
    return x, y


def _check_identified(
    phase: str, x: FloatArray, slope: float, intercept: float, reach: FloatArray, *, may_be_flat: bool
) -> None:
    if slope + reach[0] < 0 or (slope - reach[0] <= 0 and not may_be_flat):
        raise ValueError(
            f"{phase}: the measurements do not show that time grows with load: slope {slope:g} +- {reach[0]:g} over "
            f"loads {x.min():g} to {x.max():g}; measure a wider range, or more often"
        )
    if intercept + reach[1] < 0:
        raise ValueError(
            f"{phase}: at no load the time would be {intercept:g} +- {reach[1]:g}, below zero: it is not affine in load"
        )


def _above_zero(value: float, reach: float) -> Interval:
    return max(0.0, value - float(reach)), value + float(reach)

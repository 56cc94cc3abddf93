"""Attention-FFN disaggregation: how many attention workers one FFN server should feed (arXiv 2601.21351).

Measure the load of a slot (`token_load`), give or fit latency coefficients (`Coefficients`, `fit_coefficients`), ask
for the best ratio (`optimal_ratio`, explained by `describe`), and confirm it by simulation (`simulate_bundle`).
"""

from brgym.afd.bundle import BundleResult, simulate_bundle
from brgym.afd.coefficients import Coefficients
from brgym.afd.fit import CoefficientFit, LineFit, fit_coefficients, fit_line
from brgym.afd.gaussian import expected_maximum
from brgym.afd.limits import InfeasibleError, Limits, kv_tokens_needed, largest_batch
from brgym.afd.provisioning import Provision, optimal_ratio
from brgym.afd.report import describe
from brgym.afd.requests import ConstantLengths, GeometricLengths, Lengths, LognormalLengths, Sampler
from brgym.afd.splits import Split, divisible_split, node_split
from brgym.afd.token_load import TokenLoad, finite_horizon_theta, token_load

__all__ = [
    "BundleResult",
    "CoefficientFit",
    "Coefficients",
    "ConstantLengths",
    "GeometricLengths",
    "InfeasibleError",
    "Lengths",
    "Limits",
    "LineFit",
    "LognormalLengths",
    "Provision",
    "Sampler",
    "Split",
    "TokenLoad",
    "describe",
    "divisible_split",
    "expected_maximum",
    "finite_horizon_theta",
    "fit_coefficients",
    "fit_line",
    "kv_tokens_needed",
    "largest_batch",
    "node_split",
    "optimal_ratio",
    "simulate_bundle",
    "token_load",
]

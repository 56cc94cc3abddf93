"""Attention-FFN disaggregation: how many attention workers one FFN server should feed (arXiv 2601.21351).

Measure the load of a slot (`token_load`), give or fit latency coefficients (`Coefficients`, `fit_coefficients`), ask
for the best ratio (`optimal_ratio`, explained by `describe`), confirm it by simulation (`simulate_bundle`),
and run any router on the bundle as a cluster (`bundle_cluster`).
"""

from brgym.afd.bundle import BundleResult, simulate_bundle, simulate_ratios
from brgym.afd.cluster import bundle_cluster, step_time
from brgym.afd.coefficients import Coefficients
from brgym.afd.files import read_coefficients
from brgym.afd.fit import CoefficientFit, LineFit, fit_coefficients, fit_line
from brgym.afd.gaussian import expected_maximum
from brgym.afd.limits import InfeasibleError, Limits, kv_tokens_needed, largest_batch
from brgym.afd.provisioning import Provision, optimal_ratio
from brgym.afd.report import colocated, describe, headline
from brgym.afd.requests import ConstantLengths, GeometricLengths, Lengths, LognormalLengths, Sampler
from brgym.afd.sizing import Sizing, confirm, ratios_about
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
    "Sizing",
    "Split",
    "TokenLoad",
    "bundle_cluster",
    "colocated",
    "confirm",
    "describe",
    "divisible_split",
    "expected_maximum",
    "finite_horizon_theta",
    "fit_coefficients",
    "fit_line",
    "headline",
    "kv_tokens_needed",
    "largest_batch",
    "node_split",
    "optimal_ratio",
    "ratios_about",
    "read_coefficients",
    "simulate_bundle",
    "simulate_ratios",
    "step_time",
    "token_load",
]

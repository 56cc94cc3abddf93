"""BF-IO (arXiv 2601.17855): each boundary's assignment as an integer programme, and how far others are from it."""

from baselines.bf_io.gap import OptimalityGap, optimality_gap
from baselines.bf_io.policy import BFIO
from baselines.bf_io.programme import Assignment, optimal_assignment, predicted_imbalance
from baselines.bf_io.projection import projected_loads

__all__ = [
    "BFIO",
    "Assignment",
    "OptimalityGap",
    "optimal_assignment",
    "optimality_gap",
    "predicted_imbalance",
    "projected_loads",
]

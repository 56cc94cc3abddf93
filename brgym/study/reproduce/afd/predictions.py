"""What the formulas say of a cell, by method."""

from functools import cache
from typing import get_args

from brgym.afd import Provision, optimal_ratio
from brgym.afd.provisioning import Method
from brgym.study.reproduce.afd.grid import COEFFICIENTS, Cell, population_load

METHODS: tuple[Method, ...] = get_args(Method)
"""Every method that `optimal_ratio` knows."""


@cache
def predict(cell: Cell, method: Method, *, seed: int) -> Provision:
    """The ratio that a method gives for a cell, from the exact token load of its requests."""
    return optimal_ratio(
        COEFFICIENTS,
        batch=cell.batch,
        load=population_load(cell.workload, seed),
        method=method,
        microbatches=cell.microbatches,
    )

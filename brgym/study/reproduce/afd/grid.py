"""The grid on which predictions meet simulations: workloads, batches, microbatches."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from brgym.afd import Coefficients, ConstantLengths, GeometricLengths, LognormalLengths, Sampler, TokenLoad, token_load
from brgym.workload import Workload, load_workload

COEFFICIENTS = Coefficients.illustrative()
"""The coefficients of the study: illustrative ones, measured on no hardware."""

POPULATION = 20_000
"""Requests drawn from a workload's law; predictions and simulations know these and no others."""

_MEANS = ((100, 500), (500, 200), (1000, 500))
"""Mean prompt and mean output tokens of the workloads drawn from a distribution."""

_BUILT_IN = ("azure-2023-conv-like", "azure-2023-code-like", "azure-2024-conv-like", "proprietary-like")


def _laws(prompt: int, output: int) -> dict[str, Sampler]:
    return {
        "geometric": GeometricLengths(prompt, output),
        "constant": ConstantLengths(prompt, output),
        "lognormal": LognormalLengths(prompt, output),
        "lognormal, correlation +0.8": LognormalLengths(prompt, output, correlation=0.8),
        "lognormal, correlation -0.5": LognormalLengths(prompt, output, correlation=-0.5),
    }


LAWS = {
    f"{name}, P {prompt}, D {output}": law for prompt, output in _MEANS for name, law in _laws(prompt, output).items()
}
"""The workloads drawn from a distribution, by name; lognormals have sigma 0.8."""

WORKLOADS = (*LAWS, *_BUILT_IN)
"""Names of all workloads of the grid."""


@dataclass(frozen=True)
class Cell:
    """One place of the grid.

    Attributes:
        workload: One of `WORKLOADS`.
        batch: Requests of one worker in one microbatch.
        microbatches: Microbatches in flight.
    """

    workload: str
    batch: int
    microbatches: int

    def __str__(self) -> str:
        return f"{self.workload}, B {self.batch}, m {self.microbatches}"


def cells(
    workloads: Sequence[str] = WORKLOADS, batches: Sequence[int] = (64, 256), microbatches: Sequence[int] = (2, 3, 4)
) -> list[Cell]:
    """The cells of a grid, workload by workload."""
    return [Cell(*place) for place in product(workloads, batches, microbatches)]


def draw(workload: str, *, count: int, seed: int) -> Workload:
    """Draws requests of one of `WORKLOADS`, all of which arrive at once."""
    if workload in LAWS:
        prompt, output = LAWS[workload](np.random.default_rng(seed), count)
    else:
        requests = load_workload(workload, count=count, seed=seed)
        prompt, output = requests.prompt_tokens, requests.output_tokens
    return Workload(np.zeros(count), prompt, output)


@cache
def population(workload: str, seed: int) -> Workload:
    """The requests that stand for a workload, resampled by the simulator."""
    return draw(workload, count=POPULATION, seed=seed)


@cache
def population_load(workload: str, seed: int) -> TokenLoad:
    """The token load of `population`, which is exact: the simulator draws from nothing else."""
    requests = population(workload, seed)
    return token_load(requests.prompt_tokens, requests.output_tokens, replicates=0)

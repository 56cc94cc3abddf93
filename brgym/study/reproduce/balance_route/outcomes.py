"""What came out of the cells, as estimates over the seeds."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from brgym.study.engine import Figures
from brgym.study.reproduce.balance_route.settings import Cell, Setting
from brgym.study.statistics import Estimate, mean_interval, paired_ratio, recovered_share

Values = npt.NDArray[np.float64]


class Outcomes:
    """The figures of all cells.

    Args:
        figures: The figures of each cell.
    """

    def __init__(self, figures: Mapping[Cell, Figures]) -> None:
        self._runs: dict[Setting, list[Figures]] = {}
        for cell, run in figures.items():
            self._runs.setdefault(cell.setting, []).append(run)

    def seeds(self, setting: Setting) -> int:
        """How many seeds a setting was run under."""
        return len(self._runs[setting])

    def values(self, setting: Setting, figure: str) -> Values:
        """One figure of `Simulation.run`, shape (seeds,), but "run_throughput_tok_s": all tokens / makespan."""
        if figure == "run_throughput_tok_s":
            return self.values(setting, "output_tokens") / self.values(setting, "makespan_s")
        values = [run[figure] for run in self._runs[setting]]
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

    def mean(self, setting: Setting, figure: str, *, scale: float = 1.0) -> Estimate:
        """The mean over the seeds with its interval, times `scale`."""
        return mean_interval(scale * self.values(setting, figure))

    def ratio(self, setting: Setting, figure: str) -> Estimate:
        """The ratio to JSQ on the same requests and cluster, seed by seed."""
        return paired_ratio(self.values(setting, figure), self.values(setting.reference, figure))

    def ratio_between(self, setting: Setting, other: Setting, figure: str) -> Estimate:
        """The ratio of one setting to another under the same seeds."""
        return paired_ratio(self.values(setting, figure), self.values(other, figure))

    def recovered(self, setting: Setting) -> Estimate:
        """Share of JSQ's recoverable barrier idle that is won back, see `brgym.cluster.recovered`."""
        policy = self.values(setting, "envelope_token_steps")
        reference = self.values(setting.reference, "envelope_token_steps")
        bound = self.values(setting, "envelope_token_steps_bound")
        return recovered_share(policy, reference, bound)

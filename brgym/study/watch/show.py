"""A run that is shown: where it stands, and its figures so far."""

from collections.abc import Iterator

import numpy as np

from brgym.cluster import imbalance
from brgym.plumbing.cluster_picture import ClusterShown
from brgym.study.stepped_run import SteppedRun

Figures = list[tuple[str, str]]
_ABSENT = "-"


class Show:
    """A run played in simulated time.

    Args:
        run: The run; nobody else may step it.
        until_s: Simulated time at which the show is over; infinity for the run's end.
    """

    def __init__(self, run: SteppedRun, *, until_s: float = np.inf) -> None:
        self._run = run
        self._until_s = until_s

    @property
    def now_s(self) -> float:
        """The run's clock, in seconds."""
        return self._run.view.now_s

    @property
    def over(self) -> bool:
        """Whether there is nothing more to show."""
        return self._run.done or self.now_s >= self._until_s

    def step(self) -> None:
        """One decode step."""
        if not self.over:
            self._run.advance()

    def steps_until(self, time_s: float) -> Iterator[None]:
        """Runs decode steps until the clock has reached a time; gives way after each, so that the caller may stop."""
        while not self.over and self.now_s < time_s:
            self._run.advance()
            yield

    def shown(self) -> ClusterShown:
        """What is to be seen now."""
        return ClusterShown.of(self._run.view, self.figures())

    def figures(self) -> Figures:
        """Means over the whole run so far; latencies are of the requests that have come so far."""
        steps, requests = self._run.steps, self._run.requests
        if len(steps) == 0:
            return [(name, _ABSENT) for name in ("mean imbalance", "throughput", "TPOT", "TTFT", "finished")]
        workers = self._run.cluster.workers
        mean = imbalance(workers, steps["max_load"], steps["sum_load"]).mean()
        tokens_s = steps["active"].sum() / (steps["start_s"][-1] + steps["duration_s"][-1])
        long = requests["output_tokens"] > 1
        finished = ~np.isnan(requests["finish_s"])
        tpot_s = (requests["finish_s"] - requests["first_token_s"])[finished & long] / (
            requests["output_tokens"][finished & long] - 1
        )
        ttft_s = (requests["first_token_s"] - requests["arrival_s"])[~np.isnan(requests["first_token_s"])]
        return [
            ("mean imbalance", f"{mean:,.0f}"),
            ("throughput", f"{tokens_s:,.0f} tok/s"),
            ("TPOT", f"{1000 * tpot_s.mean():.1f} ms" if len(tpot_s) else _ABSENT),
            ("TTFT", f"{ttft_s.mean():,.2f} s" if len(ttft_s) else _ABSENT),
            ("finished", f"{np.count_nonzero(finished):,} of {len(requests):,}"),
        ]

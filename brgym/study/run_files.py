"""What a run leaves behind as files: its requests, its steps, its figures, a trace of it, pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from brgym._checks import check_choice
from brgym.cluster import ClusterConfig, Oversize, Policy, Records, Result, Slo, simulate
from brgym.plumbing.files import without_nan, write_document
from brgym.plumbing.tables import write_table
from brgym.study.stays import record_stays, stays_of
from brgym.study.worker_loads import WorkerLoads
from brgym.workload import Workload

RunFile = Literal["requests-table", "steps-table", "json", "perfetto", "plot", "timeline"]


@dataclass(frozen=True)
class Run:
    """A run, made when it is first asked for, and once more, step by step, where somebody asks who was preempted when.

    Attributes:
        cluster: As in `simulate`.
        workload: As in `simulate`.
        make: Makes the policy.
        seed: As in `simulate`.
        oversize: As in `simulate`.
        slo: As in `simulate`.
    """

    cluster: ClusterConfig
    workload: Workload
    make: Callable[[], Policy]
    seed: int = 0
    oversize: Oversize = "error"
    slo: Slo | None = None

    @cached_property
    def result(self) -> Result:
        """What came of it."""
        return simulate(self.cluster, self.workload, self.make(), self.seed, slo=self.slo, oversize=self.oversize)

    @cached_property
    def stays(self) -> Records:
        """Who was where, see `brgym.study.stays.STAY`."""
        if self.result.metrics.preemptions == 0:
            return stays_of(self.result, self.workload)
        return record_stays(self.cluster, self.workload, self.make(), self.seed, oversize=self.oversize)


def write_run_file(kind: RunFile, run: Run, path: Path, *, worker: int = 0) -> None:
    """Writes one file of a run, whole or not at all.

    Args:
        kind: What of the run: a row a request, a row a step (`brgym.plumbing.tables`), the figures as JSON, a trace
            (`brgym.study.perfetto`), all workers' loads, or one worker's timeline as a picture.
        run: The run.
        path: The file.
        worker: Whose timeline.

    Raises:
        ValueError: If there is no such kind, or the file's suffix stands for no format.
        OSError: If it cannot be written.
    """
    check_choice("kind", kind, get_args(RunFile))
    if kind == "requests-table":
        write_table(run.result.requests_table(), path)
    elif kind == "steps-table":
        write_table(run.result.steps_table(), path)
    elif kind == "json":
        write_document(without_nan(run.result.metrics.as_dict(wall_clock=True)), path)
    elif kind == "perfetto":
        from brgym.study.perfetto import write_perfetto

        write_perfetto(run.result, run.workload, run.cluster, path, stays=run.stays)
    else:
        _write_picture(kind, run, path, worker)


def _write_picture(kind: Literal["plot", "timeline"], run: Run, path: Path, worker: int) -> None:
    from brgym.plumbing.pictures import write_picture  # matplotlib takes a second to import
    from brgym.study.pictures import draw_timeline, draw_worker_loads

    steps = run.result.steps
    if kind == "timeline":
        write_picture(draw_timeline(run.stays, steps, run.workload, worker), path)
    else:
        loads = WorkerLoads.of(run.stays, steps=len(steps), workers=run.cluster.workers)
        write_picture(draw_worker_loads(loads.load_tokens, steps, kv_capacity=run.cluster.kv_capacity), path)

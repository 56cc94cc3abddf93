"""What large studies take: a run of a million requests, a sweep of 2,000 cells, a policy in Python on two cores.

Peaks are of the resident memory of a process of its own, less what it has before it begins; that of a sweep is beside
that of one with a tenth of the cells, since its own results are all that may grow.
"""

import subprocess
import sys

import pytest

MILLION = """
import baselines
from brgym.cluster import ClusterConfig, simulate
from brgym.workload import load_workload

cluster = ClusterConfig(workers=16, slots=72)
simulate(cluster, load_workload("proprietary-like", count=1000), baselines.make({router!r}))
begin()
result = simulate(cluster, load_workload("proprietary-like", count=1_000_000), baselines.make({router!r}))
end(result.metrics.makespan_s)
"""

SWEEP = """
from brgym.study import Study

DOCUMENT = {{
    "policies": ["jsq", "least-kv", "br-0", "br-0:worker_choice=lowest-load", "level"],
    "seeds": {seeds},
    "cluster": {{"preset": "bf-io"}},
    "workload": {{
        "name": ["azure-2023-conv-like", "proprietary-like"],
        "requests": 2000,
        "load": [0.5, 0.7, 0.9, "backlog"],
    }},
}}
Study.from_document(DOCUMENT | {{"seeds": 1}}).run({folder!r} + "/warm", jobs=2)
begin()
results = Study.from_document(DOCUMENT).run({folder!r} + "/whole", jobs=2)
end(len(results.table))
"""

PYTHON = """
from brgym.study import Study

DOCUMENT = {{
    "policies": ["benchmarks.python_policy:LowestLoad"],
    "seeds": 8,
    "workload": {{"requests": 1000}},
}}
Study.from_document(DOCUMENT | {{"seeds": [100, 101]}}).run({folder!r} + "/warm", jobs={jobs}, backend={backend!r})
begin()
Study.from_document(DOCUMENT).run({folder!r} + "/whole", jobs={jobs}, backend={backend!r})
end(8)
"""

MEASURED = """
import resource
import time

def begin():
    global began_s, before_kib
    before_kib, began_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()

def end(what):
    seconds = time.perf_counter() - began_s
    print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024, what)

"""


def measured(script: str) -> tuple[float, float]:
    """Seconds and MiB that a script takes between `begin` and `end`, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", MEASURED + script], capture_output=True, text=True, check=True)
    seconds, mebibytes, _ = done.stdout.split()
    return float(seconds), float(mebibytes)


@pytest.mark.parametrize("router", ["jsq", "br-0"])
def test_a_million_requests(benchmark, router):
    benchmark.group = "a million requests, 16 workers"
    seconds, mebibytes = benchmark.pedantic(measured, args=(MILLION.format(router=router),), rounds=1)
    benchmark.extra_info |= {"seconds": seconds, "MiB": mebibytes}


def test_a_sweep_of_two_thousand_cells(benchmark, tmp_path):
    benchmark.group = "a sweep, two jobs"
    few_s, few_mib = measured(SWEEP.format(seeds=5, folder=str(tmp_path / "few")))
    script = SWEEP.format(seeds=50, folder=str(tmp_path / "many"))
    seconds, mebibytes = benchmark.pedantic(measured, args=(script,), rounds=1)
    benchmark.extra_info |= {
        "seconds": seconds,
        "MiB": mebibytes,
        "times_that_of_200_cells": seconds / few_s,
        "MiB_of_200_cells": few_mib,
    }


def test_a_python_policy_with_two_jobs_over_one(benchmark, tmp_path):
    benchmark.group = "a Python policy, two jobs"
    alone_s, _ = measured(PYTHON.format(jobs=1, backend=None, folder=str(tmp_path / "one")))
    threads_s, _ = measured(PYTHON.format(jobs=2, backend="threads", folder=str(tmp_path / "threads")))
    script = PYTHON.format(jobs=2, backend=None, folder=str(tmp_path / "two"))
    seconds, _ = benchmark.pedantic(measured, args=(script,), rounds=1)
    benchmark.extra_info |= {"processes_over_one": seconds / alone_s, "threads_over_one": threads_s / alone_s}

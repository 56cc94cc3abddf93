"""A run as tables: its requests and its steps, with the names that `Result` has and the units in them."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from brgym.cluster.figures import imbalance
from brgym.cluster.metrics import measurement_window, request_times

if TYPE_CHECKING:
    from brgym.cluster.simulate import Result

_LOADS = ("max_load", "sum_load", "min_load")


def requests_table(result: "Result") -> pa.Table:
    """A row a request, in the workload's order.

    Columns: `request` (the row in the workload, from 0); `arrival_s`, as it came about; `prompt_tokens`,
    `output_tokens`, as they were asked for; `worker` (the last), `admit_s` (the first), `first_token_s`, `finish_s`,
    `preemptions`, `interruptions`, `cancelled`; `queueing_s`, `ttft_s`, `tpot_s`, `e2e_s`, as the figures define them.
    Null is what there is not: of a request that was dropped or not yet served, worker and times; of an output of one
    token, the TPOT.

    Args:
        result: The run.
    """
    workload, outcome = result.workload, result.requests
    times = request_times(outcome, workload.output_tokens)
    columns = {
        "request": np.arange(len(workload)),
        "arrival_s": outcome["arrival_s"],
        "prompt_tokens": workload.prompt_tokens,
        "output_tokens": workload.output_tokens,
        **{name: outcome[name] for name in outcome.dtype.names or ()},
        **{name: times[name] for name in ("queueing_s", "ttft_s", "tpot_s", "e2e_s")},
    }
    nothing = {"worker": outcome["worker"] < 0}
    return pa.table({name: _column(values, nothing.get(name)) for name, values in columns.items()})


def steps_table(result: "Result") -> pa.Table:
    """A row a decode step, in order.

    Columns: `step` (from 0); `start_s`, `duration_s`; `max_load_tokens`, `sum_load_tokens`, `min_load_tokens`, of the
    workers' loads; `imbalance_tokens`; `active`, `waiting`, `admitted` and `finished`, requests; `barrier_idle`, a
    share; `energy_j`, null without a power model; `tokens`, generated; `prefill_tokens`, contexts recomputed;
    `workers_up`; `in_window`, whether the step counts for the step figures.

    Args:
        result: The run.
    """
    steps = result.steps
    columns: dict[str, npt.NDArray[Any]] = {"step": np.arange(len(steps))}
    for name in steps.dtype.names or ():
        columns[f"{name}_tokens" if name in _LOADS else name] = steps[name]
        if name == _LOADS[-1]:
            columns["imbalance_tokens"] = imbalance(steps["workers_up"], steps["max_load"], steps["sum_load"])
    columns["in_window"] = measurement_window(steps, result.metrics.requests, result.window)
    return pa.table({name: _column(values) for name, values in columns.items()})


def _column(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    if missing is None and values.dtype.kind == "f":
        missing = np.isnan(values)
    return pa.array(np.ascontiguousarray(values), mask=missing)

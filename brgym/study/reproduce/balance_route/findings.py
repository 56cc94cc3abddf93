"""What the study says about the paper's claims, worked out from what came of it."""

from collections.abc import Sequence

from brgym.study.reproduce.balance_route import paper
from brgym.study.reproduce.balance_route.outcomes import Outcomes
from brgym.study.reproduce.balance_route.sweeps import RUN_THROUGHPUT, THROUGHPUT, Sweep
from brgym.study.reproduce.balance_route.tables import Table
from brgym.study.reproduce.balance_route.workloads import PROPRIETARY, REPEATED
from brgym.study.statistics import Estimate

_FASTER = ("br-0", "br-h oracle")


def findings(tables: Sequence[Table], sweeps: Sequence[Sweep], outcomes: Outcomes) -> list[str]:
    """What comes of the paper's two claims, imbalance and throughput, as far as the parts that were run tell."""
    at_8 = {table.workload: table for table in tables if table.cluster.workers == 8}
    proprietary = [table for table in tables if table.workload == PROPRIETARY]
    step_time = [sweep for sweep in sweeps if sweep.name == "step-time"]
    parts = []
    if at_8:
        parts += ["## Imbalance", "\n".join(line for table in at_8.values() for line in _imbalance(table, outcomes))]
    throughput = [*_gains(at_8[PROPRIETARY], outcomes), *_scaling(proprietary, outcomes)] if PROPRIETARY in at_8 else []
    throughput += [line for sweep in step_time for line in _limits(sweep, outcomes)]
    if throughput:
        parts += ["## Throughput", "\n".join(throughput)]
    return parts


def _imbalance(table: Table, outcomes: Outcomes) -> list[str]:
    rows = table.settings
    told = [f"{label} {_interval(outcomes.ratio(rows[label], 'imbalance_mean'))}" for label in _FASTER]
    pairs = [(f"br-h survival, {projection}", "br-0") for projection in ("cut", "expected")]
    if table.workload == REPEATED:
        pairs += [(f"br-h exact-match, {form}", f"br-h survival, {form}") for form in ("cut", "expected")]
    lines = [f"- {table.workload}, G = {table.cluster.workers}: relative to jsq {', '.join(told)}."]
    for label, other in pairs:
        against = outcomes.ratio_between(rows[label], rows[other], "imbalance_mean")
        lines.append(f"  - {label} relative to {other}: {_interval(against)}, {_verdict(against)}.")
    return lines


def _gains(table: Table, outcomes: Outcomes) -> list[str]:
    """How much faster than JSQ, beside the paper; and what the paper's own columns say about it."""
    lines = []
    for label in _FASTER:
        window, run = (outcomes.ratio(table.settings[label], figure) for figure, _ in (THROUGHPUT, RUN_THROUGHPUT))
        lines.append(
            f"- {label}: {_interval(window)} times jsq's tok/s in the measurement window, {_interval(run)} over the "
            f"whole run; {_beside(window, _claimed(label))}."
        )
    held = ", ".join(f"{label} {paper.PROPRIETARY_TRACE[label].concurrency:.1f}" for label in ("jsq", *_FASTER))
    lines.append(
        "- By Little's law the paper's own columns (tok/s x TPOT p95) give the requests that a worker decodes at once: "
        f"{held}. Its tok/s rises by more than its TPOT falls, so it must keep more requests active. Here every slot "
        "is busy in the window under every policy, and tok/s rises only as far as the step gets shorter."
    )
    return lines


def _scaling(proprietary: Sequence[Table], outcomes: Outcomes) -> list[str]:
    told = []
    for table in sorted(proprietary, key=lambda table: table.cluster.workers):
        workers, printed = table.cluster.workers, table.printed.get("br-0")
        here = outcomes.mean(table.settings["br-0"], "throughput_tok_s", scale=1.0 / workers).mean
        told.append(f"G = {workers} {here:,.0f}" + ("" if printed is None else f" (paper {printed.tok_s:,.0f})"))
    return [f"- tok/s of a worker under br-0: {', '.join(told)}."]


def _limits(step_time: Sweep, outcomes: Outcomes) -> list[str]:
    """What the barrier could give at most: the gain where a step costs nothing but reading the KV cache."""
    lines = []
    for label, line in step_time.lines.items():
        row = label if label in _FASTER else f"br-h {label}"
        limit = outcomes.ratio(line["0"], THROUGHPUT[0])
        lines.append(
            f"- {row} at C = 0, where the barrier gives the most: {_interval(limit)} times jsq's tok/s; "
            f"{_beside(limit, _claimed(row))}."
        )
    return lines


def _claimed(label: str) -> float:
    return paper.PROPRIETARY_TRACE[label].tok_s / paper.PROPRIETARY_TRACE["jsq"].tok_s


def _beside(ratio: Estimate, claimed: float) -> str:
    reached = f"the paper's {claimed:.3f}"
    return f"{reached} does not follow from the barrier" if ratio.high < claimed else f"{reached} is not excluded"


def _verdict(ratio: Estimate) -> str:
    if ratio.high < 1:
        return "lower"
    return "higher" if ratio.low > 1 else "no difference that the seeds show"


def _interval(ratio: Estimate) -> str:
    return f"{ratio.mean:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"

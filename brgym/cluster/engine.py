"""The door for whoever drives a cluster step by step: an environment, a benchmark, a check.

`simulate` runs a whole workload; with what stands here a cluster is set up, run to its next decision, told what to do,
and measured. Whoever only decides needs `brgym.cluster` and nothing of this.
"""

from brgym.cluster.admission import admit, begin_decoding, is_active
from brgym.cluster.asking import decide, refusal
from brgym.cluster.boundary import next_event_s
from brgym.cluster.chunks import stop_prefilling
from brgym.cluster.drive import run, view_for, why_stuck
from brgym.cluster.figures import step_seconds
from brgym.cluster.identity import key_after, key_of, row_of
from brgym.cluster.kernel import DECIDE, DONE, LOG_FULL, STUCK, advance, apply
from brgym.cluster.layout import Bytes, borrower, records_in
from brgym.cluster.metrics import DEFAULT_WINDOW, measure
from brgym.cluster.policy import binding_of, name_of
from brgym.cluster.records import FROM_POOL, ON_ARRIVAL, ROUTE, STEP
from brgym.cluster.regimes import ON, regimes_on
from brgym.cluster.routing_time import empty_histogram
from brgym.cluster.simulate import check_fits, outcome_of
from brgym.cluster.state import (
    STATE_RECORDS,
    State,
    borrowed,
    borrowed_view,
    initial_state,
    regimes_of,
    view_of,
)
from brgym.cluster.waiting import allowed_tokens, context_tokens

__all__ = [
    "DECIDE",
    "DEFAULT_WINDOW",
    "DONE",
    "FROM_POOL",
    "LOG_FULL",
    "ON",
    "ON_ARRIVAL",
    "ROUTE",
    "STATE_RECORDS",
    "STEP",
    "STUCK",
    "Bytes",
    "State",
    "admit",
    "advance",
    "allowed_tokens",
    "apply",
    "begin_decoding",
    "binding_of",
    "borrowed",
    "borrowed_view",
    "borrower",
    "check_fits",
    "context_tokens",
    "decide",
    "empty_histogram",
    "initial_state",
    "is_active",
    "key_after",
    "key_of",
    "measure",
    "name_of",
    "next_event_s",
    "outcome_of",
    "records_in",
    "refusal",
    "regimes_of",
    "regimes_on",
    "row_of",
    "run",
    "step_seconds",
    "stop_prefilling",
    "view_for",
    "view_of",
    "why_stuck",
]

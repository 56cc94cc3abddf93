"""Samples of a workload as a router meets it: active requests at some age, and how they went on.

A router that looks at a random decode step sees a request with probability proportional to its output length, at an age
that is uniform over its steps. Drawing decode steps uniformly from all those of the workload gives just that.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brgym._checks import check_integer, check_real, check_seed
from brgym.cluster import Integers, Reals
from brgym.workload import Workload

Flags = npt.NDArray[np.bool_]

STEP_S = 0.06
"""Duration of a decode step where no run says it: about that of BalanceRoute's engine (arXiv 2605.06113)."""

MIN_STEP_S = 1e-6
"""The shortest decode step: as many as a trace of 272 years has are a whole number of 64 bits (our choice)."""

NO_HASH = -1
"""Stands for "no prompt hash", as in a `RouterView`."""


OF_ADMISSION = ("active_prompt_tokens", "active_prompt_hash", "active_arrival_s", "active_admit_s")
"""What is known of a request from its admission on, whatever its age."""


@dataclass(frozen=True)
class Snapshots:
    """Active requests, each at one moment of its life (an `ActiveRequests`), with what was seen of them afterwards.

    Attributes:
        request: Row of the workload, ascending, shape (snapshots,).
        active_generated_tokens: Age: tokens generated so far, at least 0, shape (snapshots,).
        active_prompt_tokens: Prompt tokens, shape (snapshots,).
        active_prompt_hash: Prompt hash, `NO_HASH` where there is none, shape (snapshots,).
        active_arrival_s: Arrival, in seconds, shape (snapshots,).
        active_admit_s: Admission, in seconds, shape (snapshots,).
        seen_steps: Further steps that were seen, the coming one included, at least 1, shape (snapshots,).
        ended: Whether the last of them was the request's last; where not, more steps follow, nobody knows how many.
    """

    request: Integers
    active_generated_tokens: Integers
    active_prompt_tokens: Integers
    active_prompt_hash: Integers
    active_arrival_s: Reals
    active_admit_s: Reals
    seen_steps: Integers
    ended: Flags

    def __len__(self) -> int:
        return len(self.request)


def admissions(workload: Workload, admit_s: Reals | None = None) -> Reals:
    """When each request was admitted, in seconds, shape (requests,).

    Args:
        workload: The requests.
        admit_s: Admissions in workload order, as `brgym.cluster.Result.requests["admit_s"]` of a run has them. A
            workload alone knows no queueing: with None, admission is arrival.

    Raises:
        ValueError: If there is not one admission a request, or one is not finite or lies before the arrival.
    """
    if admit_s is None:
        return workload.arrival_s
    if np.shape(admit_s) != (len(workload),):
        raise ValueError(f"admit_s must have shape ({len(workload)},), one a request, got {np.shape(admit_s)}")
    wrong = ~(np.isfinite(admit_s) & (admit_s >= workload.arrival_s))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"admit_s[{row}] = {admit_s[row]}: must be finite and not before the arrival at {workload.arrival_s[row]}"
        )
    return admit_s


def somebody_queues(workload: Workload, admit_s: Reals | None = None) -> bool:
    """Whether a request waits longer than `STEP_S`: every one waits for the step that runs when it arrives."""
    return bool((admissions(workload, admit_s) - workload.arrival_s > STEP_S).any())


def training_fingerprint(workload: Workload, admit_s: Reals | None = None) -> str:
    """Digest of all that a model learns from: the workload's own, and with it that of the admissions, where given."""
    if admit_s is None:
        return workload.fingerprint()
    return hashlib.sha256(workload.fingerprint().encode() + np.ascontiguousarray(admit_s).tobytes()).hexdigest()


def observed_steps(workload: Workload, step_s: float | None = STEP_S, *, admit_s: Reals | None = None) -> Integers:
    """Decode steps of each request that are over when the last request arrives: there the trace ends.

    Requests are taken to decode one token every `step_s` seconds from their admission on. Those that are still running
    at the end are censored: their output lengths lie in the future. Where all requests arrive at once, or with
    `step_s=None`, there is no such clock and every output counts as complete.

    Returns:
        0..output tokens, shape (requests,).

    Raises:
        ValueError: If `step_s` is not at least 1e-6, or as `admissions`.
    """
    check_step_s(step_s)
    end_s = workload.arrival_s[-1]
    if step_s is None or workload.arrival_s[0] == end_s:
        return workload.output_tokens
    running_s = np.maximum(end_s - admissions(workload, admit_s), 0.0)
    return np.minimum(workload.output_tokens, (running_s / step_s).astype(np.int64))


def check_step_s(step_s: float | None) -> None:
    """Refuses a duration of a decode step in which the steps of a trace could not be counted.

    Raises:
        TypeError: If it is neither a real number nor None.
        ValueError: If it is not at least `MIN_STEP_S`.
    """
    if step_s is not None:
        check_real("step_s", step_s, minimum=MIN_STEP_S)


def sample_snapshots(
    workload: Workload, count: int, *, seed: int, step_s: float | None = STEP_S, admit_s: Reals | None = None
) -> Snapshots:
    """Draws decode steps uniformly from all those that were observed.

    Beside the workload itself, memory is one integer a request and a few numbers a snapshot.

    Args:
        workload: The requests.
        count: Snapshots to draw, with replacement, at least 1.
        seed: Decides the draws.
        step_s: Duration of a decode step, see `observed_steps`.
        admit_s: Admissions of a run, see `admissions`.

    Raises:
        ValueError: If `count` or `seed` is out of range, if no decode step was observed, or as `admissions`.
    """
    count = check_integer("count", count, minimum=1)
    seed = check_seed("seed", seed)
    observed = observed_steps(workload, step_s, admit_s=admit_s)
    last_step = np.cumsum(observed)
    if last_step[-1] == 0:
        raise ValueError(
            f"no request has run for a decode step of step_s = {step_s} s when the last one arrives: nothing to learn"
        )
    drawn = np.sort(np.random.default_rng(seed).integers(last_step[-1], size=count))
    request = np.searchsorted(last_step, drawn, side="right")
    seen_steps = last_step[request] - drawn
    prompt_hash = np.full(count, NO_HASH) if workload.prompt_hash is None else workload.prompt_hash[request]
    return Snapshots(
        request=request,
        active_generated_tokens=observed[request] - seen_steps,
        active_prompt_tokens=workload.prompt_tokens[request],
        active_prompt_hash=prompt_hash,
        active_arrival_s=workload.arrival_s[request],
        active_admit_s=admissions(workload, admit_s)[request],
        seen_steps=seen_steps,
        ended=observed[request] == workload.output_tokens[request],
    )


def ends_within(snapshots: Snapshots, horizon: int) -> tuple[Flags, Flags]:
    """Whether each request ends within the horizon, and whether that is known, each of shape (snapshots,)."""
    ends = snapshots.ended & (snapshots.seen_steps <= horizon)
    return ends, snapshots.ended | (snapshots.seen_steps >= horizon)


def check_both_classes(snapshots: Snapshots, horizon: int) -> None:
    """Checks that some requests are known to end within the horizon, and some not to.

    Raises:
        ValueError: If there is one class only.
    """
    ends, known = ends_within(snapshots, horizon)
    count = int(np.count_nonzero(ends))
    if count in (0, int(np.count_nonzero(known))):
        what = "none" if count == 0 else "every one"
        raise ValueError(
            f"one class only: of {len(snapshots)} sampled requests {what} is known to end within horizon {horizon}; "
            "choose another horizon or more requests"
        )

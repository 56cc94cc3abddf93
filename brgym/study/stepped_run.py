"""A run that is driven from outside, one decode step at a time."""

import numpy as np

from brgym._checks import check_choice, check_integer
from brgym.cluster import ClusterConfig, Integers, Oversize, Policy, Records, RouterView, room_for_pairs, servable
from brgym.cluster.engine import (
    DECIDE,
    DONE,
    LOG_FULL,
    STUCK,
    advance,
    apply,
    binding_of,
    check_fits,
    decide,
    initial_state,
    key_of,
    refusal,
    regimes_of,
    row_of,
    view_for,
    why_stuck,
)
from brgym.workload import Workload


class SteppedRun:
    """The run that `simulate` makes, bit for bit, but it stands still before each decode step.

    Where it stands, the router has decided, and the step's preemptions are still to come. It costs some ten
    microseconds of Python a step, and `simulate` nothing.

    ```pycon
    >>> import baselines
    >>> workload = Workload([0.0] * 3, [9, 5, 7], [2, 3, 1])
    >>> run = SteppedRun(ClusterConfig(workers=2, slots=4), workload, baselines.make("jsq"))
    >>> while not run.done:
    ...     print(run.view.step, run.view.load_tokens)
    ...     run.advance()
    0 [16  5]
    1 [10  6]
    2 [0 7]

    ```

    Args:
        cluster: The cluster.
        workload: The requests.
        policy: The router; reset here.
        seed: As in `simulate`.
        oversize: As in `simulate`.

    Attributes:
        cluster: The cluster.
        rows: Row in the workload of each request that is served, shape (requests,).
        view: What the policy sees.
        done: Whether every request has been served.

    Raises:
        TypeError: As `simulate`.
        ValueError: As `simulate`, from here and from `advance`.
        RuntimeError: As `simulate`, from here and from `advance`.
    """

    def __init__(
        self,
        cluster: ClusterConfig,
        workload: Workload,
        policy: Policy,
        seed: int = 0,
        *,
        oversize: Oversize = "error",
    ) -> None:
        check_integer("seed", seed, minimum=0)
        check_choice("oversize", oversize, ("error", "drop"))
        fitting = servable(cluster, workload)
        drops = oversize == "drop" and fitting.any() and not fitting.all()
        served = workload.take(fitting) if drops else workload
        check_fits(cluster, served)
        self.cluster = cluster
        self.rows: Integers = np.flatnonzero(fitting)
        self._policy = policy
        self._state = initial_state(
            cluster, served, binding=binding_of(policy), identity_key=key_of(seed), seed=seed, rows=self.rows
        )
        self._log = self._state.steps
        self._pairs = room_for_pairs(cluster)
        policy.reset(cluster, seed)
        self.view: RouterView = view_for(policy, self._state)
        self.done = False
        self._stop_before(0)

    def advance(self) -> None:
        """Runs one decode step and on to the next, or to the end; the clock jumps where nothing runs."""
        if not self.done:
            self._stop_before(self.view.step + 1)

    @property
    def requests(self) -> Records:
        """The requests served, in workload order, live: fields of `Result.requests`, also `arrival_s`, ..."""
        return self._state.requests

    @property
    def steps(self) -> Records:
        """The steps that have been run, fields as in `Result.steps`, shape (steps so far,)."""
        return self._log[: self.view.step]

    @property
    def running_places(self) -> Integers:
        """Place in `requests` of each active request, in the order of `view.running`, shape (active requests,)."""
        return np.asarray(row_of(self._state.progress["identity_key"][0], self.view.running["request"]))

    def _stop_before(self, step: int) -> None:
        """Runs on with a log that has no room for the step of this number: there the cluster stops."""
        if step == len(self._log):
            self._log = np.concatenate([self._log, np.zeros_like(self._log)])
        state = self._state._replace(steps=self._log[:step])
        regimes = regimes_of(state)
        stop = advance(state, regimes)
        while stop == DECIDE:
            row = apply(state, self._pairs, decide(self._policy, self.view, self._pairs), regimes)
            if row >= 0:
                raise ValueError(refusal(self._policy, self.view, self._pairs, row))
            stop = advance(state, regimes)
        if stop == STUCK:
            raise RuntimeError(why_stuck(self._state, self._policy))
        assert stop in (DONE, LOG_FULL)
        self.done = stop == DONE

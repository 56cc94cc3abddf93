"""A run that is driven from outside, one decode step at a time."""

import numpy as np

from brgym._checks import check_integer
from brgym.cluster import ClusterConfig, Integers, Metrics, Policy, Records, RouterView, is_clairvoyant, room_for_pairs
from brgym.cluster.engine import (
    DECIDE,
    DEFAULT_WINDOW,
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
    measure,
    name_of,
    refusal,
    row_of,
    view_for,
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

    Raises:
        TypeError: As `simulate`.
        ValueError: As `simulate`, from here and from `advance`.
        RuntimeError: As `simulate`, from here and from `advance`.
    """

    def __init__(self, cluster: ClusterConfig, workload: Workload, policy: Policy, seed: int = 0) -> None:
        check_integer("seed", seed, minimum=0)
        check_fits(cluster, workload)
        self.cluster = cluster
        self._policy = policy
        self._state = initial_state(cluster, workload, binding=binding_of(policy), identity_key=key_of(seed))
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
        """The requests in workload order, live: `worker`, `admit_s`, `first_token_s`, `finish_s`, `preemptions`, ..."""
        return self._state.requests

    @property
    def steps(self) -> Records:
        """The steps that have been run, fields as in `Result.steps`, shape (steps so far,)."""
        return self._log[: self.view.step]

    @property
    def running_rows(self) -> Integers:
        """Row in the workload of each active request, in the order of `view.running`, shape (active requests,)."""
        return np.asarray(row_of(self._state.progress["identity_key"][0], self.view.running["request"]))

    def metrics(self) -> Metrics:
        """The figures so far, of the requests that have finished; at the end those of `simulate`."""
        finished = self.requests[~np.isnan(self.requests["finish_s"])]
        return measure(
            self.steps,
            finished,
            workers=self.cluster.workers,
            idle_w=float(self._state.constants["idle_w"][0]),
            window=DEFAULT_WINDOW,
            dropped=0,
            clairvoyant=is_clairvoyant(self._policy),
        )

    def _stop_before(self, step: int) -> None:
        """Runs on with a log that has no room for the step of this number: there the cluster stops."""
        if step == len(self._log):
            self._log = np.concatenate([self._log, np.zeros_like(self._log)])
        state = self._state._replace(steps=self._log[:step])
        stop = advance(state)
        while stop == DECIDE:
            row = apply(state, self._pairs, decide(self._policy, self.view, self._pairs))
            if row >= 0:
                raise ValueError(refusal(self._policy, self.view, self._pairs, row))
            stop = advance(state)
        if stop == STUCK:
            raise RuntimeError(
                f"{name_of(self._policy)} admits nothing at {self.view.now_s:.6g} s, although requests wait, none runs "
                "and none is due: time cannot pass"
            )
        assert stop in (DONE, LOG_FULL)
        self.done = stop == DONE

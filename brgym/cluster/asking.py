"""How a policy is asked for a decision, in Python or compiled, and what it is told when its answer will not do."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core.errors import NumbaError

from brgym._compile import compiled
from brgym.cluster.config import ClusterConfig
from brgym.cluster.layout import Memory
from brgym.cluster.policy import ArrivalPolicy, CompiledPolicy, Kernel, Policy, PoolPolicy, is_compiled, name_of
from brgym.cluster.records import FROM_POOL, Integers
from brgym.cluster.state import initial_state
from brgym.cluster.view import RouterView
from brgym.workload import Workload

_PROTOTYPE = initial_state(ClusterConfig(), Workload([0.0], [1], [1]), binding=FROM_POOL)
_typeof: Callable[[Any], Any] = numba.typeof
_unliteral: Callable[[Any], Any] = numba.types.unliteral
_VIEW = _typeof(RouterView(_PROTOTYPE).arrays)
_MEMORY = _typeof(Memory(np.zeros(1, np.int64), np.zeros(1)))
_PAIRS = numba.types.int64[:, ::1]
_INTEGERS = numba.types.int64[::1]
_DECISION = numba.types.int64(_VIEW, _MEMORY, _PAIRS)
LOOP = numba.types.int64(
    _typeof(_PROTOTYPE), _VIEW, numba.types.FunctionType(_DECISION), _MEMORY, _PAIRS, _INTEGERS, _INTEGERS
)
"""The signature of the loop that asks a compiled policy: state, view, kernel, memory, pairs, routing times, scratch."""


def compiled_kernel(function: Kernel) -> Kernel:
    """Compiles the decision of a `CompiledPolicy`.

    The view's arrays are read-only there: a decision that writes to them does not compile.
    """
    return compiled(function)


def room_for_pairs(cluster: ClusterConfig) -> Integers:
    """An array that holds the largest possible decision, shape (slots of the cluster, 2)."""
    return np.empty((cluster.workers * cluster.slots, 2), np.int64)


def decide(policy: Policy, view: RouterView, pairs: Integers) -> int:
    """Asks a policy for one decision in Python, whatever its binding; one that is compiled only, by its kernel.

    Args:
        policy: The policy, reset for this run.
        view: What it sees.
        pairs: Receives (candidate, worker) rows, shape (slots of the cluster, 2).

    Returns:
        The number of rows.

    Raises:
        ValueError: If the answer is not of that form; the message names the policy.
    """
    if policy.binding == "arrival" and isinstance(policy, ArrivalPolicy):
        pairs[0, 0], pairs[0, 1] = 0, policy.bind(view)
        return 1
    if not isinstance(policy, PoolPolicy):
        assert is_compiled(policy)
        return int(policy.kernel(view.arrays, policy.memory, pairs))
    rows = np.asarray(policy.admit(view), dtype=np.int64).reshape(-1, 2)
    if len(rows) > len(pairs):
        raise ValueError(f"{name_of(policy)} admits {len(rows)} requests at once; the cluster has {len(pairs)} slots")
    pairs[: len(rows)] = rows
    return len(rows)


def prepared_kernel(policy: CompiledPolicy) -> Kernel:
    """The kernel of a policy, compiled for the loop that calls it by its address; its memory is checked too.

    Raises:
        TypeError: If kernel or memory are not what they have to be; one line that says what is expected.
    """
    kernel: Any = policy.kernel
    if not hasattr(kernel, "py_func"):
        raise TypeError(f"{name_of(policy)}: kernel must be made with brgym.compiled_kernel, got {kernel!r}")
    _check_memory(policy)
    try:
        kernel.compile(_DECISION.args)
    except NumbaError as error:
        raise TypeError(
            f"{name_of(policy)}: kernel does not compile as kernel(view, memory, pairs) of a View, a Memory and an "
            f"int64 array of (candidate, worker) rows: {_reason(error)}"
        ) from error
    returned = _unliteral(kernel.overloads[_DECISION.args].signature.return_type)
    if returned != numba.types.int64:
        raise TypeError(
            f"{name_of(policy)}: kernel must return how many rows it has written, an int64; it returns {returned}"
        )
    return policy.kernel


def refusal(policy: Policy, pairs: Integers, row: int) -> str:
    """Says which row of a decision was not allowed."""
    candidate, worker = pairs[row]
    return (
        f"{name_of(policy)} routes candidate {candidate} to worker {worker}: there is no such candidate or worker, the "
        "candidate is named twice, or it does not fit there"
    )


def _check_memory(policy: CompiledPolicy) -> None:
    memory: Any = getattr(policy, "memory", None)
    if not isinstance(memory, Memory) or _typeof(memory) != _MEMORY:
        got = "nothing" if memory is None else type(memory).__name__
        if isinstance(memory, tuple):
            got += f" of {', '.join(str(getattr(part, 'dtype', type(part).__name__)) for part in memory)}"
        raise TypeError(
            f"{name_of(policy)}: memory must be a brgym.cluster.Memory of a contiguous int64 and a contiguous float64 "
            f"array after reset, got {got}"
        )


def _reason(error: Exception) -> str:
    """What Numba has to say, in a line: the first that speaks of the user's code, and where it stands."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Failed in", "During:", "File "))]
    place = next((line for line in lines if line.startswith("File ")), "")
    return f"{(said or lines)[0][:200]} {place[:200]}".strip()

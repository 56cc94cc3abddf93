"""How a policy is asked for a decision, in Python or compiled, and what it is told when its answer will not do."""

import reprlib
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from brgym._compile import compiled, config
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
_INT64 = np.dtype(np.int64)
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
        pairs[0, 0], pairs[0, 1] = 0, _worker(policy, view, policy.bind(view))
        return 1
    if not isinstance(policy, PoolPolicy):
        assert is_compiled(policy)
        count = int(policy.kernel(view.arrays, policy.memory, pairs))
        if not 0 <= count <= len(pairs):
            raise ValueError(refusal(policy, view, pairs, len(pairs)))
        return count
    rows = _rows(policy, view, policy.admit(view))
    if len(rows) > len(pairs):
        raise ValueError(
            f"{_who(policy, view)} admits {len(rows)} requests at once; the cluster has {len(pairs)} slots"
        )
    pairs[: len(rows)] = rows
    return len(rows)


def _worker(policy: Policy, view: RouterView, answer: Any) -> int:
    if isinstance(answer, bool) or not hasattr(answer, "__index__") or not 0 <= answer.__index__() < view.workers:
        raise ValueError(
            f"{_who(policy, view)}: bind must return a worker, a whole number in 0..{view.workers - 1}, got "
            f"{reprlib.repr(answer)}"
        )
    return int(answer)


def _rows(policy: Policy, view: RouterView, answer: Any) -> Integers:
    if type(answer) is np.ndarray and answer.dtype is _INT64 and answer.ndim == 2 and answer.shape[1] == 2:
        return answer  # as it nearly always is, without another word
    try:
        rows = np.asarray(answer)
        if rows.size == 0 and answer is not None:
            return np.empty((0, 2), np.int64)
        if rows.dtype.kind in "iu" and rows.ndim == 2 and rows.shape[1] == 2 and rows.max() < 2**63:
            return np.asarray(rows, np.int64)
    except ValueError:  # rows of different lengths
        pass
    raise ValueError(
        f"{_who(policy, view)}: admit must return (candidate, worker) rows of whole numbers, shape (k, 2), got "
        f"{reprlib.repr(answer)}"
    )


def prepared_kernel(policy: CompiledPolicy) -> Kernel:
    """The kernel of a policy, compiled for the loop that calls it by its address; its memory is checked too.

    Raises:
        TypeError: If kernel or memory are not what they have to be; one line that says what is expected.
    """
    kernel: Any = policy.kernel
    if config.DISABLE_JIT:
        raise TypeError(f"{name_of(policy)} is compiled, but NUMBA_DISABLE_JIT is set")
    if not hasattr(kernel, "py_func"):
        raise TypeError(f"{name_of(policy)}: kernel must be made with brgym.compiled_kernel, got {kernel!r}")
    _check_memory(policy)
    try:
        kernel.compile(_DECISION.args)
    except Exception as error:  # Numba raises many kinds, by the dozen of lines
        raise TypeError(
            f"{name_of(policy)}: kernel does not compile as kernel(view, memory, pairs) of a View, a Memory and an "
            f"int64 array of (candidate, worker) rows: {_reason(error)}"
        ) from None
    returned = _unliteral(kernel.overloads[_DECISION.args].signature.return_type)
    if returned != numba.types.int64:
        raise TypeError(
            f"{name_of(policy)}: kernel must return how many rows it has written, an int64; it returns "
            f"{str(returned)[:80]}"
        )
    return policy.kernel


def refusal(policy: Policy, view: RouterView, pairs: Integers, row: int, *, carried_out: int | None = None) -> str:
    """Says which row of a decision was not allowed, and why.

    Args:
        policy: Whose decision it was.
        view: What is to be seen now.
        pairs: The decision.
        row: The row; len(pairs) where the kernel says that it has written more of them, or fewer than none.
        carried_out: How many of the decision's rows the view has seen carried out; None for those before `row`.
    """
    if row == len(pairs):
        return f"{_who(policy, view)}: kernel must return how many rows it has written, 0..{len(pairs)}"
    candidate, worker = pairs[row].tolist()
    shown = _candidates_shown(view, carried_out=row if carried_out is None else carried_out)
    if not 0 <= candidate < shown:
        why = f"there is no such candidate, they are 0..{shown - 1}"
    elif not 0 <= worker < view.workers:
        why = f"there is no such worker, they are 0..{view.workers - 1}"
    elif candidate in pairs[:row, 0]:
        why = "the candidate is named twice"
    elif not view.up[worker]:
        why = "the worker is stopped"
    else:
        why = f"it does not fit there, with {view.free_slots[worker]} free slots"
    return f"{_who(policy, view)} routes candidate {candidate} to worker {worker}: {why}"


def _candidates_shown(view: RouterView, *, carried_out: int) -> int:
    constants, clock = view.arrays.constants[0], view.arrays.clock[0]
    if constants["binding"] != FROM_POOL:
        return 1
    return int(min(constants["candidates"], clock["pool_stop"] - clock["pool_start"] + carried_out))


def _who(policy: Policy, view: RouterView) -> str:
    return f"{name_of(policy)} at boundary {view.boundary}"


def _check_memory(policy: CompiledPolicy) -> None:
    memory: Any = getattr(policy, "memory", None)
    if not (
        isinstance(memory, Memory) and _described(memory.integers) == "int64" and _described(memory.reals) == "float64"
    ):
        got = "nothing" if memory is None else type(memory).__name__
        if isinstance(memory, tuple):
            got += f" of {', '.join(map(_described, memory))}"
        raise TypeError(
            f"{name_of(policy)}: memory must be a brgym.cluster.Memory of a contiguous int64 and a contiguous float64 "
            f"array after reset, got {got}"
        )


def _described(part: Any) -> str:
    if not isinstance(part, np.ndarray):
        return type(part).__name__
    faults = [
        *([f"{part.ndim}-dimensional"] if part.ndim != 1 else []),
        *(["strided"] if not part.flags.c_contiguous else []),
        *(["read-only"] if not part.flags.writeable else []),
        *(["unaligned"] if not part.flags.aligned else []),
    ]
    return " ".join([*faults, str(part.dtype)])


def _reason(error: Exception) -> str:
    """What Numba has to say, in a line: the first that speaks of the user's code, and where it stands."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    said = [line for line in lines if not line.startswith(("Failed in", "During:", "File "))]
    place = next((line for line in lines if line.startswith("File ")), "")
    return f"{(said or lines)[0][:200]} {place[:200]}".strip()

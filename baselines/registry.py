"""The policies by name."""

import inspect
from collections.abc import Callable
from typing import Any, cast

from baselines.balance_route import BR0, BRH
from baselines.bf_io import BFIO
from baselines.learned import Learned
from baselines.on_arrival import JoinShortestQueue, PowerOfTwo, Random, RoundRobin
from baselines.pooled import LeastKV, Level
from baselines.production import VLLM, VLLMLegacy
from brgym._checks import check_choice
from brgym._own import is_own, object_named
from brgym.cluster import Policy

_DECISIONS = ("bind", "admit", "kernel")

_POLICIES: dict[str, Callable[..., Policy]] = {
    "random": Random,
    "round-robin": RoundRobin,
    "power-of-two": PowerOfTwo,
    "jsq": JoinShortestQueue,
    "vllm": VLLM,
    "vllm-legacy": VLLMLegacy,
    "least-kv": LeastKV,
    "level": Level,
    "br-0": BR0,
    "br-h": BRH,
    "bf-io": BFIO,
    "learned": Learned,
}


def names() -> list[str]:
    """The names that `make` knows."""
    return list(_POLICIES)


def about(name: str) -> str:
    """What a policy does, in a sentence.

    Raises:
        ValueError: If the name is unknown; the message holds the nearest one.
    """
    text = inspect.getdoc(class_of(name)) or ""
    return text.split("\n\n")[0].replace("\n", " ")


def make(name: str, **parameters: Any) -> Policy:
    """Makes a policy.

    Args:
        name: One of `names()`, or `module:Name`.
        **parameters: The policy's own parameters, see its class.

    Raises:
        ValueError: As `class_of`, or if a parameter is outside its range.
        TypeError: If the policy has no such parameter.
    """
    return class_of(name)(**parameters)


def class_of(name: str) -> Callable[..., Policy]:
    """What makes a policy: its class.

    Args:
        name: One of `names()`; or `module:Name`, a class of the user's own in a module that can be imported, from the
            current folder too.

    Raises:
        ValueError: If the name is unknown (the message holds the nearest one), there is no such module, or the class is
            no policy.
    """
    if name in _POLICIES or not is_own(name):
        return _POLICIES[check_choice("policy", name, _POLICIES)]
    try:
        found = object_named(name)
    except ValueError as error:
        raise ValueError(f"policy {name}: {error}") from error
    if not inspect.isclass(found) or not any(hasattr(found, decision) for decision in _DECISIONS):
        raise ValueError(f"policy {name}: no policy, which is a class that has one of {', '.join(_DECISIONS)}")
    return cast(Callable[..., Policy], found)

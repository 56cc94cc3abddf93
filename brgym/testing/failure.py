"""How a suite says which rule is broken."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt


class ConformanceError(AssertionError):
    """A rule of the contract is broken; the message names the object, the rule, and what was found."""


@contextmanager
def rule(subject: object, text: str, *, where: str = "") -> Iterator[None]:
    """Turns whatever goes wrong inside into a `ConformanceError`.

    Args:
        subject: What is checked; the message has its type's name.
        text: The rule, its section of DESIGN first.
        where: The situation in which it was checked.

    Raises:
        ConformanceError: For any exception inside; one that is a `ConformanceError` already passes.
    """
    try:
        yield
    except ConformanceError:
        raise
    except Exception as error:
        place = f" ({where})" if where else ""
        found = f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
        raise ConformanceError(f"{type(subject).__name__} breaks DESIGN {text}{place}: {found}") from error


def require(holds: bool | np.bool_, found: str) -> None:
    """Fails inside a `rule` unless something holds; also under `python -O`.

    Args:
        holds: Whether it does.
        found: What was found if not.
    """
    if not holds:
        raise AssertionError(found)


def require_an_object(subject: object) -> None:
    """As `require`: that a class has not been given for an object of it.

    Args:
        subject: What is checked.
    """
    if isinstance(subject, type):
        raise AssertionError(f"it is the class {subject.__name__} itself; give an object of it")


def require_all(holds: npt.NDArray[np.bool_], values: npt.NDArray[np.float64], what: str) -> None:
    """As `require`, for each entry; the message has the first that fails.

    Args:
        holds: Any shape.
        values: The entries, same shape.
        what: What they are.
    """
    if not holds.all():
        place = tuple(int(index) for index in np.argwhere(~holds)[0])
        raise AssertionError(f"{what}[{', '.join(map(str, place))}] is {float(values[place])!r}")

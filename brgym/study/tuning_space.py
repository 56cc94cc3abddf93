"""What a tuning may change: parameters of a policy, each a list of choices or a range (`[tune.parameters]`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from baselines import Specification
from brgym._specification import write_value
from brgym.study.study_file import StudyError, check_keys

if TYPE_CHECKING:
    from optuna.trial import Trial

_RANGE = ("from", "to", "step", "scale")


@dataclass(frozen=True)
class Choices:
    """A parameter that takes one of some values.

    Attributes:
        values: The values, as a study file has them.
    """

    values: tuple[Any, ...]

    def suggest(self, trial: "Trial", name: str) -> Any:
        """Asks Optuna for a value."""
        return self.values[trial.suggest_categorical(name, tuple(range(len(self.values))))]

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that show whether the policy can take them at all."""
        return self.values


@dataclass(frozen=True)
class Range:
    """A parameter in a range, both ends included; whole numbers where both ends are.

    Attributes:
        low: The lower end.
        high: The upper end.
        step: From one value to the next; None for 1, or for any real number.
        log: Whether it is drawn on a logarithmic scale.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def suggest(self, trial: "Trial", name: str) -> Any:
        """Asks Optuna for a value."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, step=int(self.step or 1), log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that show whether the policy can take them at all."""
        return self.low, self.high


Space = Mapping[str, Choices | Range]


def read_space(policy: Specification, table: Any, check: Callable[[Specification], object]) -> Space:
    """Reads `[tune.parameters]` and finds out whether the policy has these parameters and takes their ends.

    Args:
        policy: What is tuned, with the parameters that stay.
        table: Parameters by name: a list, or `{from = 1, to = 12}` with `step`, or `scale = "log"`.
        check: Raises `ValueError` where a policy cannot be made.

    Raises:
        StudyError: Naming the key that cannot be.
    """
    if not isinstance(table, dict) or not table:
        raise StudyError("tune.parameters: at least one parameter is needed, as subset_window = [4, 8]")
    space = {name: _entry(f"tune.parameters.{name}", value) for name, value in table.items()}
    for name, entry in space.items():
        for value in entry.ends:
            try:
                check(with_parameters(policy, {name: value}))
            except ValueError as error:
                raise StudyError(f"tune.parameters.{name}: {error}") from error
    return space


def with_parameters(policy: Specification, parameters: Mapping[str, Any]) -> Specification:
    """The policy with some parameters set.

    Raises:
        ValueError: If it has no such parameter, or the value is not of its type.
    """
    written = {name: write_value(value) for name, value in dict(policy.parameters).items()}
    written |= {name: write_value(value) for name, value in parameters.items()}
    listed = ",".join(f"{name}={value}" for name, value in written.items())
    return Specification.parse(f"{policy.name}:{listed}")


def _entry(key: str, value: Any) -> Choices | Range:
    if isinstance(value, list):
        if not value:
            raise StudyError(f"{key}: an empty list leaves nothing to choose")
        return Choices(tuple(value))
    if not isinstance(value, dict):
        raise StudyError(f"{key} must be a list of choices or a range {{from = ..., to = ...}}, got {value!r}")
    check_keys(f"{key}.", value, _RANGE)
    low, high, step = (value.get(name) for name in ("from", "to", "step"))
    if not _is_number(low) or not _is_number(high) or low >= high:
        raise StudyError(f"{key}: a range goes from a number to a greater one, got from {low!r} to {high!r}")
    if step is not None and not (_is_number(step) and 0 < step <= high - low):
        raise StudyError(f"{key}.step must lead from {low} to {high}, got {step!r}")
    log = value.get("scale", "linear") == "log"
    if not log and value.get("scale", "linear") != "linear":
        raise StudyError(f"{key}.scale must be linear or log, got {value['scale']!r}")
    if log and (step is not None or low <= 0):
        raise StudyError(f"{key}: a logarithmic scale has no step, and begins above 0")
    return Range(low, high, step, log)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)

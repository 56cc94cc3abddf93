"""Policies as studies write them down: a specification, and what those that look ahead predict with."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines import Specification, specifications
from baselines.registry import class_of
from brgym._own import is_own, said_of
from brgym._specification import write_value
from brgym.cluster import Policy
from brgym.cluster.engine import binding_of
from brgym.study.predictor_choice import PredictorChoice
from brgym.study.study_file import StudyError, combinations
from brgym.study.workload_source import TeachingSource
from classifiers import Oracle


@dataclass(frozen=True)
class PolicyChoice:
    """A policy of a study.

    Attributes:
        specification: Name and parameters.
        predictor: What it looks ahead with; None for those that do not.
        label: What results call it: the specification's text, with the predictor's where the study has several.
    """

    specification: Specification
    predictor: PredictorChoice | None
    label: str

    def make(self, source: TeachingSource, seed: int) -> Policy:
        """The policy of a run.

        Raises:
            ValueError: If it cannot be made.
        """
        foresight = {} if self.predictor is None else {"predictor": self.predictor.make(source, seed)}
        return self.specification.make(**foresight)

    def check(self, source: TeachingSource) -> None:
        """Finds out before the work begins whether it can be made.

        Raises:
            ValueError: If it cannot.
        """
        if self.predictor is not None:
            self.predictor.check(source)
        try:
            binding_of(self.specification.make(**({} if self.predictor is None else {"predictor": Oracle()})))
        except Exception as error:  # its class may be anybody's
            if not is_own(self.specification.name):
                raise
            raise ValueError(f"policy {self.specification}: {said_of(error)}") from error

    def described(self) -> dict[str, Any]:
        """All that decides its decisions but seed, requests and code, in types that JSON knows."""
        return (
            {"policy": str(self.specification)}
            | ({} if self.predictor is None else self.predictor.specification())
            | {f"content of {parameter}": _digest(file) for parameter, file in self._files().items()}
        )

    def _files(self) -> Mapping[str, str | os.PathLike[str]]:
        read = getattr(class_of(self.specification.name), "files", None)
        return {} if read is None else read(**dict(self.specification.parameters))


def policy_choices(
    specifications: Sequence[Specification], predictors: Sequence[PredictorChoice]
) -> list[PolicyChoice]:
    """Every policy, those that look ahead with each of the predictors.

    Raises:
        ValueError: If a policy comes twice, looks ahead and has no predictor, or none does and there are predictors.
    """
    found: dict[str, PolicyChoice] = {}
    for specification in specifications:
        for predictor in predictors if specification.looks_ahead else (None,):
            named = predictor is not None and len(predictors) > 1
            label = f"{specification} ({predictor})" if named else str(specification)
            if label in found:
                raise ValueError(f"policies names {label!r} twice")
            found[label] = PolicyChoice(specification, predictor, label)
    looking = [str(specification) for specification in specifications if specification.looks_ahead]
    if looking and not predictors:
        raise ValueError(f"{', '.join(looking)}: these policies look ahead, so a predictor is needed")
    if predictors and not looking:
        raise ValueError("predictor goes with policies that look ahead, such as br-h; none of these does")
    return list(found.values())


def read_policies(listed: Any) -> list[Specification]:
    """The policies of a study file: texts, or tables `{policy = "br-0", subset_window = [4, 8]}`, whose lists multiply.

    Raises:
        StudyError: If it is something else.
        ValueError: As `baselines.Specification.parse`.
    """
    entries = listed if isinstance(listed, list) else [listed]
    if not entries or not all(isinstance(entry, str | dict) for entry in entries):
        raise StudyError(f"policies must be a list, as ['jsq', 'br-0:subset_window=4'], got {listed!r}")
    return [one for entry in entries for one in (specifications(entry) if isinstance(entry, str) else _swept(entry))]


def _swept(table: Mapping[str, Any]) -> Iterator[Specification]:
    if not isinstance(table.get("policy"), str):
        raise StudyError(f"policies: a table needs the key policy, a name, got {table}")
    for chosen in combinations("policies", {key: value for key, value in table.items() if key != "policy"}):
        written = ",".join(f"{key}={write_value(value)}" for key, value in chosen.items())
        yield Specification.parse(f"{table['policy']}:{written}" if written else table["policy"])


def _digest(file: str | os.PathLike[str]) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()

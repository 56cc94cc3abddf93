"""Predictors as studies write them down, and how each is made for a run."""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import classifiers
from brgym._checks import check_choice
from brgym._specification import read_parameters, split_parameters
from brgym.study.named_workload import NamedWorkload
from classifiers import Predictor

ORACLE, NOISY = "oracle", "noisy"

_NOISE = {"auc": float, "log_error": float}


@dataclass(frozen=True)
class PredictorChoice:
    """A predictor by name: the oracle, one that is fitted for each seed, or one that was saved.

    Attributes:
        text: "oracle"; "noisy:auc=0.9" or "noisy:log_error=0.5", whose noise each seed draws anew; a name of
            `classifiers.names()`, fitted for each seed on requests that no run serves; or a folder that
            `train.py classifier` has saved.
    """

    text: str

    def __post_init__(self) -> None:
        if self._name in (ORACLE, *classifiers.names()):
            if ":" in self.text:
                raise ValueError(f"predictor {self._name} has no parameters here, got {self.text!r}")
        elif self._name == NOISY:
            self._made(None, 0)
        elif not Path(self.text).is_dir():
            check_choice("predictor", self.text, [ORACLE, f"{NOISY}:auc=...", *classifiers.names(), "FOLDER"])
        else:
            _loaded(self.text)

    def check(self, source: NamedWorkload) -> None:
        """Refuses a workload from which it could not learn.

        Raises:
            ValueError: As `NamedWorkload.training`.
        """
        if self._name in classifiers.names():
            source.training(0)

    def make(self, source: NamedWorkload, seed: int) -> Predictor:
        """The predictor of a run.

        Raises:
            ValueError: If it cannot be made.
        """
        return self._made(source, seed)

    def specification(self) -> dict[str, Any]:
        """All that decides its predictions but seed, requests and code."""
        saved = self._name not in (ORACLE, NOISY, *classifiers.names())
        return {"predictor": self.text} | ({"content": _digest(self.text)} if saved else {})

    def _made(self, source: NamedWorkload | None, seed: int) -> Predictor:
        if self._name == ORACLE:
            return classifiers.Oracle()
        if self._name == NOISY:
            listed = self.text.partition(":")[2]
            try:
                return classifiers.Noisy(seed=seed, **read_parameters(split_parameters(listed), _NOISE))
            except ValueError as error:
                raise ValueError(f"predictor {self.text}: {error}") from None
        if self._name in classifiers.names():
            assert source is not None
            return _fitted(self._name, source, seed)
        return _loaded(self.text)

    @property
    def _name(self) -> str:
        return self.text.partition(":")[0].strip()

    def __str__(self) -> str:
        return self.text


@functools.lru_cache(maxsize=4)
def _fitted(name: str, source: NamedWorkload, seed: int) -> Predictor:
    found: Predictor = classifiers.make(name).fit(source.training(seed))
    return found


@functools.lru_cache(maxsize=16)
def _loaded(folder: str) -> Predictor:
    return classifiers.load(Path(folder))


@functools.lru_cache(maxsize=16)
def _digest(folder: str) -> str:
    """Digest of the content of a folder's files."""
    digest = hashlib.sha256()
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()

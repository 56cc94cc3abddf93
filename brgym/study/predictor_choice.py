"""Predictors as studies write them down, and how each is made for a run."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import classifiers
from brgym._checks import check_choice
from brgym._ingredients import digest_of_modules
from brgym._own import is_own, module_of, object_named, said_of
from brgym._specification import read_parameters, split_parameters
from brgym.study.workload_source import TeachingSource
from classifiers import Predictor

ORACLE, NOISY = "oracle", "noisy"

_NOISE = {"auc": float, "log_error": float}


@dataclass(frozen=True)
class PredictorChoice:
    """A predictor by name: the oracle, one that is fitted for each seed, one that was saved, or one of the user's own.

    Attributes:
        text: "oracle"; "noisy:auc=0.9" or "noisy:log_error=0.5", whose noise each seed draws anew; a name of
            `classifiers.names()`, fitted for each seed on requests that no run serves; a folder that
            `train.py classifier` has saved; or `module:Name`: a class, made without arguments and fitted for each seed
            where it has `fit`, or a function that gives a predictor, which is used as it is.

    Raises:
        ValueError: If there is no such predictor, or it cannot be made.
    """

    text: str

    def __post_init__(self) -> None:
        if self._name in (ORACLE, *classifiers.names()):
            if ":" in self.text:
                raise ValueError(f"predictor {self._name} has no parameters here, got {self.text!r}")
        elif self._name == NOISY:
            self._made(None, 0)
        elif self._is_own:
            _made_own(self.text)
        elif not Path(self.text).is_dir():
            known = [ORACLE, f"{NOISY}:auc=...", *classifiers.names(), "FOLDER", "MODULE:NAME"]
            check_choice("predictor", self.text, known)
        else:
            _loaded(self.text)

    def check(self, source: TeachingSource) -> None:
        """Refuses a workload from which it could not learn.

        Raises:
            ValueError: As `TeachingSource.training`.
        """
        if self._learns:
            source.training(0)

    def make(self, source: TeachingSource, seed: int) -> Predictor:
        """The predictor of a run.

        Raises:
            ValueError: If it cannot be made.
        """
        return self._made(source, seed)

    def specification(self) -> dict[str, Any]:
        """All that decides its predictions but seed, requests and code of brgym's own."""
        if self._name in (ORACLE, NOISY, *classifiers.names()):
            return {"predictor": self.text}
        content = digest_of_modules(module_of(self.text)) if self._is_own else _digest(self.text)
        return {"predictor": self.text, "content": content}

    def _made(self, source: TeachingSource | None, seed: int) -> Predictor:
        if self._name == ORACLE:
            return classifiers.Oracle()
        if self._name == NOISY:
            listed = self.text.partition(":")[2]
            try:
                return classifiers.Noisy(seed=seed, **read_parameters(split_parameters(listed), _NOISE))
            except ValueError as error:
                raise ValueError(f"predictor {self.text}: {error}") from None
        if self._learns:
            assert source is not None
            return _fitted(self.text, source, seed)
        return _made_own(self.text) if self._is_own else _loaded(self.text)

    @property
    def _name(self) -> str:
        return self.text.partition(":")[0].strip()

    @property
    def _is_own(self) -> bool:
        known = self._name in (ORACLE, NOISY, *classifiers.names())
        return not known and is_own(self.text) and not Path(self.text).is_dir()

    @property
    def _learns(self) -> bool:
        if not self._is_own:
            return self._name in classifiers.names()
        maker = _own(self.text)
        return inspect.isclass(maker) and hasattr(maker, "fit")

    def __str__(self) -> str:
        return self.text


def _own(text: str) -> Callable[[], Any]:
    try:
        found = object_named(text)
    except ValueError as error:
        raise ValueError(f"predictor {text}: {error}") from error
    if not callable(found):
        raise ValueError(f"predictor {text}: a class or a function that gives a predictor is needed, got {found!r}")
    return found


def _made_own(text: str) -> Any:
    maker = _own(text)
    try:
        made = maker()
    except Exception as error:
        raise ValueError(f"predictor {text} cannot be made, without arguments: {said_of(error)}") from error
    if not isinstance(made, Predictor):
        raise ValueError(f"predictor {text}: a predictor has expected_remaining and survival, got {made!r}")
    return made


@functools.lru_cache(maxsize=4)
def _fitted(text: str, source: TeachingSource, seed: int) -> Predictor:
    made: Any = _made_own(text) if is_own(text) else classifiers.make(text.strip())
    made.fit(source.training(seed))
    return made


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

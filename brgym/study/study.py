"""A study: settings, policies and seeds, of which every combination is a cell (DESIGN 2.19)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from brgym._checks import check_choice, check_integer, check_real
from brgym.cluster import Oversize, Slo
from brgym.cluster.engine import DEFAULT_WINDOW
from brgym.plumbing.files import write_text
from brgym.study.engine import Backend, Failure, Figures, Journal, Progress, run_into
from brgym.study.policy_choice import PolicyChoice, policy_choices, read_policies
from brgym.study.predictor_choice import PredictorChoice
from brgym.study.results import CELLS, Results
from brgym.study.setting import Setting, check_setting, settings_of
from brgym.study.simulation import WALL_CLOCK, Simulation
from brgym.study.study_file import StudyError, check_keys, read_toml, tables_of, values_of
from brgym.study.versions import versions

KEYS = ("name", "seeds", "policies", "reference", "predictor", "oversize", "window", "slo", "cluster", "workload")
"""What a study file may say."""

DEFAULT_SEEDS = 3
"""Seeds of a study that does not say."""

DOCUMENT = "study.toml"


@dataclass(frozen=True, kw_only=True)
class Study:
    """Settings x policies x seeds; seeds are paired across everything else.

    Attributes:
        name: What to call it.
        settings: Clusters and workloads.
        policies: The routers.
        seeds: The seeds.
        reference: Label of the policy that ratios and differences refer to.
        oversize: What happens to requests that could never fit: "error" or "drop".
        window: Shares of requests admitted between which a step counts for the step figures.
        slo: What a request is to be served within; None for no such figures.
        document: The tables of a study file that say all this.
    """

    name: str
    settings: tuple[Setting, ...]
    policies: tuple[PolicyChoice, ...]
    seeds: tuple[int, ...]
    reference: str
    oversize: Oversize = "error"
    window: tuple[float, float] = DEFAULT_WINDOW
    slo: Slo | None = None
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_toml(cls, path: str | Path) -> "Study":
        """Reads a study file and checks it whole.

        Raises:
            StudyError: If it cannot be run; the message names file and key.
            OSError: If the file, or a trace that it names, is not there.
        """
        file = Path(path)
        document = {"name": file.stem} | read_toml(file)
        try:
            return cls.from_document(document)
        except StudyError as error:
            raise StudyError(f"{file}: {error}") from error

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Study":
        """Makes a study of the tables of a study file, and checks it whole.

        Args:
            document: Keys as in `KEYS`. `cluster` and `workload` are tables, or lists of tables that are each swept for
                themselves; what their keys mean is said by `brgym.study.setting.settings_of`.

        Raises:
            StudyError: If it cannot be run; the message names the key.
            OSError: If a trace that it names is not there.
        """
        check_keys("", document, KEYS)
        clusters = tables_of("cluster", document.get("cluster", {}))
        workloads = tables_of("workload", document.get("workload", {}))
        policies = _policies(document)
        labels = [policy.label for policy in policies]
        study = cls(
            name=_text("name", document.get("name", "study")),
            settings=tuple(settings_of(clusters, workloads)),
            policies=tuple(policies),
            seeds=seeds_of("seeds", document.get("seeds", DEFAULT_SEEDS)),
            reference=_reference(document.get("reference"), labels),
            oversize=_oversize(document.get("oversize", "error")),
            window=_window(document.get("window", list(DEFAULT_WINDOW))),
            slo=_slo(document.get("slo")),
            document=document,
        )
        study._check()
        return study

    def cells(self) -> list[Simulation]:
        """Every cell: settings, then seeds, then policies; that is the order of the results."""
        return [
            Simulation(setting.cluster, setting.source, policy, seed, self.oversize, self.window, self.slo)
            for setting in self.settings
            for seed in self.seeds
            for policy in self.policies
        ]

    def run(
        self,
        out: str | Path,
        *,
        jobs: int = -1,
        backend: Backend | None = None,
        address: str | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Results:
        """Runs the cells that a folder does not hold and writes there what came of all, also when interrupted.

        Args:
            out: The folder; made if it is not there. `study.toml` says which study it holds, `cells.parquet` has a row
                a cell, `timings.parquet` the wall-clock figures, `failures.jsonl` what failed.
            jobs: As `brgym.study.engine.run_into`.
            backend: Likewise.
            address: Likewise.
            on_progress: Likewise.

        Raises:
            StudyError: If the folder holds another study.
            ValueError: As `run_into`.
            OSError: If the folder cannot be written.
        """
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        self._claim(folder)
        journal, cells = Journal(folder), self.cells()
        try:
            run_into(journal, cells, jobs=jobs, backend=backend, address=address, on_progress=on_progress)
        finally:
            results = self.results(journal.outcomes(cells))
            results.write(folder)
        return results

    def results(self, outcomes: list[Figures | Failure | None]) -> Results:
        """What came of the cells, in their order; None for those that have not been run."""
        return Results.of(
            outcomes,
            name=self.name,
            settings=[setting.as_dict() for setting in self.settings],
            policies=[policy.label for policy in self.policies],
            seeds=self.seeds,
            reference=self.reference,
            drawn_per_seed=[setting.source.drawn_per_seed for setting in self.settings],
            versions=versions(),
            wall_clock=WALL_CLOCK,
        )

    def _check(self) -> None:
        """Looks for what would only show when cells run."""
        drawn = {(setting.cluster, setting.source): setting for setting in self.settings}
        for setting in drawn.values():
            check_setting(setting, self.seeds[0], drop=self.oversize == "drop")
        for source in {setting.source for setting in self.settings}:
            for policy in self.policies:
                try:
                    policy.check(source)
                except (TypeError, ValueError) as error:
                    raise StudyError(f"policies: {error}") from error

    def _claim(self, folder: Path) -> None:
        """Notes which study a folder holds, or finds that it is this one."""
        path = folder / DOCUMENT
        text = tomli_w.dumps(self.document)
        if not path.exists():
            write_text(text, path)
        elif read_toml(path) != self.document:
            raise StudyError(f"{path} is another study: choose another folder, or remove that one")


def read_results(folder: str | Path) -> Results:
    """What a folder of `brgym sweep` holds, also where the sweep was killed before it could write its table.

    Then the table is put together from the study file and the journal; cells that have not been run are missing in it.

    Raises:
        ValueError: If the folder's files are not those of a study.
        OSError: If there is no such folder, or no study in it.
    """
    path = Path(folder)
    if (path / CELLS).is_file():
        return Results.read(path)
    if not (path / DOCUMENT).is_file():
        raise FileNotFoundError(f"{path} holds no results of brgym sweep: there is neither {CELLS} nor {DOCUMENT}")
    study = Study.from_toml(path / DOCUMENT)
    return study.results(Journal(path).outcomes(study.cells()))


def _policies(document: Mapping[str, Any]) -> list[PolicyChoice]:
    try:
        specifications = read_policies(document.get("policies"))
        predictors = [PredictorChoice(_text("predictor", one)) for one in _listed(document.get("predictor", []))]
        return policy_choices(specifications, predictors)
    except StudyError:
        raise
    except (TypeError, ValueError) as error:
        raise StudyError(f"policies: {error}") from error


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def seeds_of(key: str, value: Any, *, start: int = 0) -> tuple[int, ...]:
    """Reads seeds: their number, or a list or range of them.

    Args:
        key: What they are called.
        value: What a study file says.
        start: The first seed, where it says their number.

    Raises:
        StudyError: If it cannot be.
    """
    seeds = values_of(key, value) if isinstance(value, list | dict) else None
    try:
        found = tuple(range(start, start + check_integer(key, value, minimum=1))) if seeds is None else tuple(seeds)
        for seed in found:
            check_integer(key, seed, minimum=0)
    except (TypeError, ValueError) as error:
        raise StudyError(str(error)) from error
    if len(set(found)) < len(found):
        raise StudyError(f"{key} must differ, got {list(found)}")
    return found


def _reference(value: Any, labels: list[str]) -> str:
    if value is None:
        return "jsq" if "jsq" in labels else labels[0]
    try:
        return check_choice("reference", _text("reference", value), labels)
    except ValueError as error:
        raise StudyError(f"reference: {error}") from error


def _oversize(value: Any) -> Oversize:
    try:
        check_choice("oversize", value, ("error", "drop"))
    except ValueError as error:
        raise StudyError(f"oversize: {error}") from error
    return "drop" if value == "drop" else "error"


def _slo(value: Any) -> Slo | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise StudyError(f"slo must be a table, as {{ttft_s = 2.0, tpot_s = 0.1}}, got {value!r}")
    check_keys("slo.", value, ["ttft_s", "tpot_s"])
    try:
        return Slo(**value)
    except (TypeError, ValueError) as error:
        raise StudyError(f"slo: {error}") from error


def _window(value: Any) -> tuple[float, float]:
    try:
        low, high = value
        return check_real("window", low, minimum=0.0, maximum=1.0), check_real("window", high, minimum=low, maximum=1.0)
    except (TypeError, ValueError) as error:
        raise StudyError(f"window: two shares of the requests are needed, as [0.1, 0.9]: {error}") from error


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise StudyError(f"{key} must be a text, got {value!r}")
    return value

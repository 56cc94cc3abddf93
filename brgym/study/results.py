"""What a study found: a row a cell, in the study's order, kept as Parquet with what it takes to read it again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from brgym._checks import check_choice
from brgym.cluster import Reals
from brgym.plumbing.files import write_text
from brgym.plumbing.tables import write_table
from brgym.study.engine import Failure, Figures
from brgym.study.statistics import Estimate, mean_interval, paired_difference, paired_ratio

CELLS, TIMINGS, FAILURES = "cells.parquet", "timings.parquet", "failures.jsonl"

_METADATA = b"brgym"


@dataclass(frozen=True)
class Results:
    """The table of a study. Cells that failed or have not been run have a row as well, with no figures.

    Attributes:
        name: Name of the study.
        settings: What each setting is, by dotted name.
        policies: Labels of the policies.
        seeds: The seeds.
        reference: Label of the policy that ratios and differences refer to.
        drawn_per_seed: Of each setting, whether seeds have requests of their own. Where not, what differs between seeds
            is the policies' own randomness only.
        versions: What the figures were computed with: brgym, Python and the packages that numbers come through.
        table: A row a cell: settings, then seeds, then policies; columns: every setting by its dotted name, `policy`,
            `seed`, every figure.
        timings: The same rows; the wall-clock figures.
        failures: The cells that failed: setting, policy, seed, error and traceback.
    """

    name: str
    settings: tuple[dict[str, Any], ...]
    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    reference: str
    drawn_per_seed: tuple[bool, ...]
    versions: dict[str, str]
    table: pa.Table
    timings: pa.Table
    failures: tuple[dict[str, Any], ...]

    @classmethod
    def of(
        cls,
        outcomes: Sequence[Figures | Failure | None],
        *,
        name: str,
        settings: Sequence[Mapping[str, Any]],
        policies: Sequence[str],
        seeds: Sequence[int],
        reference: str,
        drawn_per_seed: Sequence[bool],
        versions: Mapping[str, str],
        wall_clock: Sequence[str],
    ) -> "Results":
        """Puts together what came of every cell, in the study's order; None for those that have not been run.

        Args:
            outcomes: One a cell.
            name: As the attribute.
            settings: As the attribute.
            policies: As the attribute.
            seeds: As the attribute.
            reference: As the attribute.
            drawn_per_seed: As the attribute.
            versions: As the attribute.
            wall_clock: Names of the figures that stand apart, since they differ from run to run.
        """
        places = [(setting, policy, seed) for setting in settings for seed in seeds for policy in policies]
        said = list(dict.fromkeys(key for setting in settings for key in setting))
        described = {key: _column([setting.get(key) for setting, _, _ in places]) for key in said}
        described["policy"] = pa.array([policy for _, policy, _ in places], pa.string())
        described["seed"] = pa.array([seed for _, _, seed in places], pa.int64())
        done = [outcome if isinstance(outcome, dict) else {} for outcome in outcomes]
        figures = list(dict.fromkeys(figure for found in done for figure in found))
        columns = {figure: _column([found.get(figure) for found in done]) for figure in figures}
        study = {
            "name": name,
            "settings": [dict(setting) for setting in settings],
            "policies": list(policies),
            "seeds": list(seeds),
            "reference": reference,
            "drawn_per_seed": list(drawn_per_seed),
            "versions": dict(versions),
        }
        metadata = {_METADATA: json.dumps(study).encode()}
        apart = {figure: column for figure, column in columns.items() if figure in wall_clock}
        shown = {figure: column for figure, column in columns.items() if figure not in wall_clock}
        return cls(
            name=name,
            settings=tuple(dict(setting) for setting in settings),
            policies=tuple(policies),
            seeds=tuple(seeds),
            reference=reference,
            drawn_per_seed=tuple(drawn_per_seed),
            versions=dict(versions),
            table=pa.table(described | shown).replace_schema_metadata(metadata),
            timings=pa.table(described | apart),
            failures=tuple(
                {**setting, "policy": policy, "seed": seed, **asdict(outcome)}
                for (setting, policy, seed), outcome in zip(places, outcomes, strict=True)
                if isinstance(outcome, Failure)
            ),
        )

    @classmethod
    def read(cls, folder: str | Path) -> "Results":
        """Reads the folder of a study.

        Raises:
            ValueError: If its files are not those of a study.
            OSError: If they are not there.
        """
        path = Path(folder)
        table, timings = _read(path / CELLS), _read(path / TIMINGS)
        try:
            study = json.loads((table.schema.metadata or {})[_METADATA])
            told = {name: study[name] for name in ("name", "reference", "versions")}
            told |= {name: tuple(study[name]) for name in ("settings", "policies", "seeds", "drawn_per_seed")}
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path / CELLS} was not written by this version of brgym sweep") from None
        lines = (path / FAILURES).read_text(encoding="utf-8").splitlines() if (path / FAILURES).is_file() else []
        return cls(**told, table=table, timings=timings, failures=tuple(json.loads(line) for line in lines))

    def write(self, folder: Path) -> None:
        """Writes the three files, each whole or not at all; the same results give the same bytes.

        Raises:
            OSError: If one cannot be written.
        """
        for file, table in ((CELLS, self.table), (TIMINGS, self.timings)):
            write_table(table, folder / file)
        write_text("".join(json.dumps(failure) + "\n" for failure in self.failures), folder / FAILURES)

    @property
    def varied(self) -> tuple[str, ...]:
        """Dotted names of what differs between settings."""
        said = dict.fromkeys(key for setting in self.settings for key in setting)
        return tuple(key for key in said if len({repr(setting.get(key)) for setting in self.settings}) > 1)

    @property
    def telling(self) -> tuple[str, ...]:
        """Those of `varied` that tell settings apart.

        Without what follows from another one, as the number of requests may from the workload's name; of two that
        follow from each other the first stays.
        """
        said = {key: [repr(setting.get(key)) for setting in self.settings] for key in self.varied}
        kinds = {key: len(set(values)) for key, values in said.items()}
        kept = list(said)
        for key in sorted(said, key=lambda key: (kinds[key], -self.varied.index(key))):
            others = (other for other in kept if other != key and kinds[other] >= kinds[key])
            if any(len(set(zip(said[other], said[key], strict=True))) == kinds[other] for other in others):
                kept.remove(key)
        return tuple(kept)

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that are the same in every repetition."""
        described = {key for setting in self.settings for key in setting} | {"policy", "seed"}
        return tuple(name for name in self.table.column_names if name not in described)

    @property
    def missing(self) -> int:
        """How many cells have no figures, since they failed or have not been run."""
        steps = self.table.column("steps") if "steps" in self.table.column_names else None
        return int(self.table.num_rows) if steps is None else int(steps.null_count)

    def values(self, setting: int, policy: str, figure: str) -> Reals:
        """One figure of one policy in a setting, shape (seeds,); NaN where there is none.

        Args:
            setting: Index in `settings`.
            policy: One of `policies`.
            figure: One of `figures`, or of the wall-clock ones.

        Raises:
            ValueError: If there is no such policy or figure.
        """
        check_choice("policy", policy, self.policies)
        rows = self._cube(figure)
        return np.asarray(rows[setting, :, self.policies.index(policy)])

    def mean(self, setting: int, policy: str, figure: str) -> Estimate:
        """The mean over the seeds, with its interval; arguments as `values`."""
        return mean_interval(self.values(setting, policy, figure))

    def difference(self, setting: int, policy: str, figure: str) -> Estimate:
        """The mean difference to the reference policy, seed by seed; arguments as `values`."""
        return paired_difference(self.values(setting, policy, figure), self.values(setting, self.reference, figure))

    def ratio(self, setting: int, policy: str, figure: str) -> Estimate:
        """The mean ratio to the reference policy, seed by seed; arguments as `values`."""
        return paired_ratio(self.values(setting, policy, figure), self.values(setting, self.reference, figure))

    def _cube(self, figure: str) -> Reals:
        """A figure, shape (settings, seeds, policies)."""
        if figure not in self._cubes:
            apart = [name for name in self.timings.column_names if name not in self.table.column_names]
            check_choice("figure", figure, [*self.figures, *apart])
            column = (self.timings if figure in apart else self.table).column(figure)
            values = np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
            self._cubes[figure] = values.reshape(len(self.settings), len(self.seeds), len(self.policies))
        return self._cubes[figure]

    @cached_property
    def _cubes(self) -> dict[str, Reals]:
        return {}


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from None


def _column(values: Sequence[Any]) -> pa.Array:
    """A column of one type: numbers as numbers, and where texts are among them all as texts."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} and kinds:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        return pa.array(values, pa.int64())
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())
